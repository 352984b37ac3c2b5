"""What a selected group would do at a few steps: estimated before it is dragged anywhere."""

from typing import Any

import numpy as np

from reorder_core.errors import OrderError
from reorder_core.orders.moves import Move, apply, make_move
from reorder_core.orders.order import Order, order_hash, slots_of
from reorder_core.store.run import Run
from ui.app import state
from ui.app.history import History
from ui.queries import estimates
from ui.queries.estimates import Pair
from ui.timeline import move_effects
from ui.timeline.requests.events import Event, Trial
from ui.timeline.requests.handling import After, handles

STEPS = 9
"""Estimated of each group, the first and the last among them."""


@handles(Trial)
def try_group(event: Event, run: Run, history: History) -> After:
    """Try that group from now on; raises OrderError for one that there is not."""
    request = event.request
    if len(request.samples) < 2:
        raise OrderError("a group has two samples or more")
    move = make_move(request.kind, request.samples, 0, run.visits.count)
    state.set_trial(run.id, (move.kind, move.samples, order_hash(history.order)))
    return After.PAGE


def pairs(run: Run, history: History) -> list[Pair]:
    """The orders after the moves, and that on screen."""
    return [(order, history.order) for _, order in _moves(run, history)]


def record(run: Run, history: History) -> dict[str, Any]:
    """What is known so far, by step; empty where no group of this order is tried."""
    asked = _asked(run, history)
    if asked is None:
        return {}
    kind, samples, digest = asked
    moves = _moves(run, history)
    known = estimates.found(run, pairs(run, history))
    rows = [
        {"step": step, **move_effects.difference_record(run, found, list(samples))}
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
    if (slots_of(history.order)[list(samples)] >= run.visits.trained).any():
        kind = "swap"  # what comes off the bench changes places with what is there, as when dropped
    steps = np.unique(np.linspace(0, run.steps - 1, STEPS).round().astype(int))
    slots = np.minimum(steps * run.batch_size, run.visits.trained - len(samples))
    return [
        (int(step), apply(history.order, Move(kind, samples, int(slot))))
        for step, slot in zip(steps, slots, strict=True)
    ]
