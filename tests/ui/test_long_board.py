"""2,048 tiles: seen through a window of steps, with a strip of the whole training below."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from driving import (
    Finger,
    Served,
    centre,
    number_on_page,
    open_timeline,
    order_in_address,
    settled,
    state,
    step_label,
)

from reorder_core.estimators.position import open_position_table
from reorder_core.orders.moves import Move, apply
from reorder_core.orders.order import steps_of

Point = tuple[float, float]


@pytest.fixture(params=[1280, 420])
def board(request: Any, browser: Any, served_long: Served) -> Iterator[Any]:
    """The page, wide and narrow; an error in its scripts fails the test."""
    context = browser.new_context(viewport={"width": request.param, "height": 900}, has_touch=True)
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    open_timeline(page, served_long.url)
    page.locator(".ro-board").evaluate("b => b.scrollIntoView({block: 'center'})")
    yield page
    context.close()
    assert not errors, errors


def window(page: Any) -> tuple[int, int]:
    """The first step shown and how many there are."""
    steps = page.evaluate("[...document.querySelectorAll('.ro-step')].map(b => +b.dataset.step)")
    assert steps == list(range(steps[0], steps[0] + len(steps)))
    return steps[0], len(steps)


def edge(page: Any) -> Point:
    """Where a carried tile makes the window go on: the right end, at the second row."""
    box = page.locator(".ro-board").bounding_box()
    return box["x"] + box["width"] - 8, box["y"] + 30


def beyond(page: Any, first: int) -> None:
    page.wait_for_function(
        "first => +document.querySelector('.ro-step').dataset.step >= first", arg=first
    )


def on_strip(page: Any, step: int, steps: int) -> Point:
    box = page.locator(".ro-map-strip").bounding_box()
    return box["x"] + (step + 0.5) * box["width"] / steps, box["y"] + box["height"] / 2


def test_a_tile_carried_to_the_edge_makes_the_window_go_on(served_long: Served, board: Any) -> None:
    run, (_, columns) = served_long.run, window(board)
    assert columns < run.steps
    before, sample = state(board)["hash"], int(run.reference_order[9])
    board.mouse.move(*centre(board, sample))
    board.mouse.down()
    board.mouse.move(*edge(board), steps=6)
    beyond(board, columns + 3)
    middle = board.locator(".ro-board").bounding_box()
    x, y = middle["x"] + middle["width"] / 2, middle["y"] + 50
    board.mouse.move(x, y, steps=4)
    board.wait_for_timeout(150)  # a timer of the edge may still be under way
    shown = board.evaluate(
        "([x, y]) => document.elementsFromPoint(x, y).map(e => e.dataset.sample)", [x, y]
    )
    onto = next(int(one) for one in shown if one is not None and int(one) != sample)
    board.mouse.up()
    settled(board, before)
    slot = run.reference_order.tolist().index(onto)
    assert slot > columns * run.batch_size
    expected = apply(run.reference_order, Move("insert", (sample,), slot))
    assert np.array_equal(order_in_address(board, run), expected)


@pytest.mark.parametrize("by", ["mouse", "finger"])
def test_a_whole_step_goes_along_and_lands_where_it_is_let_go(
    served_long: Served, board: Any, by: str
) -> None:
    """Its label leaves the page while the window goes on: the hand must not lose it."""
    run, (_, columns) = served_long.run, window(board)
    before, start, end = state(board)["hash"], step_label(board, 2), edge(board)
    if by == "finger":
        finger = Finger(board)
        finger.pull(start, end, lift=False)
        beyond(board, columns)
        finger.lift()
    else:
        board.mouse.move(*start)
        board.mouse.down()
        board.mouse.move(*end, steps=6)
        beyond(board, columns)
        board.mouse.up()
    settled(board, before)
    first, _ = window(board)
    assert first >= columns
    group = tuple(map(int, run.reference_order[2 * run.batch_size : 3 * run.batch_size]))
    found = order_in_address(board, run)
    step = found.tolist().index(group[0]) // run.batch_size
    assert first <= step < first + columns
    expected = apply(run.reference_order, Move("insert", group, step * run.batch_size))
    assert np.array_equal(found, expected)


def test_a_tile_dropped_on_the_strip_lands_at_that_step(served_long: Served, board: Any) -> None:
    run = served_long.run
    before, sample = state(board)["hash"], int(run.reference_order[20])
    board.mouse.move(*centre(board, sample))
    board.mouse.down()
    board.mouse.move(*on_strip(board, 200, run.steps), steps=6)
    board.wait_for_timeout(100)
    slot = 200 * run.batch_size
    expected = apply(run.reference_order, Move("insert", (sample,), slot))
    table = open_position_table(run)
    home, to = steps_of(np.stack([run.reference_order, expected]), run.batch_size)
    own = table.own[sample, to[sample]] - table.own[sample, home[sample]]
    assert number_on_page(board, "[data-preview=own]") == pytest.approx(float(own), abs=1e-6)
    assert board.locator(".ro-map-target").is_visible()
    board.mouse.up()
    settled(board, before)
    assert np.array_equal(order_in_address(board, run), expected)


def test_the_strip_scrolls_by_keys_and_by_a_click(served_long: Served, board: Any) -> None:
    run, (_, columns) = served_long.run, window(board)
    strip = board.get_by_role("slider", name="Steps shown on the board")
    strip.focus()
    for key, first in [
        ("ArrowRight", 1), ("PageDown", 1 + columns), ("ArrowLeft", columns),
        ("End", run.steps - columns), ("PageUp", run.steps - 2 * columns), ("Home", 0),
    ]:  # fmt: skip
        board.keyboard.press(key)
        assert window(board) == (first, columns)
        assert strip.input_value() == str(first + 1)  # what a native slider tells as its value
    board.mouse.click(*on_strip(board, 128, run.steps))
    first, _ = window(board)
    assert abs(first + columns / 2 - 128) <= 1


def test_keys_carry_a_tile_past_the_window(served_long: Served, board: Any) -> None:
    run, (_, columns) = served_long.run, window(board)
    before, sample = state(board)["hash"], int(run.reference_order[3])
    board.locator(f'.ro-tile[data-sample="{sample}"]').focus()
    board.keyboard.press("Space")
    for _ in range(columns + 2):
        board.keyboard.press("ArrowRight")
    assert window(board)[0] > 0
    board.keyboard.press("Space")
    settled(board, before)
    expected = apply(
        run.reference_order, Move("insert", (sample,), 3 + (columns + 2) * run.batch_size)
    )
    assert np.array_equal(order_in_address(board, run), expected)
    assert board.evaluate("document.activeElement.dataset.sample") == str(sample)


def test_keys_carry_a_step_past_the_window(served_long: Served, board: Any) -> None:
    run, (_, columns) = served_long.run, window(board)
    before = state(board)["hash"]
    board.locator('.ro-step[data-step="0"]').focus()
    board.keyboard.press("ArrowRight")
    board.keyboard.press("Space")
    for _ in range(columns + 2):
        board.keyboard.press("ArrowRight")
    board.keyboard.press("Space")
    settled(board, before)
    batch = run.batch_size
    group = tuple(map(int, run.reference_order[batch : 2 * batch]))
    expected = apply(run.reference_order, Move("insert", group, (columns + 3) * batch))
    assert np.array_equal(order_in_address(board, run), expected)
    assert board.evaluate("document.activeElement.dataset.step") == str(columns + 3)


def test_a_row_of_the_ranking_brings_its_tile_into_view(served_long: Served, board: Any) -> None:
    before = state(board)["hash"]
    board.locator(".ro-board").scroll_into_view_if_needed()
    order = served_long.run.reference_order
    board.mouse.move(*centre(board, int(order[1])))
    board.mouse.down()
    board.mouse.move(*on_strip(board, 250, served_long.run.steps), steps=4)
    board.mouse.up()
    settled(board, before)
    board.locator("[data-figure=ranking] summary").click()
    rows = board.locator("[data-figure=ranking] .ro-rank")
    rows.first.wait_for()  # Python writes the table once it is opened
    ids = [row.get_attribute("data-sample") for row in rows.all()]
    hidden = [i for i in ids if not board.locator(f'.ro-tile[data-sample="{i}"]').count()]
    assert hidden, "some of what moved most is off the window"
    rows.nth(ids.index(hidden[0])).click()
    tile = board.locator(f'.ro-tile[data-sample="{hidden[0]}"]')
    assert tile.is_visible() and "ro-selected" in tile.get_attribute("class")
