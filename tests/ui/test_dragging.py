"""Real drags in a real browser; the numbers on the page are those of the command line."""

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
    trace,
)

from reorder_core.orders.order import insert, order_hash, slots_of, swap


def test_dragging_with_the_mouse_shows_what_the_command_line_estimates(
    served: Served, page: Any, tmp_path: Any
) -> None:
    run = served.run
    open_timeline(page, served.url)
    dragged, onto = int(run.reference_order[3]), int(run.reference_order[254])
    drag(page, dragged, onto)
    order = order_in_address(page, run)
    assert np.array_equal(order, insert(run.reference_order, dragged, 254))
    told = command_line(run, "estimate", order, tmp_path)
    assert state(page)["hash"] == told["order_hash"]
    reference = run.reference.final.probes.mean()
    held_out = np.mean([cell["loss"] for cell in told["probes"].values()]) - reference
    assert number_on_page(page, "[data-kpi-change=heldout]") == pytest.approx(held_out, abs=2e-6)
    level = pytest.approx(held_out + reference, abs=2e-6)
    assert number_on_page(page, "[data-kpi=heldout]") == level
    own = told["samples"][str(dragged)]["loss"]
    assert number_on_page(page, "[data-inspect=loss]") == pytest.approx(own, abs=2e-6)
    assert page.locator("[data-inspect=loss]").inner_text() == f"{own:.3f}"
    assert abs(own - run.reference.final.samples[dragged]) > 1e-4, "the move must matter"
    drawn = trace(page, "generalization", "estimate")
    shown = dict(zip(drawn["customdata"], drawn["x"], strict=True))
    for domain, cell in told["probes"].items():
        change = cell["loss"] - run.reference.final.probes[run.probe_domains.index(domain)]
        assert shown[domain] == pytest.approx(change, abs=2e-6)


def test_a_sample_carried_by_keyboard_lands_where_the_arrows_took_it(
    served: Served, page: Any, tmp_path: Any
) -> None:
    run = served.run
    open_timeline(page, served.url)
    before = state(page)["hash"]
    sample = int(run.reference_order[2])
    page.locator(f'.ro-tile[data-sample="{sample}"]').focus()
    page.keyboard.press("Space")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    assert "step 3, place 4" in page.locator("[aria-live=assertive]").inner_text().lower()
    page.keyboard.press("Enter")
    settled(page, before)
    order = order_in_address(page, run)
    assert np.array_equal(order, insert(run.reference_order, sample, 2 + 2 * run.batch_size + 1))
    assert page.evaluate("document.activeElement.dataset.sample") == str(sample)
    own = command_line(run, "estimate", order, tmp_path)["samples"][str(sample)]["loss"]
    assert number_on_page(page, "[data-inspect=loss]") == pytest.approx(own, abs=2e-6)


def test_swap_exchanges_two_samples_and_touches_no_other(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    page.get_by_role("radio", name="Swap").click()
    a, b = int(run.reference_order[5]), int(run.reference_order[100])
    drag(page, a, b)
    assert np.array_equal(order_in_address(page, run), swap(run.reference_order, a, 100))


def test_touch_drags_a_tile_without_scrolling_the_page(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    before = state(page)["hash"]
    a, b = int(run.reference_order[9]), int(run.reference_order[60])
    Finger(page).pull(centre(page, a), centre(page, b))
    settled(page, before)
    assert np.array_equal(order_in_address(page, run), insert(run.reference_order, a, 60))


def test_a_press_that_ends_outside_the_board_carries_nothing(served: Served, page: Any) -> None:
    order = served.run.reference_order
    open_timeline(page, served.url)
    before = state(page)
    box = page.locator(f'.ro-tile[data-sample="{int(order[8])}"]').bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"]
    page.mouse.move(x, y + 1)
    page.mouse.down()
    page.mouse.move(x, y - 2)
    page.mouse.up()
    page.mouse.move(*centre(page, int(order[100])), steps=4)
    assert page.locator(".ro-held").count() == 0
    drag(page, int(order[8]), int(order[100]))
    assert state(page) != before, "and the next press carries"


def test_escape_puts_a_sample_back_and_asks_nothing_of_the_server(
    served: Served, page: Any
) -> None:
    open_timeline(page, served.url)
    before = state(page)
    page.locator('.ro-tile[tabindex="0"]').focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    page.wait_for_timeout(300)
    assert state(page) == before
    assert "put back" in page.locator("[aria-live=assertive]").inner_text()


def test_the_preview_under_the_pointer_is_the_position_tables_difference(
    served: Served, page: Any
) -> None:
    from reorder_core.estimators.position import open_position_table

    run = served.run
    table = open_position_table(run)
    open_timeline(page, served.url)
    sample, slot = int(run.reference_order[4]), 253
    page.mouse.move(*centre(page, sample))
    page.mouse.down()
    page.mouse.move(*centre(page, int(run.reference_order[slot])), steps=5)
    page.wait_for_timeout(100)
    steps = slots_of(run.reference_order) // run.batch_size
    moved = slots_of(insert(run.reference_order, sample, slot)) // run.batch_size
    ids = np.arange(run.visits.count)
    own = table.own[sample, moved[sample]] - table.own[sample, steps[sample]]
    held_out = (table.held_out[ids, moved] - table.held_out[ids, steps]).sum()
    assert number_on_page(page, "[data-preview=own]") == pytest.approx(float(own), abs=1e-6)
    assert number_on_page(page, "[data-preview=heldOut]") == pytest.approx(
        float(held_out), abs=1e-6
    )
    assert state(page)["hash"] == order_hash(run.reference_order), "the server was not asked"
    page.keyboard.press("Escape")
    page.mouse.up()
