"""Undo, redo, reload, Back, links: the order on screen and the address agree."""

from typing import Any

import numpy as np
from driving import HOME, READY, Served, drag, open_timeline, order_in_address, settled, state

from reorder_core.orders.links import encode_order
from reorder_core.orders.order import insert, order_hash


def test_undo_and_redo_by_button_and_by_key(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    start = state(page)["hash"]
    moved = drag(page, int(run.reference_order[0]), int(run.reference_order[50]))
    page.get_by_role("button", name="Undo").click()
    assert settled(page, moved) == start
    assert np.array_equal(order_in_address(page, run), run.reference_order)
    page.keyboard.press("Control+Shift+z")
    assert settled(page, start) == moved
    page.keyboard.press("Control+z")
    assert settled(page, moved) == start


def test_reset_can_be_undone(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    start = state(page)["hash"]
    moved = drag(page, int(run.reference_order[1]), int(run.reference_order[70]))
    page.get_by_role("button", name="Reset", exact=True).click()
    assert settled(page, moved) == start
    page.get_by_role("button", name="Undo").click()
    assert settled(page, start) == moved


def test_reload_keeps_the_order(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    moved = drag(page, int(run.reference_order[8]), int(run.reference_order[90]))
    page.reload()
    page.wait_for_selector(READY)
    assert state(page)["hash"] == moved
    assert page.locator(".ro-status").get_attribute("data-source") == "memory"


def test_back_and_forward_are_undo_and_redo(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    start = state(page)["hash"]
    first = drag(page, int(run.reference_order[0]), int(run.reference_order[40]))
    second = drag(page, int(run.reference_order[20]), int(run.reference_order[80]))
    page.go_back()
    assert settled(page, second) == first
    page.go_back()
    assert settled(page, first) == start
    page.go_forward()
    assert settled(page, start) == first


def test_a_shared_link_shows_the_same_order_and_the_page_switch_keeps_it(
    served: Served, page: Any
) -> None:
    run = served.run
    order = insert(run.reference_order, 7, 33)
    open_timeline(page, served.url, f"?run={run.id}&o={encode_order(order)}")
    assert state(page)["hash"] == order_hash(order)
    page.get_by_role("link", name="Home").first.click()
    page.wait_for_selector(HOME)
    page.get_by_role("link", name="Timeline").first.click()
    page.wait_for_selector(READY)
    assert state(page)["hash"] == order_hash(order)
    page.wait_for_function("location.search.includes('o=')")
    assert np.array_equal(order_in_address(page, run), order)


def test_a_link_of_another_run_says_so_and_shows_the_reference_order(
    served: Served, page: Any
) -> None:
    run = served.run
    code = encode_order(insert(run.reference_order, 7, 33))
    open_timeline(page, served.url, f"?run=another-run&o={code}")
    message = page.get_by_role("alert").inner_text()
    assert "another-run" in message and run.id in message
    assert state(page)["hash"] == order_hash(run.reference_order)
    drag(page, int(run.reference_order[0]), int(run.reference_order[9]))
    assert page.get_by_role("alert").count() == 0


def test_a_damaged_link_says_so(served: Served, page: Any) -> None:
    open_timeline(page, served.url, "?o=%3Cscript%3E")
    assert "damaged" in page.get_by_role("alert").inner_text()
    assert "Traceback" not in page.content()
