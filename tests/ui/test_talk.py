"""Talk mode: large type, a deck stepped by arrow keys, Escape leaves."""

from typing import Any

from deck import clear, save
from driving import Served, centre, drag, open_timeline, settled, state

from reorder_core.explore.scenarios import scenarios
from reorder_core.orders.order import order_hash

TALKING = ".ro-timeline.ro-talking"


def slide(page: Any) -> str:
    return page.locator(".ro-talk").get_attribute("data-slide")


def test_without_saved_views_the_deck_is_the_guided_questions(served: Served, page: Any) -> None:
    stops = [order_hash(stop.order) for one in scenarios(served.run) for stop in one.stops]
    open_timeline(page, served.url, "?talk=1")
    page.wait_for_selector(TALKING)
    page.locator(".ro-talk-dot").nth(len(stops) - 1).wait_for()  # the questions come after the page
    assert page.locator(".ro-talk-dot").count() == len(stops)
    before = state(page)["hash"]
    for number, key in enumerate(["ArrowRight", "PageDown"]):
        page.keyboard.press(key)
        before = settled(page, before)
        assert before == stops[number] and slide(page) == str(number)
    page.keyboard.press("ArrowLeft")
    assert settled(page, before) == stops[0]
    assert page.locator(".ro-talk-dot[aria-current]").count() == 1


def test_saved_views_are_the_deck_in_their_order_with_their_notes(
    served: Served, page: Any
) -> None:
    run = served.run
    open_timeline(page, served.url)
    start = state(page)["hash"]
    save(page, "the reference", "where we start")
    moved = drag(page, int(run.reference_order[17]), int(run.reference_order[175]))
    save(page, "one move", "and what it does")
    page.locator("[data-command=talk]").click()
    page.wait_for_selector(TALKING)
    assert page.locator(".ro-talk-title").inner_text() == "one move", "the slide on screen"
    page.keyboard.press("ArrowLeft")
    assert settled(page, moved) == start
    assert page.locator(".ro-talk-note").inner_text() == "where we start"
    drag(page, int(run.reference_order[18]), int(run.reference_order[150]))
    assert page.locator(".ro-talk-note").inner_text() == "where we start (moved since)"
    page.keyboard.press("Escape")
    clear(page)


def test_nothing_but_board_numbers_and_one_chart_is_seen(served: Served, page: Any) -> None:
    open_timeline(page, served.url)
    page.locator("[data-command=talk]").click()
    page.wait_for_selector(TALKING)
    assert page.locator(".ro-kpi:visible").count() == 2
    assert page.locator(".ro-figure:visible").count() == 1
    assert not page.locator(".ro-side").is_visible()
    covered = page.evaluate(
        "document.elementFromPoint(40, 20).closest('.ro-talking') !== null"
        " && document.querySelector('.ro-talking').clientHeight >= innerHeight - 1"
    )
    assert covered, "Streamlit's header lies over the slide"
    assert "talk=1" in page.evaluate("location.search")
    page.keyboard.press("Escape")
    page.wait_for_selector(TALKING, state="detached")
    assert "talk" not in page.evaluate("location.search")


def test_tiles_are_still_dragged_and_a_focused_tile_keeps_its_arrow_keys(
    served: Served, page: Any
) -> None:
    run = served.run
    open_timeline(page, served.url, "?talk=1")
    page.wait_for_selector(TALKING)
    moved = drag(page, int(run.reference_order[14]), int(run.reference_order[170]))
    assert "talk=1" in page.evaluate("location.search"), "a drop must not end the talk"
    page.locator(f'.ro-tile[data-sample="{run.reference_order[14]}"]').focus()
    page.keyboard.press("ArrowRight")
    assert state(page)["hash"] == moved and slide(page) == "-1"
    page.mouse.move(*centre(page, int(run.reference_order[0])))
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    assert page.locator(TALKING).count() == 1, "Escape put the tile back and left nothing"
