"""What fingers choose and carry is what the mouse chooses and carries; else the page scrolls."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from driving import (
    Finger,
    Served,
    as_they_stand,
    centre,
    chosen,
    open_timeline,
    order_in_address,
    settled,
    state,
    step_label,
)

from reorder_core.orders.moves import Move, apply

SCROLLED = "document.querySelector('[data-testid=stMain]').scrollTop"

REST = """() => new Promise((done) => {
  const main = document.querySelector('[data-testid=stMain]');
  let [last, same] = [NaN, 0];
  const look = () => {
    same = main.scrollTop === last ? same + 1 : 0;
    last = main.scrollTop;
    if (same > 20) done(); else requestAnimationFrame(look);
  };
  look();
})"""


@pytest.fixture(params=[1280, 420])
def phone(request: Any, browser: Any) -> Iterator[Any]:
    """A tablet and a telephone."""
    context = browser.new_context(viewport={"width": request.param, "height": 900}, has_touch=True)
    yield context.new_page()
    context.close()


def picking(page: Any) -> str:
    return page.locator("[data-command=pick]").get_attribute("aria-pressed")


def show_board(page: Any) -> None:
    """Scroll the board into view and wait until the page is at rest: a flick goes on by itself."""
    page.locator(".ro-board").evaluate("b => b.scrollIntoView({block: 'center'})")
    page.evaluate(REST)


def lasso_ends(page: Any, run: Any) -> tuple[tuple[float, float], tuple[float, float]]:
    """From the ground left of the first tile to the third tile of the second step."""
    order, batch = run.reference_order, run.batch_size
    x, y = centre(page, int(order[0]))
    width = page.locator(f'.ro-tile[data-sample="{order[0]}"]').bounding_box()["width"]
    return (x - width / 2 - 12, y), centre(page, int(order[batch + 2]))


def chosen_are(page: Any, ids: set[int]) -> None:
    """A tap is a click, which comes when the browser is sure that it is no gesture."""
    page.wait_for_function(
        "ids => JSON.stringify([...document.querySelectorAll('.ro-chosen')]"
        ".map(t => +t.dataset.sample).sort((a, b) => a - b)) === JSON.stringify(ids)",
        arg=sorted(ids),
    )


def up_the_gutter(page: Any) -> tuple[tuple[float, float], tuple[float, float]]:
    """Along the ground left of the tiles."""
    box = page.locator(".ro-board").bounding_box()
    return (box["x"] + 6, box["y"] + 150), (box["x"] + 6, box["y"] - 50)


def test_a_finger_pulls_the_lasso_that_the_mouse_pulls(served: Served, phone: Any) -> None:
    open_timeline(phone, served.url)
    show_board(phone)
    start, end = lasso_ends(phone, served.run)
    phone.mouse.move(*start)
    phone.mouse.down()
    phone.mouse.move(*end, steps=6)
    phone.mouse.up()
    by_mouse = chosen(phone)
    assert len(by_mouse) == 6
    phone.get_by_role("button", name="Clear").click()
    toggle = phone.locator("[data-command=pick]")
    box = toggle.bounding_box()
    assert min(box["width"], box["height"]) >= 44
    toggle.tap()
    assert "Selecting" in phone.locator("[aria-live=assertive]").inner_text()
    show_board(phone)
    scrolled = phone.evaluate(SCROLLED)
    Finger(phone).pull(*lasso_ends(phone, served.run))
    assert chosen(phone) == by_mouse
    assert phone.evaluate(SCROLLED) == scrolled, "selecting, the page stays where it is"
    assert state(phone)["rev"] == "0", "choosing changes no order"


def test_taps_choose_and_let_go_and_a_lasso_may_begin_on_a_tile(served: Served, phone: Any) -> None:
    order, batch = served.run.reference_order, served.run.batch_size
    open_timeline(phone, served.url)
    phone.locator("[data-command=pick]").tap()
    show_board(phone)
    finger = Finger(phone)
    for slot in (1, 3, batch, 3):
        finger.tap(centre(phone, int(order[slot])))
    chosen_are(phone, {int(order[1]), int(order[batch])})
    assert phone.locator(".ro-tile[aria-pressed=true]").count() == 2
    finger.pull(centre(phone, int(order[4])), centre(phone, int(order[6])))
    assert chosen(phone) == {int(order[i]) for i in (1, 4, 5, 6, batch)}
    assert state(phone)["rev"] == "0"


def test_a_group_carried_by_a_finger_lands_as_by_the_mouse(served: Served, phone: Any) -> None:
    run = served.run
    order, batch = run.reference_order, run.batch_size
    open_timeline(phone, served.url)
    before = state(phone)["hash"]
    phone.locator("[data-command=pick]").tap()
    show_board(phone)
    finger = Finger(phone)
    for slot in (2, 11, 5):
        finger.tap(centre(phone, int(order[slot])))
    chosen_are(phone, {int(order[i]) for i in (2, 5, 11)})
    scrolled = phone.evaluate(SCROLLED)
    target = 5 * batch + 3
    finger.pull(centre(phone, int(order[5])), centre(phone, int(order[target])))
    settled(phone, before)
    samples = as_they_stand(order, {int(order[i]) for i in (2, 5, 11)})
    expected = apply(order, Move("insert", samples, target))
    assert np.array_equal(order_in_address(phone, run), expected)
    assert phone.evaluate(SCROLLED) == scrolled
    assert chosen(phone) == set(samples), "they stay selected, to be carried on"


def test_a_step_is_carried_by_a_finger(served: Served, phone: Any) -> None:
    run = served.run
    order, batch = run.reference_order, run.batch_size
    open_timeline(phone, served.url)
    show_board(phone)
    before, scrolled = state(phone)["hash"], phone.evaluate(SCROLLED)
    Finger(phone).pull(step_label(phone, 1), step_label(phone, 6))
    settled(phone, before)
    group = tuple(map(int, order[batch : 2 * batch]))
    expected = apply(order, Move("insert", group, 6 * batch))
    assert np.array_equal(order_in_address(phone, run), expected)
    assert phone.evaluate(SCROLLED) == scrolled


def test_a_finger_that_rests_begins_to_select_and_the_ground_scrolls_the_page(
    served: Served, phone: Any
) -> None:
    order = served.run.reference_order
    open_timeline(phone, served.url)
    show_board(phone)
    finger, scrolled = Finger(phone), phone.evaluate(SCROLLED)
    finger.pull(*up_the_gutter(phone))
    phone.wait_for_function(f"{SCROLLED} !== {scrolled}")
    assert chosen(phone) == set() and picking(phone) == "false"
    phone.evaluate(REST)
    show_board(phone)
    finger.rest(centre(phone, int(order[4])))
    assert picking(phone) == "true"
    finger.to(centre(phone, int(order[4])), centre(phone, int(order[6])))
    finger.lift()
    assert chosen(phone) == set(map(int, order[4:7]))
    scrolled = phone.evaluate(SCROLLED)
    finger.pull(*up_the_gutter(phone))
    phone.evaluate(REST)
    assert phone.evaluate(SCROLLED) == scrolled


def test_a_chosen_tile_may_be_held_before_it_is_carried(served: Served, phone: Any) -> None:
    run = served.run
    order = run.reference_order
    open_timeline(phone, served.url)
    before = state(phone)["hash"]
    phone.locator("[data-command=pick]").tap()
    show_board(phone)
    finger = Finger(phone)
    for slot in (2, 3):
        finger.tap(centre(phone, int(order[slot])))
    chosen_are(phone, {int(order[i]) for i in (2, 3)})
    finger.rest(centre(phone, int(order[2])))
    finger.to(centre(phone, int(order[2])), centre(phone, int(order[45])))
    finger.lift()
    settled(phone, before)
    expected = apply(order, Move("insert", (int(order[2]), int(order[3])), 45))
    assert np.array_equal(order_in_address(phone, run), expected)


def test_control_and_space_select_tiles_apart_and_escape_ends_it(served: Served, page: Any) -> None:
    order = served.run.reference_order
    open_timeline(page, served.url)
    page.locator("[data-command=pick]").click()
    page.locator(f'.ro-tile[data-sample="{int(order[2])}"]').focus()
    for key in ("Control+Space", "ArrowDown", "ArrowDown", "Control+Space"):
        page.keyboard.press(key)
    assert chosen(page) == {int(order[2]), int(order[4])}
    assert "2 in all" in page.locator("[aria-live=assertive]").inner_text()
    page.keyboard.press("Escape")
    assert chosen(page) == set() and picking(page) == "true"
    page.keyboard.press("Escape")
    assert picking(page) == "false"
