"""Text of runs and files in a page's Markdown."""

import re

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#!|~$:&^=])")
_LINK = re.compile(r"(?i)(://|\bwww(?=\.)|@)")
_TURNED = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_RIGHT_TO_LEFT = re.compile(f"[{_TURNED}](?:[{_TURNED}\\s\\d]*[{_TURNED}])?")
JOINER, ISOLATE, ISOLATED = (
    "\N{WORD JOINER}",
    "\N{FIRST STRONG ISOLATE}",
    "\N{POP DIRECTIONAL ISOLATE}",
)


def plain(text: str) -> str:
    """The text as it stands, whatever it holds: no Markdown, no link, no picture.

    What is written from right to left is isolated, or it would turn the
    numbers beside it. Addresses hold an unseen joiner: what reads Markdown
    makes links of them even where their signs are escaped.
    For the middle of a sentence: a number and a dot at its beginning would be a list.
    """
    line = _LINK.sub(_parted, " ".join(text.split()))
    line = _RIGHT_TO_LEFT.sub(rf"{ISOLATE}\g<0>{ISOLATED}", line)
    return _MARKUP.sub(r"\\\1", line)


def _parted(found: "re.Match[str]") -> str:
    sign = found[0]
    return f":{JOINER}//" if sign == "://" else f"{JOINER}@" if sign == "@" else sign + JOINER
