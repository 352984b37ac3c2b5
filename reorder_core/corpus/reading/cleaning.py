"""Text made safe to store and to draw: no control characters, no halves of characters."""

import re

_CONTROLS = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]"
)  # what XML and terminals trip over; tab, newline and right-to-left marks are text
_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85]")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def cleaned(text: str) -> tuple[str, int]:
    """The text with \\n for every line and page break, and how many characters became U+FFFD.

    Replaced are control characters and unpaired surrogates, which UTF-8, SVG
    or a terminal would choke on.
    """
    text = _joined(text) if not text.isascii() else text
    text = _BREAKS.sub("\n", text)
    return _CONTROLS.subn(REPLACEMENT, text)


def one_line(text: str) -> str:
    """A name: cleaned, with single spaces in place of all white space."""
    return " ".join(cleaned(text)[0].split())


def shown(text: str, length: int) -> str:
    """The beginning of a text, on one line and safe for a terminal; cut with "…".

    Marks that turn the direction of writing are left out: here, unlike in the
    text itself, they would turn what is printed after them.
    """
    line = re.sub("[\u200e\u200f\u202a-\u202e\u2066-\u2069]", "", one_line(text[: 4 * length]))
    return line if len(line) <= length else line[: length - 1] + "…"


def _joined(text: str) -> str:
    """Pairs of surrogates as the one character they stand for."""
    if not re.search("[\ud800-\udbff][\udc00-\udfff]", text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
