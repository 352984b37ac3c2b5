"""The orders a session has been through: lines of moves with a place on each."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from reorder_core.errors import OrderError
from reorder_core.orders.moves import Move, apply, apply_all, whole
from reorder_core.orders.order import Order, order_hash

LONGEST, BRANCHES, LONGEST_NAME = 500, 24, 40
MAIN = "main"


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """An order and the move that led to it."""

    order: Order
    hash: str
    move: Move | None = None
    """None for the first of a line."""


@dataclass(eq=False)
class Line:
    """Orders one after the other, and which of them is shown."""

    entries: list[Entry]
    place: int = 0

    @classmethod
    def of(cls, start: Order, moves: Sequence[Move], place: int) -> "Line":
        """The line that those moves make from an order."""
        orders = zip(apply_all(start, moves), moves, strict=True)
        return cls([_entry(start), *(_entry(order, move) for order, move in orders)], place)

    @property
    def moves(self) -> tuple[Move, ...]:
        return tuple(entry.move for entry in self.entries[1:] if entry.move is not None)

    @property
    def digest(self) -> str:
        """Tells whether anything in the line has changed."""
        return "|".join([str(self.place), *(entry.hash for entry in self.entries)])


@dataclass
class History:
    """Named lines of orders, one of them current; `rev` grows with every change on screen."""

    reference: Order
    lines: dict[str, Line] = field(default_factory=dict)
    branch: str = MAIN
    rev: int = 0
    _before_removal: list[Entry] | None = None
    """The line before a move was taken out of its middle, until something else is done."""

    def __post_init__(self) -> None:
        if not self.lines:
            self.lines[self.branch] = Line([_entry(self.reference)])

    @property
    def line(self) -> Line:
        return self.lines[self.branch]

    @property
    def entries(self) -> list[Entry]:
        return self.line.entries

    @property
    def place(self) -> int:
        return self.line.place

    @property
    def order(self) -> Order:
        return self.entries[self.place].order

    @property
    def previous(self) -> Order | None:
        """The order before the last move; None at the start of the line."""
        return self.entries[self.place - 1].order if self.place else None

    @property
    def can_undo(self) -> bool:
        return self.place > 0 or self._before_removal is not None

    @property
    def can_redo(self) -> bool:
        return self.place < len(self.entries) - 1

    @property
    def at_reference(self) -> bool:
        return self.entries[self.place].hash == order_hash(self.reference)

    @property
    def moves(self) -> list[Move] | None:
        """What led here from the reference order; None where the line starts elsewhere."""
        if self.entries[0].hash != order_hash(self.reference):
            return None
        return [entry.move for entry in self.entries[1 : self.place + 1] if entry.move is not None]

    def commit(self, order: Order, move: Move | None = None) -> None:
        """Make `order` the current one; what was undone before is forgotten."""
        entry = _entry(order, move or whole(order, "a whole order"))
        if entry.hash == self.entries[self.place].hash:
            return
        self.entries[self.place + 1 :] = [entry]
        del self.entries[:-LONGEST]
        self._go(len(self.entries) - 1)

    def undo(self) -> None:
        """One place back; straight after a removal, the removed move comes back."""
        if self._before_removal is not None:
            self.line.entries = self._before_removal
            self._go(min(self.place + 1, len(self.entries) - 1))
        elif self.can_undo:
            self._go(self.place - 1)

    def redo(self) -> None:
        if self.can_redo:
            self._go(self.place + 1)

    def reset(self) -> None:
        """Go back to the reference order, as a change that can be undone."""
        self.commit(self.reference, whole(self.reference, "back to the reference order"))

    def jump(self, place: int) -> None:
        """Show the order after that many moves; raises OrderError outside the line."""
        self._check(place, 0)
        if place != self.place:
            self._go(place)

    def remove(self, place: int) -> None:
        """Take one move out and do the later ones again without it.

        Raises OrderError for a place where no move is.
        """
        self._check(place, 1)
        before, order = list(self.entries), self.entries[place - 1].order
        again = []
        for entry in self.entries[place + 1 :]:
            assert entry.move is not None  # only the first has none
            order = apply(order, entry.move)
            again.append(_entry(order, entry.move))
        self.entries[place:] = again
        self._go(self.place - 1 if self.place >= place else self.place)
        self._before_removal = before

    def fork(self, name: str) -> None:
        """Go on from here on a line of its own; raises OrderError for an unusable name."""
        name = self._new_name(name)
        if len(self.lines) >= BRANCHES:
            raise OrderError(f"there are {BRANCHES} branches already; delete one first")
        self.lines[name] = Line(self.entries[: self.place + 1], self.place)
        self.switch(name)

    def switch(self, name: str) -> None:
        """Show another branch, at the place where it was left."""
        self._known(name)
        self.branch = name
        self._go(self.place)

    def rename(self, name: str, new: str) -> None:
        """Give a branch another name, one that no other has."""
        assert new not in self.lines
        self.lines = {new if key == name else key: line for key, line in self.lines.items()}
        self.branch = new if self.branch == name else self.branch
        self.rev += 1

    def forget(self, name: str) -> None:
        """Delete a branch other than the current one."""
        self._known(name)
        if name == self.branch:
            raise OrderError(f"branch {name!r} is the one shown; switch to another first")
        del self.lines[name]
        self.rev += 1

    def adopt(self, order: Order, moves: Sequence[Move] = ()) -> None:
        """Follow the address: an order of this line is gone to, another comes as a move.

        `moves` lead to it from the reference order; a line that has only just
        begun takes them over.
        """
        digest = order_hash(order)
        places = [p for p, entry in enumerate(self.entries) if entry.hash == digest]
        if places:
            return self._go(min(places, key=lambda place: abs(place - self.place)))
        if len(self.entries) == 1 and moves and self.at_reference:
            for move in moves:
                self.commit(apply(self.order, move), move)
            return None
        return self.commit(order, whole(order, "opened from a link"))

    def _go(self, place: int) -> None:
        self.line.place = place
        self._before_removal = None
        self.rev += 1

    def _check(self, place: int, least: int) -> None:
        if not least <= place < len(self.entries):
            raise OrderError(
                f"there is no move {place} in this history; it has {len(self.entries) - 1}"
            )

    def _known(self, name: str) -> None:
        if name not in self.lines:
            raise OrderError(f"there is no branch {name[:LONGEST_NAME]!r}")

    def _new_name(self, name: str) -> str:
        name = " ".join(name.split())
        if not 0 < len(name) <= LONGEST_NAME:
            raise OrderError(f"a branch needs a name of 1 to {LONGEST_NAME} characters")
        if name in self.lines:
            raise OrderError(f"there is a branch {name!r} already; choose another name")
        return name


def _entry(order: Order, move: Move | None = None) -> Entry:
    return Entry(order, order_hash(order), move)
