"""Named lines of moves that a person keeps, in the run's cache database, beside saved views.

Whoever opens the run finds them. Two people who go on with the same branch do
not overwrite each other: the one who saves second gets a branch of their own.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from reorder_core.cache.estimates import ResultCache
from reorder_core.errors import OrderError, StoreError
from reorder_core.orders.moves import Move, make_move, whole
from reorder_core.orders.order import Order, make_order

MOST_BRANCHES, LONGEST_NAME, MOST_MOVES = 100, 40, 500

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS branches (
        run VARCHAR, name VARCHAR, version VARCHAR, start INTEGER[], moves VARCHAR,
        place INTEGER, changed TIMESTAMP, PRIMARY KEY (run, name))"""

_PUT = """
    INSERT INTO branches SELECT ?, ?, ?, ?, ?, ?, now()::TIMESTAMP
    WHERE (SELECT count(*) FROM branches WHERE run = ?) < ?
    ON CONFLICT DO NOTHING RETURNING name"""

_CHANGE = """
    UPDATE branches SET version = ?, start = ?, moves = ?, place = ?, changed = now()::TIMESTAMP
    WHERE run = ? AND name = ? AND version = ? RETURNING name"""


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """An order to start from, moves one after the other, and how many of them are shown."""

    name: str
    start: Order
    moves: tuple[Move, ...] = ()
    place: int = 0
    version: str = ""
    """Changes whenever it is saved; empty before that."""


class SavedBranches:
    """The branches of one run; safe to use from many threads."""

    def __init__(self, cache: ResultCache, run_id: str, count: int) -> None:
        """`count` samples of the run; raises StoreError where the database cannot be used."""
        self._cache, self._run, self._count = cache, run_id, count
        self._execute(_SCHEMA)

    def all(self) -> list[Branch]:
        """Every branch, the one changed last first; one that does not fit the run is left out."""
        rows = self._execute("SELECT name, start, moves, place, version FROM branches "
                             "WHERE run = ? ORDER BY changed DESC, name", self._run)  # fmt: skip
        found = (self._branch(*row) for row in rows)
        return [branch for branch in found if branch is not None]

    def save(self, branch: Branch) -> Branch:
        """Keep a branch; as it is kept, with its version.

        Where somebody else has changed the one it was (`version`), or has the
        name, it is kept beside that, under another name. Raises OrderError
        when there are too many.
        """
        made = replace(branch, version=uuid.uuid4().hex[:12])
        what = [made.start.tolist(), _encoded(made.moves), made.place]
        if self._execute(_CHANGE, made.version, *what, self._run, made.name, branch.version):
            return made
        for name in _names(made.name):
            if self._execute(_PUT, self._run, name, made.version, *what, self._run, MOST_BRANCHES):
                return replace(made, name=name)
        raise OrderError(
            f"there are {MOST_BRANCHES} kept branches already, or many of that name; delete one"
        )

    def delete(self, name: str, version: str) -> None:
        """Delete a branch, unless somebody has changed it since that version."""
        self._execute("DELETE FROM branches WHERE run = ? AND name = ? AND version = ?",
                      self._run, name, version)  # fmt: skip

    def _execute(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            return self._cache.execute(sql, values)
        except duckdb.Error as error:
            words = str(error).splitlines()[0]
            raise StoreError(f"branches cannot be read or written ({words})") from None

    def _branch(self, name: str, ids: list[int], moves: str, place: int, version: str) -> Any:
        try:
            start, decoded = make_order(ids, self._count), _decoded(moves, self._count)
        except OrderError:
            return None  # kept when the run of this name had other samples
        return Branch(name, start, decoded, max(0, min(place, len(decoded))), version)


def _names(name: str) -> list[str]:
    """The name itself, then with a number."""
    return [name, *(f"{name[: LONGEST_NAME - 5]} ({number})" for number in range(2, 12))]


def _encoded(moves: Sequence[Move]) -> str:
    parts = [
        {"title": m.title, "order": list(m.order)} if m.kind == "order"
        else {"kind": m.kind, "samples": list(m.samples), "slot": m.slot}
        for m in moves[-MOST_MOVES:]
    ]  # fmt: skip
    return json.dumps(parts)


def _decoded(text: str, count: int) -> tuple[Move, ...]:
    """The inverse; raises OrderError for what cannot be moves of a run of `count` samples."""
    try:
        parts = json.loads(text)
        return tuple(_move(part, count) for part in parts)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise OrderError("a kept branch is damaged") from None


def _move(part: dict[str, Any], count: int) -> Move:
    if "order" in part:
        return whole(make_order(part["order"], count), str(part["title"]))
    return make_move(part["kind"], part["samples"], part["slot"], count)
