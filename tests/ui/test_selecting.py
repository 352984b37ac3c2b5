"""Many tiles at once: chosen by click, lasso, menu, search and key; carried together."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from driving import (
    Served,
    as_they_stand,
    centre,
    chosen,
    number_on_page,
    open_timeline,
    order_in_address,
    pick,
    settled,
    state,
    step_label,
)

from reorder_core.estimators.position import open_position_table
from reorder_core.orders.links import encode_order
from reorder_core.orders.moves import Move, apply
from reorder_core.orders.order import Order, steps_of, swap
from reorder_core.store.run import Run
from reorder_core.store.texts import Sample

GROUPS = "Select a group of samples"


def carry(page: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    before = state(page)["hash"]
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=6)
    page.mouse.up()
    settled(page, before)


def tiles(run: Run, wanted: Callable[[Sample], bool]) -> set[int]:
    """The visits of samples, a tile each, those of the bench included."""
    return {v for v, i in enumerate(run.visits.sample_of) if wanted(run.samples[i])}


def trained(run: Run, order: Order, flag: str) -> set[int]:
    """The tiles of samples with that flag that the order trains."""
    return tiles(run, lambda s: flag in s.flags) & set(order[: run.visits.trained].tolist())


def test_clicks_with_control_and_shift_choose_several(served: Served, page: Any) -> None:
    order = served.run.reference_order
    open_timeline(page, served.url)
    page.mouse.click(*centre(page, int(order[10])))
    page.keyboard.down("Shift")
    page.mouse.click(*centre(page, int(order[14])))
    page.keyboard.up("Shift")
    assert chosen(page) == set(map(int, order[10:15]))
    page.keyboard.down("Control")
    page.mouse.click(*centre(page, int(order[12])))
    page.mouse.click(*centre(page, int(order[40])))
    page.keyboard.up("Control")
    assert chosen(page) == {int(order[i]) for i in (10, 11, 13, 14, 40)}
    page.get_by_role("button", name="Clear").click()
    assert chosen(page) == set()


def test_a_group_dragged_with_the_mouse_stands_side_by_side(served: Served, page: Any) -> None:
    run = served.run
    canaries = trained(run, run.reference_order, "canary")
    assert len(canaries) < len(tiles(run, lambda s: "canary" in s.flags)), "some are on the bench"
    open_timeline(page, served.url)
    page.get_by_label(GROUPS).select_option(label=f"all canary samples ({len(canaries)})")
    assert chosen(page) == canaries
    samples = as_they_stand(run.reference_order, canaries)
    carry(page, centre(page, samples[3]), centre(page, int(run.reference_order[203])))
    expected = apply(run.reference_order, Move("insert", samples, 203))
    assert np.array_equal(order_in_address(page, run), expected)
    page.get_by_role("tab", name="History").click()
    words = page.locator(".ro-move-words").last.inner_text()
    assert words.startswith("all 8 of canaries: "), words


def test_a_lasso_chooses_what_it_touches_and_escape_lets_go(served: Served, page: Any) -> None:
    run = served.run
    order, batch = run.reference_order, run.batch_size
    open_timeline(page, served.url)
    (x, y), (to_x, to_y) = centre(page, int(order[0])), centre(page, int(order[batch + 2]))
    page.mouse.move(x - 30, y)  # the ground left of the first tile
    page.mouse.down()
    page.mouse.move(to_x, to_y, steps=6)
    page.mouse.up()
    assert chosen(page) == {int(order[s * batch + row]) for s in (0, 1) for row in range(3)}
    page.locator(f'.ro-tile[data-sample="{int(order[0])}"]').focus()
    page.keyboard.press("Escape")
    assert chosen(page) == set()
    assert state(page)["rev"] == "0", "choosing changes no order"


def test_keys_choose_carry_and_drop_a_group(served: Served, page: Any) -> None:
    run = served.run
    order, batch = run.reference_order, run.batch_size
    open_timeline(page, served.url)
    before = state(page)["hash"]
    page.locator(f'.ro-tile[data-sample="{int(order[4])}"]').focus()
    for key in ("Shift+ArrowDown", "Shift+ArrowDown", "Space", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    spoken = page.locator("[aria-live=assertive]").inner_text()
    assert "Step 3, place 5" in spoken
    page.keyboard.press("Enter")
    settled(page, before)
    group = tuple(map(int, order[4:7]))
    expected = apply(order, Move("insert", group, 4 + 2 * batch))
    assert np.array_equal(order_in_address(page, run), expected)


@pytest.mark.parametrize("kind", ["insert", "swap"])
def test_a_whole_step_is_dragged_by_its_number(served: Served, page: Any, kind: str) -> None:
    run = served.run
    order, batch = run.reference_order, run.batch_size
    open_timeline(page, served.url)
    page.get_by_role("radio", name=kind.capitalize(), exact=True).click()
    carry(page, step_label(page, 2), step_label(page, 20))
    group = tuple(map(int, order[2 * batch : 3 * batch]))
    expected = apply(order, Move("swap" if kind == "swap" else "insert", group, 20 * batch))
    assert np.array_equal(order_in_address(page, run), expected)
    steps, moved = order.reshape(-1, batch), expected.reshape(-1, batch)
    assert np.array_equal(moved[20], steps[2])
    assert np.array_equal(moved[2], steps[20 if kind == "swap" else 3])


def test_a_step_is_carried_by_keys(served: Served, page: Any) -> None:
    run = served.run
    batch = run.batch_size
    open_timeline(page, served.url)
    before = state(page)["hash"]
    page.locator('.ro-step[data-step="0"]').focus()
    for key in ("ArrowRight", "Space", "ArrowRight", "ArrowRight", "Space"):
        page.keyboard.press(key)
    settled(page, before)
    group = tuple(map(int, run.reference_order[batch : 2 * batch]))
    expected = apply(run.reference_order, Move("insert", group, 3 * batch))
    assert np.array_equal(order_in_address(page, run), expected)
    assert page.evaluate("document.activeElement.dataset.step") == "3"


def test_a_search_marks_and_enter_chooses_what_it_found(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    word = run.samples[5].text.split()[1]
    wanted = tiles(run, lambda s: word.lower() in s.text.lower())
    assert 0 < len(wanted) < run.visits.count
    field = page.get_by_label("Find samples by their text")
    field.fill(word)
    assert page.locator(".ro-tile.ro-dim").count() == run.visits.count - len(wanted)
    field.press("Enter")
    assert chosen(page) == wanted
    field.fill("zzqqxx")
    assert "nothing found" in page.locator(".ro-find-words").inner_text() or chosen(page) == wanted
    field.press("Escape")
    assert page.locator(".ro-tile.ro-dim").count() == 0


def test_the_legend_filters(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    page.locator(".ro-filter-entry", has_text="stories").click()
    others = tiles(run, lambda s: s.domain != "stories")
    assert page.locator(".ro-tile.ro-dim").count() == len(others)
    page.locator(".ro-filter-entry", has_text="poison").click()
    others = tiles(run, lambda s: s.domain != "stories" and "poison" not in s.flags)
    assert page.locator(".ro-tile.ro-dim").count() == len(others)


def with_a_second_visit_of_each_canary(run: Run) -> Order:
    """The reference order with a spare visit of every canary in place of some other sample."""
    order, plain = run.reference_order, [  # slots of those that lose theirs
        slot for slot in range(0, run.visits.trained, 12)
        if not run.samples[run.visits.sample_of[run.reference_order[slot]]].flags
    ]  # fmt: skip
    canaries = (s.sample_id for s in run.samples if "canary" in s.flags)
    for canary, slot in zip(canaries, plain, strict=False):
        order = swap(order, int(run.visits.of_sample[canary][1]), slot)
    return order


def test_the_preview_of_a_group_adds_copies_and_warns_of_shared_wording(
    served: Served, page: Any
) -> None:
    run = served.run
    table = open_position_table(run)
    order = with_a_second_visit_of_each_canary(run)
    open_timeline(page, served.url, f"?o={encode_order(order)}")
    rev = state(page)["rev"]
    ids = trained(run, order, "canary")
    assert len(ids) == 16
    page.get_by_label(GROUPS).select_option(label="all canary samples (16 visits of 8)")
    assert chosen(page) == ids
    samples = as_they_stand(order, ids)
    page.mouse.move(*centre(page, samples[0]))
    page.mouse.down()
    page.mouse.move(*centre(page, int(order[163])), steps=5)
    page.wait_for_timeout(100)
    after = apply(order, Move("insert", samples, 163))
    home, moved = steps_of(np.stack([order, after]), run.batch_size)
    change = {i: table.own[i, moved[i]] - table.own[i, home[i]] for i in samples}
    texts = {i: run.samples[run.visits.sample_of[i]].text for i in samples}
    own = np.mean([sum(change[c] for c in samples if texts[c] == texts[i]) for i in samples])
    assert abs(own - np.mean(list(change.values()))) > 0.05, "copies must matter"
    held_out = sum(
        table.held_out[i, moved[i]] - table.held_out[i, home[i]] for i in range(len(order))
    )
    assert number_on_page(page, "[data-preview=own]") == pytest.approx(float(own), abs=1e-5)
    assert number_on_page(page, "[data-preview=heldOut]") == pytest.approx(held_out, abs=1e-5)
    note = page.locator(".ro-response-note").inner_text()
    assert "16 of them are copies" in note and "share wording" in note
    page.mouse.move(2, 2)
    page.mouse.up()
    assert state(page)["rev"] == rev, "let go far away, they are put back"
    assert page.locator(".ro-response-note").is_visible(), "the curve belongs to the selection"
    page.locator("[data-command=clear-selection]").click()
    assert page.locator(".ro-response-note").is_hidden()


def test_a_group_of_unlike_samples_carries_no_warning(served: Served, page: Any) -> None:
    order = served.run.reference_order
    open_timeline(page, served.url)
    pick(page, order[[10, 60, 130]])
    page.mouse.move(*centre(page, int(order[10])))
    page.mouse.down()
    page.mouse.move(*centre(page, int(order[200])), steps=4)
    page.locator(".ro-response-note").wait_for(state="visible")
    assert "left out" in page.locator(".ro-response-note").inner_text()
    assert page.locator(".ro-responses[data-alike]").count() == 0
    page.keyboard.press("Escape")
    page.mouse.up()


def test_memorization_colours_say_their_scale(served: Served, page: Any) -> None:
    open_timeline(page, served.url)
    page.get_by_role("radio", name="Memorization").click()
    assert page.locator(".ro-field[data-mode=memorization]").count() == 1
    assert "nats/token" in page.locator(".ro-scale").inner_text()
