"""Saved views and comparing two orders, in a browser."""

from typing import Any

import numpy as np
import pytest
from deck import clear, names, save
from driving import (
    READY,
    Served,
    drag,
    number_on_page,
    open_timeline,
    order_in_address,
    settled,
    state,
)

from reorder_core.estimators import informing_runs, open_estimator
from reorder_core.estimators.hybrid import HybridEstimator
from reorder_core.orders.order import slots_of

MARKUP = "<img src=x onerror=alert(1)> & “late”"


def test_a_saved_view_survives_a_reload_and_opens_as_it_was(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    start = state(page)["hash"]
    moved = drag(page, int(run.reference_order[4]), int(run.reference_order[120]))
    save(page, MARKUP, "why it matters")
    page.get_by_role("button", name="Undo").click()
    settled(page, moved)
    page.reload()
    page.wait_for_selector(READY)
    assert state(page)["hash"] == start
    page.locator("[data-tab=saved]").click()
    assert names(page) == [MARKUP]
    page.locator(".ro-view-open").click()
    assert settled(page, start) == moved
    assert page.locator(".ro-tile.ro-selected").get_attribute("data-sample") == str(
        run.reference_order[4]
    )
    clear(page)


def test_views_are_renamed_sorted_and_deleted(served: Served, page: Any) -> None:
    open_timeline(page, served.url)
    for name in ("one", "two"):
        save(page, name)
    page.get_by_role("button", name="Later in the deck: one").click()
    page.wait_for_function("document.querySelector('.ro-view-open b').textContent === 'two'")
    page.get_by_role("button", name="Rename one").click()
    page.get_by_label("New name").fill("first slide")
    page.get_by_role("button", name="Keep").click()
    page.get_by_text("first slide").wait_for()
    assert names(page) == ["two", "first slide"]
    clear(page)
    assert page.get_by_text("Nothing saved yet").is_visible()


def test_comparing_shows_the_difference_that_core_computes(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    drag(page, int(run.reference_order[5]), int(run.reference_order[100]))
    drag(page, int(run.reference_order[60]), int(run.reference_order[200]))
    page.locator("[data-tab=compare]").click()
    page.locator(".ro-compare-table").first.wait_for()
    order = order_in_address(page, run)
    estimator = open_estimator(run, "hybrid", informing_runs(run, order))
    assert isinstance(estimator, HybridEstimator)
    expected = estimator.difference(order, run.reference_order)
    shown = number_on_page(page, "[data-metric='Held-out, mean'] td")
    assert shown == pytest.approx(expected.held_out, abs=1e-6)
    canary = next(s.sample_id for s in run.samples if "canary" in s.flags)
    own = number_on_page(page, f"[data-metric='canary {canary}'] td")
    assert own == pytest.approx(float(expected.change.samples[canary]), abs=1e-5)
    steps = slots_of(order) // run.batch_size, slots_of(run.reference_order) // run.batch_size
    differing = int(np.sum(steps[0] != steps[1]))
    assert page.locator(".ro-tile.ro-differs").count() == differing > 0
    assert page.locator(".ro-twin-tile").count() == run.visits.trained
    assert page.locator(".ro-twin-tile.ro-differs").count() == differing


def test_the_other_order_stands_below_and_both_places_of_a_sample_are_joined(
    served: Served, page: Any
) -> None:
    run = served.run
    open_timeline(page, served.url)
    moved = int(run.reference_order[60])
    drag(page, int(run.reference_order[5]), int(run.reference_order[100]))
    drag(page, moved, int(run.reference_order[200]))
    page.locator("[data-tab=compare]").click()
    page.locator(".ro-twin-tile").first.wait_for()
    order = order_in_address(page, run)
    steps = slots_of(order) // run.batch_size, slots_of(run.reference_order) // run.batch_size
    filled = page.evaluate(
        "[...document.querySelectorAll('.ro-twin-tile.ro-differs')].map(t => +t.dataset.twin)"
    )
    assert sorted(filled) == np.flatnonzero(steps[0] != steps[1]).tolist()
    column = middle(page, f'.ro-step[data-step="{60 // run.batch_size}"]')
    assert middle(page, f'[data-twin="{moved}"]') == pytest.approx(column, abs=2)
    page.locator(f'[data-twin="{moved}"]').hover()
    assert page.locator(".ro-tile.ro-pointed").get_attribute("data-sample") == str(moved)
    tip = page.locator(".ro-tip").inner_text()
    assert f"sample {moved}," in tip and "step 26 above, step 8 here" in tip
    line = page.locator(".ro-twin-line")
    assert line.get_attribute("visibility") == "visible"
    left = page.locator(".ro-boards").bounding_box()["x"]
    assert float(line.get_attribute("x2")) + left == pytest.approx(column, abs=2)
    here = middle(page, f'.ro-tile[data-sample="{moved}"]')
    assert float(line.get_attribute("x1")) + left == pytest.approx(here, abs=2)
    page.locator(f'.ro-tile[data-sample="{int(run.reference_order[30])}"]').focus()
    assert page.locator(".ro-linked").get_attribute("data-twin") == str(run.reference_order[30])
    page.locator("[data-tab=sample]").click()
    assert page.locator(".ro-twin").is_hidden() and not line.is_visible()


def middle(page: Any, selector: str) -> float:
    box = page.locator(selector).bounding_box()
    return box["x"] + box["width"] / 2


def test_comparing_with_the_previous_order_a_point_of_the_history_and_a_view(
    served: Served, page: Any
) -> None:
    run = served.run
    open_timeline(page, served.url)
    drag(page, int(run.reference_order[7]), int(run.reference_order[110]))
    save(page, "after one move")
    drag(page, int(run.reference_order[9]), int(run.reference_order[210]))
    page.locator("[data-tab=compare]").click()
    mean = "[data-metric='Held-out, mean'] td"
    page.locator(mean).wait_for()
    against_reference = number_on_page(page, mean)
    values = []
    for label in ("the previous order", "after one move"):
        page.get_by_label("Compare this order with").select_option(label=label)
        page.wait_for_function(
            "([s, v]) => document.querySelector('.ro-timeline').dataset.state === 'ready'"
            " && Number(document.querySelector(s).dataset.value) !== v",
            arg=[mean, against_reference],
        )
        values.append(number_on_page(page, mean))
    assert values[0] == pytest.approx(values[1], abs=1e-7)
    option = page.locator("option[value^='place 0']").get_attribute("value")
    page.get_by_label("Compare this order with").select_option(value=option)
    page.wait_for_function(
        "([s, v]) => Number(document.querySelector(s).dataset.value) !== v", arg=[mean, values[0]]
    )
    assert number_on_page(page, mean) == pytest.approx(against_reference, abs=1e-7)
    page.locator("[data-tab=sample]").click()
    page.wait_for_function("!document.querySelector('.ro-comparing')")
    clear(page)


def test_two_people_share_the_saved_views_and_nothing_else(
    served: Served, page: Any, browser: Any
) -> None:
    run = served.run
    open_timeline(page, served.url)
    start = state(page)["hash"]
    moved = drag(page, int(run.reference_order[16]), int(run.reference_order[190]))
    save(page, "for both")
    page.locator("[data-tab=compare]").click()
    page.locator(".ro-compare-table").first.wait_for()
    other = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        fresh = other.new_page()
        open_timeline(fresh, served.url)
        assert state(fresh)["hash"] == start
        assert fresh.locator("[data-tab=compare]").get_attribute("aria-selected") == "false"
        fresh.locator("[data-tab=saved]").click()
        assert names(fresh) == ["for both"]
        fresh.locator(".ro-view-open").click()
        assert settled(fresh, start) == moved
        fresh.get_by_role("button", name="Undo").click()
        settled(fresh, moved)
        assert state(page)["hash"] == moved
        clear(fresh)
    finally:
        other.close()
    page.locator("[data-tab=saved]").click()
    page.locator(".ro-view-open").click()  # gone meanwhile
    page.locator(".ro-toast").wait_for(state="visible")
    assert "gone" in page.locator(".ro-toast").inner_text()
    assert state(page)["hash"] == moved
