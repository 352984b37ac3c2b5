"""The history as the browser shows it: each move in words, with what it alone changed."""

from typing import Any

from reorder_core.orders.moves import Move
from reorder_core.orders.order import order_hash
from reorder_core.records.estimates import Difference
from reorder_core.store.run import Run
from ui.app import words
from ui.app.history import Entry, History
from ui.queries import estimates
from ui.queries.estimates import Pair


def history_record(run: Run, history: History) -> dict[str, Any]:
    """The branches, and the current one's moves; effects that are not yet known are None."""
    first, *later = history.entries
    known = estimates.found(run, _pairs(history))
    before = zip(history.entries, later, known, strict=False)
    rows = [_row(run, base, entry, effect) for base, entry, effect in before]
    return {
        "branch": history.branch,
        "branches": [[name, len(line.entries) - 1] for name, line in history.lines.items()],
        "place": history.place,
        "start": {"hash": first.hash, "words": _start(run, first)},
        "moves": rows,
    }


def told(run: Run, history: History) -> list[tuple[str, str]]:
    """Hash and words of each point of the history, the start first."""
    first, *later = history.entries
    moves = zip(history.entries, later, strict=False)
    return [(first.hash, _start(run, first)), *((e.hash, _told(run, b, e)) for b, e in moves)]


def _start(run: Run, first: Entry) -> str:
    at_reference = first.hash == order_hash(run.reference_order)
    return f"Start: {'the reference order' if at_reference else 'an earlier order'}"


def _told(run: Run, before: Entry, entry: Entry) -> str:
    return words.of_move(run, before.order, entry.move or Move("order", title="an order"))


def in_words(run: Run, history: History) -> str:
    """The order on screen in words: its last move, and how many led there."""
    entries, place = history.entries, history.place
    if not place:
        return "the order at the start"
    move = entries[place].move or Move("order", title="an order")
    told = words.of_move(run, entries[place - 1].order, move)
    return told if place == 1 else f"{told}, after {place - 1} more"


def of_last_move(run: Run, history: History) -> Difference | None:
    """What the last move changed, for every sample and domain; None at the start of a line."""
    base = history.previous
    return None if base is None else estimates.difference(run, history.order, base)


def pairs(run: Run, history: History) -> list[Pair]:
    """Each order of the history and the one before it, the newest first."""
    return _pairs(history)[::-1]


def difference_record(run: Run, difference: Difference, moved: list[int]) -> dict[str, list[float]]:
    """Own loss of the moved visits' samples (their mean) and held-out loss: [change, low, high]."""
    rows = run.visits.sample_of[moved] if moved else slice(None)
    ends = difference.interval.samples[:, rows].mean(1)
    own = difference.change.samples[rows].mean(), *ends
    return {
        "own": [float(v) for v in own],
        "heldOut": [difference.held_out, *map(float, difference.held_out_interval)],
    }


def _pairs(history: History) -> list[Pair]:
    pairs = zip(history.entries[1:], history.entries, strict=False)
    return [(after.order, before.order) for after, before in pairs]


def _row(run: Run, before: Entry, entry: Entry, known: Difference | None) -> dict[str, Any]:
    move = entry.move or Move("order", title="an order")
    return {
        "hash": entry.hash,
        "words": _told(run, before, entry),
        "samples": list(move.samples),
        "kind": move.kind,
        "effect": None if known is None else difference_record(run, known, list(move.samples)),
        "verified": run.ledger.of(entry.order) is not None,
    }
