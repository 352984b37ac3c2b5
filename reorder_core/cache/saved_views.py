"""Named orders that a person keeps, in the run's cache database.

They are the one thing there that cannot be computed again, so estimates that
go stale, or are kept in another format, never take them along.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from reorder_core.cache.estimates import ResultCache
from reorder_core.errors import OrderError, StoreError
from reorder_core.orders.order import Order, make_order, order_hash

MOST_VIEWS, LONGEST_NAME, LONGEST_NOTE, LONGEST_MOVES, LONGEST_METRIC = 200, 80, 500, 1000, 20

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS views (
        id VARCHAR PRIMARY KEY, run VARCHAR, place INTEGER, name VARCHAR, note VARCHAR,
        sample_order INTEGER[], moves VARCHAR, selection INTEGER, metric VARCHAR,
        created TIMESTAMP)"""

_COLUMNS = "id, name, note, sample_order, moves, selection, metric, created"


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """An order with a name, and what else was on screen."""

    name: str
    order: Order
    note: str = ""
    moves: str = ""
    """As `moves.encode_moves` writes them; empty where the order alone is known."""
    selection: int | None = None
    """The sample selected."""
    metric: str = ""
    """Which loss curve was shown; the browser's word."""
    id: str = ""
    """Given when it is saved."""
    created: datetime | None = None
    """UTC, without a zone, as DuckDB keeps it."""

    @property
    def hash(self) -> str:
        return order_hash(self.order)


class SavedViews:
    """The saved views of one run, in the order of the deck; safe to use from many threads."""

    def __init__(self, cache: ResultCache, run_id: str, count: int) -> None:
        """`count` samples of the run; raises StoreError where the database cannot be used."""
        self._cache, self._run, self._count = cache, run_id, count
        self._execute(_SCHEMA)

    def all(self) -> list[View]:
        """Every view, first of the deck first; one that does not fit the run is left out."""
        rows = self._execute(f"SELECT {_COLUMNS} FROM views WHERE run = ? ORDER BY place, created",
                             self._run)  # fmt: skip
        views = (self._view(*row) for row in rows)
        return [view for view in views if view is not None]

    def get(self, view_id: str) -> View:
        """The view of that id; raises OrderError where it is gone."""
        rows = self._execute(f"SELECT {_COLUMNS} FROM views WHERE run = ? AND id = ?",
                             self._run, view_id)  # fmt: skip
        view = self._view(*rows[0]) if rows else None
        if view is None:
            raise OrderError("that saved view is gone; somebody has deleted it")
        return view

    def save(self, view: View) -> str:
        """Keep a view at the deck's end; its id. Raises OrderError for a name or note too long."""
        name, note = _name(view.name), _note(view.note)
        if len(self.all()) >= MOST_VIEWS:
            raise OrderError(f"there are {MOST_VIEWS} saved views already; delete one first")
        made, created = uuid.uuid4().hex[:12], datetime.now(UTC).replace(tzinfo=None)
        self._execute(
            "INSERT INTO views VALUES (?, ?, (SELECT coalesce(max(place), -1) + 1 FROM views "
            "WHERE run = ?), ?, ?, ?, ?, ?, ?, ?)",
            made, self._run, self._run, name, note, view.order.tolist(),
            view.moves[:LONGEST_MOVES], view.selection, view.metric[:LONGEST_METRIC], created,
        )  # fmt: skip
        return made

    def rename(self, view_id: str, name: str, note: str) -> None:
        """Give a view another name and note."""
        self._change("UPDATE views SET name = ?, note = ?", view_id, _name(name), _note(note))

    def delete(self, view_id: str) -> None:
        self._change("DELETE FROM views", view_id)

    def place(self, view_id: str, place: int) -> None:
        """Put a view at that place of the deck, the others keeping their order."""
        moved = self.get(view_id)
        deck = [view for view in self.all() if view.id != view_id]
        deck.insert(max(0, min(place, len(deck))), moved)
        for number, view in enumerate(deck):
            self._change("UPDATE views SET place = ?", view.id, number)

    def _change(self, statement: str, view_id: str, *values: Any) -> None:
        found = self._execute(f"{statement} WHERE id = ? AND run = ? RETURNING id", *values,
                              view_id, self._run)  # fmt: skip
        if not found:
            raise OrderError("that saved view is gone; somebody has deleted it")

    def _execute(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            return self._cache.execute(sql, values)
        except duckdb.Error as error:
            words = str(error).splitlines()[0]
            raise StoreError(f"saved views cannot be read or written ({words})") from None

    def _view(self, made: str, name: str, note: str, ids: list[int], *rest: Any) -> View | None:
        moves, selection, metric, created = rest
        try:
            order = make_order(ids, self._count)
        except OrderError:
            return None  # saved when the run of this name had other samples
        return View(name, order, note, moves, selection, metric, made, created)


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise OrderError(f"a saved view needs a name of 1 to {LONGEST_NAME} characters")
    return name


def _note(text: str) -> str:
    note = text.strip()
    if len(note) > LONGEST_NOTE:
        raise OrderError(f"a note has at most {LONGEST_NOTE} characters, this one {len(note)}")
    return note
