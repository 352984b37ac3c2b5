"""Guided questions: one click shows a question, makes the drag, and says what came of it."""

from typing import Any

import numpy as np
from driving import Served, open_timeline, order_in_address, settled, state

from reorder_core.orders import order_hash
from reorder_core.scenarios import scenarios


def answered(page: Any) -> str:
    words = page.locator(".ro-guide-answer")
    page.wait_for_function(
        "document.querySelector('.ro-guide-answer').textContent.includes('held-out loss')",
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
    assert "etrained" in answered(page) and "90 % interval" in answered(page)
    assert page.locator("[data-figure=generalization] .ro-diamond").count() > 0
    page.locator("[data-command=guide-next]").click()
    assert settled(page, first) == order_hash(poison.stops[1].order)
    assert page.locator(".ro-guide-stop[aria-pressed=true]").get_attribute("data-stop") == "1"
    page.locator("[data-command=guide-close]").click()
    page.locator(".ro-guide-open").wait_for(state="hidden")


def test_a_questions_drag_is_a_move_of_the_history(served: Served, page: Any) -> None:
    open_timeline(page, served.url)
    start = state(page)["hash"]
    page.locator("[data-guide=hard]").click()
    moved = settled(page, start)
    page.locator("[data-tab=history]").click()
    assert "first" in page.locator(".ro-move[data-place='1'] .ro-move-words").inner_text()
    page.get_by_role("button", name="Undo").click()
    assert settled(page, moved) == start
