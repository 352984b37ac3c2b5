"""Suggested moves for the order on screen: asked for, worked out bit by bit, shown in words."""

from typing import Any

import streamlit as st

from reorder_core.errors import OrderError
from reorder_core.explore.suggestions import Goal, Suggestion, candidates, make_goal, suggestions
from reorder_core.orders.moves import Move, apply
from reorder_core.orders.order import Order, order_hash
from reorder_core.store.run import Run
from ui.app import state, words
from ui.app.history import History
from ui.queries import estimates
from ui.queries.estimates import Pair
from ui.timeline.panels import suggested
from ui.timeline.requests.events import Event, Suggest
from ui.timeline.requests.handling import After, handles


@handles(Suggest)
def look(event: Event, run: Run, history: History) -> After:
    """Look for moves from the order on screen; raises OrderError for a foreign goal."""
    request = event.request
    aim, _, domain = request.aim.partition(" ")
    visit, of = request.selection, run.visits.sample_of  # a tile is a visit
    if visit is None and aim in ("remember", "forget"):
        raise OrderError(f"no sample is selected that the model could {aim}; select one first")
    sample = int(of[visit]) if visit is not None and visit < len(of) else visit or 0
    goal = make_goal(run, aim, domain, sample)
    state.set_suggesting(run.id, (goal, order_hash(history.order)))
    return After.PAGE


def pairs(run: Run, history: History) -> list[Pair]:
    """The orders after the candidates, and that on screen."""
    return [(order, history.order) for _, order in _shortlist(run, history)]


def record(run: Run, history: History) -> dict[str, Any]:
    """The best moves known so far; without a hash where none was asked for of this order."""
    asked = _asked(run, history)
    if asked is None:
        return {"parts": [suggested.words(suggested.ASK)]}
    goal, digest = asked
    shortlist = _shortlist(run, history)
    known = estimates.found(run, pairs(run, history))
    found = zip(shortlist, known, strict=True)
    estimated = [(move, change) for (move, _), change in found if change is not None]
    rows = [_row(run, history.order, one) for one in suggestions(goal, run, estimated)]
    return {
        "run": run.id,
        "hash": digest,
        "parts": [
            suggested.words(suggested.said(goal, rows, len(estimated), len(shortlist))),
            *suggested.drawn(goal, rows),
        ],
    }


def _asked(run: Run, history: History) -> tuple[Goal, str] | None:
    asked = state.suggesting(run.id)
    return asked if asked and asked[1] == order_hash(history.order) else None


def _shortlist(run: Run, history: History) -> list[tuple[Move, Order]]:
    """The candidates and the orders they lead to."""
    asked = _asked(run, history)
    if asked is None:
        return []
    return _candidates(run, history.order, run.fingerprint, asked[1], asked[0])


@st.cache_resource(max_entries=8, show_spinner=False)
def _candidates(
    _run: Run, _order: Order, fingerprint: str, order_hash: str, goal: Goal
) -> list[tuple[Move, Order]]:
    """Asked for several times in each round of estimates; all swaps of 2,048 samples take 0.1 s."""
    found = candidates(_run, estimates.position_table(_run), _order, goal)
    return [(one.move, apply(_order, one.move)) for one in found]


def _row(run: Run, before: Order, one: Suggestion) -> dict[str, Any]:
    move = one.move
    return {
        "move": {"kind": move.kind, "samples": list(move.samples), "slot": move.slot},
        "words": words.of_move(run, before, move),
        "effect": [one.change, one.low, one.high],
        "clear": one.clear,
    }
