"""What a table is: named columns, and rows that know where they stand."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from reorder_core.errors import CorpusError

Row = tuple[str, dict[str, Any]]
"""Where the row is ("line 5"), and its values by column."""


@dataclass(frozen=True, slots=True)
class Table:
    """A file read as rows."""

    form: str
    """What it was read as: "CSV", "JSON Lines" …"""
    columns: tuple[str, ...]
    rows: Iterable[Row]


class BrokenTable(CorpusError):
    """A table with a row that cannot be read; the message names file and row."""


class Number(str):
    """A number as it was written, exact at any length."""

    __slots__ = ()


def columns_of(rows: Iterable[Row]) -> tuple[str, ...]:
    """Every column that some row has, in order of appearance."""
    return tuple(dict.fromkeys(str(column) for _, row in rows for column in row))
