"""Guided questions on the timeline page: each shows its orders and says what they answer."""

import streamlit as st

from reorder_core.errors import OrderError
from reorder_core.estimators import DEFAULT
from reorder_core.explore.scenarios import (
    Scenario,
    answer,
    contrast_of,
    metric_of,
    scenarios,
)
from reorder_core.orders.moves import Move, gives, whole
from reorder_core.store.run import Run
from ui.app import component, open_run, state
from ui.app.history import History
from ui.queries.service import service
from ui.timeline.panels import questions
from ui.timeline.requests.events import Event, Guide
from ui.timeline.requests.handling import After, handles


def publish(run: Run) -> None:
    """Send the run's questions, and the answer to the one being asked."""
    with open_run.explained(run.path):
        found = _scenarios(run, run.fingerprint)
        asked = state.guide(run.id)
        here = next((s for s in found if asked and s.key == asked[0]), None)
        answer = "" if here is None else _answer(run, here)
        stops = () if here is None else here.stops
        retrained = [run.ledger.of(stop.order) is not None for stop in stops]
    parts = questions.drawn(found, asked, answer, retrained) if found else []
    deck = questions.slides(found, asked, answer)
    component.publish("scenarios", {"parts": parts, "deck": deck})


@handles(Guide)
def show_stop(event: Event, run: Run, history: History) -> After:
    """Show one order of a question, as a move of the history; raises OrderError for no such."""
    request = event.request
    if not request.key:
        state.set_guide(run.id, None)
        return After.PAGE
    found = {scenario.key: scenario for scenario in _scenarios(run, run.fingerprint)}
    if request.key not in found or request.stop >= len(found[request.key].stops):
        raise OrderError("this run has no such guided question")
    stop = found[request.key].stops[request.stop]
    move = Move("insert", stop.samples, stop.slot)
    moved = bool(stop.samples) and gives(history.order, move, stop.order)
    history.commit(stop.order, move if moved else whole(stop.order, stop.title))
    state.set_guide(run.id, (request.key, request.stop))
    return After.ADDRESS | After.PAGE


def _answer(run: Run, scenario: Scenario) -> str:
    """The sentence; computed when the question is first asked."""
    return _sentence(run, scenario, run.fingerprint, run.ledger.stamp, scenario.key)


@st.cache_data(max_entries=20, show_spinner=False)
def _sentence(_run: Run, _scenario: Scenario, fingerprint: str, stamp: str, key: str) -> str:
    """From one estimator that knows none of the retrainings of the question's orders."""
    run, scenario = _run, _scenario
    orders = [stop.order for stop in scenario.stops]
    today = service(run).now()
    found = [today.answer(order, without=orders).estimate for order in orders]
    values = [metric_of(scenario, run, e.final) for e in found]
    low, high = orders[values.index(min(values))], orders[values.index(max(values))]
    difference = today.difference(high, low, without=orders)
    truths = [run.ledger.of(order) for order in (high, low)]
    retrained = [metric_of(scenario, run, t.final) for t in truths if t is not None]
    apart = retrained[0] - retrained[1] if len(retrained) == 2 else float("nan")
    return answer(scenario, values, contrast_of(scenario, run, difference, apart))


@st.cache_resource(max_entries=4, show_spinner=False)
def _scenarios(_run: Run, fingerprint: str) -> tuple[Scenario, ...]:
    known = service(_run)
    with known.computing:
        return scenarios(_run, known.estimator(DEFAULT).estimate)
