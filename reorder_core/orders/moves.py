"""Moves: what was done to an order, kept so that it can be done again, left out or shared."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from reorder_core.errors import OrderError
from reorder_core.orders.order import Order, make_order, order_hash, slots_of, swap

Kind = Literal["insert", "swap", "order"]
_CODES: dict[str, Kind] = {"i": "insert", "s": "swap"}
LONGEST_TITLE = 120


@dataclass(frozen=True, slots=True)
class Move:
    """Samples that change their slots, or a whole order taken over."""

    kind: Kind
    samples: tuple[int, ...] = ()
    """As they stand afterwards, side by side; empty for a whole order."""
    slot: int = 0
    """The slot of the first of them afterwards."""
    title: str = ""
    """Of a whole order: what it is, such as `sorted by length`."""
    order: tuple[int, ...] = ()
    """Of a whole order: its sample ids."""


def whole(order: Order, title: str) -> Move:
    """The move that puts `order` in the place of any other."""
    return Move("order", title=title[:LONGEST_TITLE], order=tuple(order.tolist()))


def make_move(kind: Any, samples: Any, slot: Any, count: int) -> Move:
    """A checked insert or swap for a run of `count` samples; raises OrderError."""
    if kind not in ("insert", "swap"):
        raise OrderError(f"unknown move {str(kind)[:20]!r}; expected insert or swap")
    ids = list(samples) if isinstance(samples, (list, tuple)) else []
    if not ids or len(ids) > count or not all(_whole_number(i, count) for i in ids):
        raise OrderError(f"a move needs sample ids, whole numbers from 0 to {count - 1}")
    if len(set(ids)) < len(ids):
        raise OrderError("a move names a sample twice")
    if not _whole_number(slot, count - len(ids) + 1):
        raise OrderError(
            f"cannot put {len(ids)} samples at slot {str(slot)[:20]}; "
            f"they fit into slots 0..{count - len(ids)}"
        )
    return Move(kind, tuple(map(int, ids)), int(slot))


def apply(order: Order, move: Move) -> Order:
    """`order` after a move.

    insert: the samples are taken out and put back side by side, the first at
    `slot` of the result. swap: one after the other changes places with what
    then stands at `slot`, `slot` + 1 …
    """
    if move.kind == "order":
        return make_order(move.order, len(order))
    if move.kind == "insert":
        rest = order[~np.isin(order, move.samples)]
        return make_order(np.insert(rest, move.slot, move.samples), len(order))
    for offset, sample in enumerate(move.samples):
        order = swap(order, sample, move.slot + offset)
    return order


def apply_all(order: Order, moves: Iterable[Move]) -> list[Order]:
    """The orders after each move, one after the other."""
    found = []
    for move in moves:
        order = apply(order, move)
        found.append(order)
    return found


def gives(order: Order, move: Move, result: Order) -> bool:
    """Whether `move` turns `order` into `result`."""
    return order_hash(apply(order, move)) == order_hash(result)


def single_move(order: Order, result: Order) -> Move | None:
    """The insert or swap of one sample that turns `order` into `result`; None if none does."""
    changed = np.flatnonzero(order != result).tolist()
    if not changed:
        return None
    ends = [(int(result[slot]), slot) for slot in (changed[0], changed[-1])]
    kinds: tuple[Kind, ...] = ("insert", "swap")
    candidates = [Move(kind, (sample,), slot) for kind in kinds for sample, slot in ends]
    return next((move for move in candidates if gives(order, move, result)), None)


def from_slots(order: Order, move: Move) -> list[int]:
    """Where the moved samples stand in the order before."""
    return slots_of(order)[list(move.samples)].tolist()


# --- short text for addresses --------------------------------------------------


def encode_moves(moves: Sequence[Move]) -> str | None:
    """`i29.3` puts sample 3 at slot 29, `s0.4` swaps it there; None if one is a whole order."""
    if any(move.kind == "order" for move in moves):
        return None
    return "_".join(".".join([f"{m.kind[0]}{m.slot}", *map(str, m.samples)]) for m in moves)


def decode_moves(text: str, count: int) -> list[Move]:
    """The inverse of `encode_moves`; raises OrderError for text it did not write."""
    return [_decoded(part, count) for part in text.split("_")] if text else []


def _decoded(text: str, count: int) -> Move:
    head, *samples = text[1:].split(".")
    numbers = [head, *samples]
    # isdigit alone would let other scripts' digits through, and int() endless ones.
    if text[:1] not in _CODES or not all(
        n.isascii() and n.isdigit() and len(n) < 9 for n in numbers
    ):
        raise OrderError("the moves in this link are damaged; ask for the link again")
    return make_move(_CODES[text[0]], [int(n) for n in samples], int(head), count)


def _whole_number(value: Any, limit: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < limit
