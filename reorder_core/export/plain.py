"""Text that others wrote, made safe for what reads it: an SVG, a terminal."""

import re
from typing import Any

_HALVES = re.compile("[\ud800-\udfff]")
"""Of a character that UTF-16 writes in two: a text cut between them ends in one."""
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def whole(value: Any) -> Any:
    """The value with every half of a cut character replaced; lists and mappings all through."""
    if isinstance(value, str):
        return _HALVES.sub("\ufffd", value)
    if isinstance(value, list):
        return [whole(item) for item in value]
    if isinstance(value, dict):
        return {whole(key): whole(item) for key, item in value.items()}
    return value


def for_xml(text: str) -> str:
    """The text without what no XML file may hold."""
    return _NO_XML.sub("", whole(text))


def for_terminal(text: str) -> str:
    """The text with control characters shown as �: none moves the cursor or turns text round."""
    return _CONTROLS.sub("\ufffd", whole(text))
