"""What a selected group would do at a few steps: estimated before it is dragged anywhere."""

from typing import Any

import numpy as np

from reorder_core.errors import OrderError
from reorder_core.orders.moves import Move, apply, make_move
from reorder_core.orders.order import Order, order_hash
from reorder_core.store.run import Run
from ui.app import state
from ui.app.history import History
from ui.queries import estimates
from ui.timeline import move_effects
from ui.timeline.events import Trial

STEPS = 9
"""Estimated of each group, the first and the last among them."""


def obey(request: Trial, run: Run, history: History) -> None:
    """Try that group from now on; raises OrderError for one that there is not."""
    if len(request.samples) < 2:
        raise OrderError("a group has two samples or more")
    move = make_move(request.kind, request.samples, 0, run.count)
    state.set_trial(run.id, (move.kind, move.samples, order_hash(history.order)))


def lacking(run: Run, history: History) -> list[Order]:
    """The orders after the moves that nobody has estimated yet."""
    return estimates.lacking(run, [o for _, o in _moves(run, history)], history.order)


def work(run: Run, history: History, seconds: float) -> None:
    """Estimate for about so long."""
    estimates.work(run, lacking(run, history), history.order, seconds)


def record(run: Run, history: History) -> dict[str, Any]:
    """What is known so far, by step; empty where no group of this order is tried."""
    asked = _asked(run, history)
    if asked is None:
        return {}
    kind, samples, digest = asked
    moves = _moves(run, history)
    known = estimates.found(run, [(order, history.order) for _, order in moves])
    rows = [
        {"step": step, **move_effects.difference_record(found, list(samples))}
        for (step, _), found in zip(moves, known, strict=True)
        if found is not None
    ]
    return {"run": run.id, "hash": digest, "kind": kind, "samples": list(samples), "rows": rows}


def _asked(run: Run, history: History) -> tuple[Any, tuple[int, ...], str] | None:
    asked = state.trial(run.id)
    return asked if asked and asked[2] == order_hash(history.order) else None


def _moves(run: Run, history: History) -> list[tuple[int, Order]]:
    """The steps that are tried and the orders that the group's moves there give."""
    asked = _asked(run, history)
    if asked is None:
        return []
    kind, samples, _ = asked
    steps = np.unique(np.linspace(0, run.steps - 1, STEPS).round().astype(int))
    slots = np.minimum(steps * run.batch_size, run.count - len(samples))
    return [
        (int(step), apply(history.order, Move(kind, samples, int(slot))))
        for step, slot in zip(steps, slots, strict=True)
    ]
