"""Text of runs and files in a page's Markdown."""

import re

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#!|~$:&^=])")


def plain(text: str) -> str:
    """The text as it stands, whatever it holds: no Markdown, no link, no picture.

    For the middle of a sentence: a number and a dot at its beginning would be a list.
    """
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))
