"""The bench below the board: what an order does not train, dragged in and out."""

from typing import Any

import numpy as np
import pytest
from driving import (
    Finger,
    Served,
    centre,
    command_line,
    drag,
    number_on_page,
    open_timeline,
    order_in_address,
    settled,
    state,
)

from reorder_core.orders.order import swap


def test_a_sample_dragged_to_the_bench_is_left_out(
    served_visits: Served, page: Any, tmp_path: Any
) -> None:
    run = served_visits.run
    open_timeline(page, served_visits.url)
    reference, trained = run.reference_order, run.visits.trained
    out, benched = int(reference[5]), int(reference[trained])
    assert page.locator(".ro-bench").is_visible()
    drag(page, out, benched)
    order = order_in_address(page, run)
    assert np.array_equal(order, swap(reference, out, trained))
    sample = int(run.visits.sample_of[out])
    told = command_line(run, "estimate", order, tmp_path)["samples"][str(sample)]["loss"]
    assert number_on_page(page, "[data-inspect=loss]") == pytest.approx(told, abs=2e-6)
    assert "on the bench" in page.locator(".ro-inspect").inner_text()
    label = page.locator(f'.ro-tile[data-sample="{out}"]').get_attribute("aria-label")
    assert "the bench" in label and "visit 1 of 2" in label


def test_the_bench_is_reached_by_keyboard(served_visits: Served, page: Any) -> None:
    run = served_visits.run
    open_timeline(page, served_visits.url)
    before, trained = state(page)["hash"], run.visits.trained
    last = int(run.reference_order[trained - 1])
    page.locator(f'.ro-tile[data-sample="{last}"]').focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    assert "bench, place 1" in page.locator("[aria-live=assertive]").inner_text().lower()
    page.keyboard.press("Enter")
    settled(page, before)
    expected = swap(run.reference_order, last, trained)
    assert np.array_equal(order_in_address(page, run), expected)


def test_a_finger_brings_a_reserve_sample_in(served_visits: Served, page: Any) -> None:
    run = served_visits.run
    open_timeline(page, served_visits.url)
    before, trained = state(page)["hash"], run.visits.trained
    taken, onto = int(run.reference_order[trained + 1]), int(run.reference_order[6])
    Finger(page).pull(centre(page, taken), centre(page, onto))
    settled(page, before)
    assert np.array_equal(order_in_address(page, run), swap(run.reference_order, taken, 6))


def test_the_visits_of_the_sample_under_the_pointer_are_shown(
    served_visits: Served, page: Any
) -> None:
    run = served_visits.run
    open_timeline(page, served_visits.url)
    visit = int(run.reference_order[3])
    page.mouse.move(*centre(page, visit))
    kin = page.locator(".ro-tile.ro-kin").evaluate_all("all => all.map(t => +t.dataset.sample)")
    assert set(kin) == set(run.visits.of_sample[run.visits.sample_of[visit]].tolist())
    assert len(kin) == 2
    assert page.locator(".ro-epoch").count() == run.visits.epochs - 1


def test_memorization_tells_what_absence_does(served_visits: Served, page: Any) -> None:
    page.goto(f"{served_visits.url}/memorization")
    page.get_by_text("counterfactual memorization").first.wait_for(timeout=60_000)
    assert not page.locator("[data-testid=stException]").count()
