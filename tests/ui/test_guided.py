"""Guided questions: one click shows a question, makes the drag, and says what came of it."""

from typing import Any

import numpy as np
from driving import Served, open_timeline, order_in_address, settled, state, trace

from reorder_core.estimators import informing_runs, open_estimator
from reorder_core.estimators.hybrid import HybridEstimator
from reorder_core.explore.scenarios import (
    Scenario,
    answer,
    contrast_of,
    metric_of,
    scenarios,
)
from reorder_core.orders.order import order_hash
from reorder_core.store.run import Run


def answered(page: Any) -> str:
    words = page.locator(".ro-guide-answer")
    page.wait_for_function(
        "document.querySelector('.ro-guide-answer').textContent.includes('loss is')",
        timeout=60_000,
    )
    return words.inner_text()


def test_a_question_shows_its_orders_and_is_answered_by_real_retraining(
    served: Served, page: Any
) -> None:
    run = served.run
    (poison,) = (one for one in scenarios(run) if one.key == "poison")
    open_timeline(page, served.url)
    start = state(page)["hash"]
    page.locator("[data-guide=poison]").click()
    first = settled(page, start)
    assert first == order_hash(poison.stops[0].order)
    assert np.array_equal(order_in_address(page, run), poison.stops[0].order)
    assert page.locator(".ro-guide-question").inner_text().startswith(poison.question)
    assert expected(run, poison) in answered(page)
    assert len(trace(page, "generalization", "retrained")["x"]) > 0
    page.locator("[data-command=guide-next]").click()
    assert settled(page, first) == order_hash(poison.stops[1].order)
    assert page.locator(".ro-guide-stop[aria-pressed=true]").get_attribute("data-stop") == "1"
    page.locator("[data-command=guide-close]").click()
    page.locator(".ro-guide-open").wait_for(state="hidden")


def expected(run: Run, scenario: Scenario) -> str:
    """The answer of an estimator that knows none of the question's own retrainings."""
    orders = [stop.order for stop in scenario.stops]
    estimator = open_estimator(run, "hybrid", informing_runs(run, *orders))
    assert isinstance(estimator, HybridEstimator)
    assert not {run.trains_as(order) for order in orders} & estimator.fitted_on
    found = [estimator.estimate(order) for order in orders]
    values = [metric_of(scenario, run, e.final) for e in found]
    high, low = orders[int(np.argmax(values))], orders[int(np.argmin(values))]
    trained = [run.ledger.of(order) for order in (high, low)]
    truth = [metric_of(scenario, run, t.final) for t in trained if t]
    assert len(truth) == 2
    difference = estimator.difference(high, low)
    contrast = contrast_of(scenario, run, difference, truth[0] - truth[1])
    return answer(scenario, values, contrast)


def test_a_questions_drag_is_a_move_of_the_history(served: Served, page: Any) -> None:
    open_timeline(page, served.url)
    start = state(page)["hash"]
    page.locator("[data-guide=hard]").click()
    moved = settled(page, start)
    page.locator("[data-tab=history]").click()
    assert "first" in page.locator(".ro-move[data-place='1'] .ro-move-words").inner_text()
    page.get_by_role("button", name="Undo").click()
    assert settled(page, moved) == start
