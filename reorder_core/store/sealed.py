"""Records that carry a digest of themselves: a changed bit is noticed, not believed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reorder_core.store.files import finite, json_digest

SEAL = "digest"


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that grew beside a run and cannot be believed."""

    path: Path
    reason: str
    """What was seen and what was expected."""
    advice: str
    """What to do about it."""

    def __str__(self) -> str:
        return f"{self.path} is damaged and was left out: {self.reason}; {self.advice}"


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record in JSON's types, and its digest last."""
    value = finite(record)
    return value | {SEAL: json_digest(value)}


def opened(record: Any) -> tuple[dict[str, Any], str]:
    """The record without its digest, and the digest it really has.

    ValueError where that is not the one it carries. Records of earlier versions
    carry none and are taken as they are.
    """
    if not isinstance(record, dict):
        raise ValueError(f"it holds a {type(record).__name__}, expected a mapping")
    content = {key: value for key, value in record.items() if key != SEAL}
    seen = json_digest(content)
    if SEAL in record and record[SEAL] != seen:
        raise ValueError(f"its digest is {seen[:12]}, expected {str(record[SEAL])[:12]}")
    return content, seen
