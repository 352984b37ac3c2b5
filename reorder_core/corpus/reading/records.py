"""Rows to documents: their text, their domain, and what had to be left out."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from reorder_core.corpus.reading.cleaning import cleaned, one_line
from reorder_core.corpus.reading.row_template import NoText, Wording
from reorder_core.corpus.reading.rows import BrokenTable, Number, Row
from reorder_core.corpus.samples import Document

TOLD = 5


@dataclass(slots=True)
class Choice:
    """Which rows are read, counted over all tables from 1."""

    ranges: tuple[tuple[int, int | None], ...] = ()
    seen: int = 0

    def takes_next(self) -> bool:
        """Whether the row that comes now is asked for."""
        self.seen += 1
        inside = (first <= self.seen <= (last or self.seen) for first, last in self.ranges)
        return not self.ranges or any(inside)


@dataclass(slots=True)
class Tally:
    """What reading came across, for the report."""

    rows: int = 0
    without_text: int = 0
    replaced: int = 0
    """Characters that became U+FFFD."""
    faults: list[str] = field(default_factory=list)


def ranges_of(rows: str) -> tuple[tuple[int, int | None], ...]:
    """((first, last), …) of "1-500, 900-"; raises ValueError for anything else."""
    found = []
    for part in rows.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (last and not last.isdecimal()) or int(first) < 1:
            raise ValueError(f'{part.strip()!r} is no range; write "1-500" or "1-500, 900-"')
        found.append((int(first), int(last) if last else None if dash else int(first)))
    return tuple(found)


def documents_of(
    rows: Iterable[Row],
    names: tuple[str, str],
    wording: Wording,
    domain_column: str | None,
    domain: str,
    tally: Tally,
    choice: Choice,
) -> list[Document]:
    """A document for each row with text; faults of single rows go to the tally.

    `names` are the file's within the corpus and where it lies. The source of
    each is the first and where in the file the row stands.
    """
    name, place = names
    documents, bad = [], []
    for where, row in rows:
        if not choice.takes_next():
            continue
        tally.rows += 1
        try:
            text = wording.text(row) if wording.has_response(row) else ""
            turns = wording.turns(row) if text and wording.by_tokenizer else ()
            before = cleaned(wording.before(row))[0] if text and not turns else ""
            named = domain if domain_column is None else _domain(row, domain_column)
        except NoText as error:
            bad.append(f"{where}: {error}")
            continue
        text, replaced = cleaned(text)
        if not text.strip():
            tally.without_text += 1
            continue
        tally.replaced += replaced
        learned = wording.response is not None  # then a row is one sample, and cut at its end
        one = Document(text, named, f"{name}, {where}", single=learned, before=len(before))
        documents.append(replace(one, turns=turns, answer_only=learned) if turns else one)
    if bad:
        more = f", and {len(bad) - 1} more rows" if len(bad) > 1 else ""
        raise BrokenTable(f"{place}, {bad[0]}{more}")
    return documents


def _domain(row: dict[str, Any], column: str) -> str:
    value = row.get(column)
    if isinstance(value, float):
        value = None if value != value else _whole(column, value)
    if isinstance(value, (list, dict, bytes)):
        raise NoText(f"{column!r} holds {type(value).__name__}; expected a domain's name")
    name = one_line(str(value)) if value is not None else ""
    if isinstance(value, bool):
        name = name.lower()
    if not name:
        raise NoText(f"{column!r} is empty; expected a domain's name, or no corpus.domain_column")
    return name


def _whole(column: str, value: float) -> str:
    """A whole number as such: tables keep integers with a gap as floats."""
    if abs(value) >= 2**53:
        raise NoText(
            f"{column!r} holds {value:.0f} as a float, which stands for several integers; "
            "save the column as integers or text"
        )
    return str(int(value)) if value.is_integer() else str(Number(value))
