"""The history as a list: moves in words with their effects, left out, gone back to, branched."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from deck import clear, save
from driving import Served, drag, number_on_page, open_timeline, order_in_address, settled, state

from reorder_core.estimators import informing_runs, open_estimator
from reorder_core.orders.moves import Move, apply_all
from ui.app import words

MOVES = ".ro-move"


def three_moves(served: Served, page: Any) -> list[Move]:
    """Three drags on a fresh page; the moves they should be."""
    run = served.run
    open_timeline(page, served.url)
    dragged = [(int(run.reference_order[a]), b) for a, b in ((3, 200), (100, 20), (60, 250))]
    orders = [run.reference_order]
    for sample, slot in dragged:
        drag(page, sample, int(orders[-1][slot]))
        orders = [run.reference_order, *apply_all(run.reference_order, told(dragged, len(orders)))]
    page.get_by_role("tab", name="History").click()
    return told(dragged, 3)


def told(dragged: list[tuple[int, int]], count: int) -> list[Move]:
    return [Move("insert", (sample,), slot) for sample, slot in dragged[:count]]


def test_each_move_is_told_in_words_with_what_it_alone_changed(served: Served, page: Any) -> None:
    run = served.run
    moves = three_moves(served, page)
    orders = [run.reference_order, *apply_all(run.reference_order, moves)]
    rows = page.locator(f"{MOVES} .ro-move-words").all_inner_texts()
    assert rows == [
        "Start: the reference order",
        *(words.of_move(run, base, m) for base, m in zip(orders, moves, strict=False)),
    ]
    estimator = open_estimator(run, "hybrid", informing_runs(run, orders[2], orders[1]))
    known = estimator.difference(orders[2], orders[1])  # type: ignore[attr-defined]
    shown = f"{MOVES}[data-place='2'] [data-effect="
    own = float(known.change.samples[moves[1].samples[0]])
    assert number_on_page(page, f"{shown}'own loss']") == pytest.approx(own, abs=2e-6)
    assert number_on_page(page, f"{shown}held-out]") == pytest.approx(known.held_out, abs=2e-6)
    assert page.locator("[data-kpi-last=heldout]").inner_text().startswith("last move")


def test_a_move_left_out_of_the_middle_and_brought_back(served: Served, page: Any) -> None:
    run = served.run
    moves = three_moves(served, page)
    before = state(page)["hash"]
    page.locator(f"{MOVES}[data-place='2']").hover()
    page.locator(f"{MOVES}[data-place='2'] .ro-move-out").click()
    settled(page, before)
    without = apply_all(run.reference_order, [moves[0], moves[2]])[-1]
    assert np.array_equal(order_in_address(page, run), without)
    assert page.locator(MOVES).count() == 3
    without_hash = state(page)["hash"]
    page.get_by_role("button", name="Undo").click()
    assert settled(page, without_hash) == before
    assert page.locator(MOVES).count() == 4


def test_any_point_of_the_history_can_be_gone_to(served: Served, page: Any) -> None:
    run = served.run
    moves = three_moves(served, page)
    before = state(page)["hash"]
    page.locator(f"{MOVES}[data-place='1'] .ro-move-go").click()
    settled(page, before)
    assert np.array_equal(
        order_in_address(page, run), apply_all(run.reference_order, moves[:1])[-1]
    )
    assert page.locator(f"{MOVES}[data-ahead]").count() == 2
    before = state(page)["hash"]
    page.get_by_role("button", name="Redo").click()
    settled(page, before)
    assert page.locator("[aria-current=step]").count() == 1


def test_a_branch_starts_here_and_leaves_the_other_as_it_was(served: Served, page: Any) -> None:
    run = served.run
    three_moves(served, page)
    before = state(page)
    page.get_by_role("button", name="Branch here").click()
    page.get_by_label("Name of the new branch").fill("what if")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "rev => document.querySelector('.ro-timeline').dataset.rev !== rev", arg=before["rev"]
    )
    assert state(page)["hash"] == before["hash"]
    drag(page, int(run.reference_order[8]), int(run.reference_order[150]))
    assert page.locator(MOVES).count() == 5
    moved = state(page)["hash"]
    page.get_by_label("Branch", exact=True).select_option("main")
    assert settled(page, moved) == before["hash"]
    assert page.locator(MOVES).count() == 4


def test_a_reload_brings_back_the_moves_and_their_effects(served: Served, page: Any) -> None:
    three_moves(served, page)
    rows = page.locator(f"{MOVES} .ro-move-words").all_inner_texts()
    page.reload()
    page.wait_for_selector(".ro-timeline[data-state=ready]")
    page.get_by_role("tab", name="History").click()
    assert page.locator(f"{MOVES} .ro-move-words").all_inner_texts() == rows
    page.wait_for_function("document.querySelectorAll('.ro-move b[data-effect]').length === 6")


def test_polling_ends_where_somebody_else_worked_the_effects_out(monkeypatch) -> None:
    from ui.timeline import background

    rerun, task = [], background.Task(lambda *_: [])
    monkeypatch.setattr(background.st, "rerun", lambda: rerun.append(True))
    monkeypatch.setattr(background, "TASKS", (task,))
    monkeypatch.setattr(background.estimates, "lacking", lambda *_: [])
    monkeypatch.setattr(background.component, "publish", lambda *_: None)
    run: Any = SimpleNamespace(id="nobody's")
    background.state.set_jobs_seen(background.jobs.queue().ended)
    background._round(run, None, [task])  # type: ignore[arg-type]
    assert rerun == [True]
    background._round(run, None, [])  # type: ignore[arg-type]
    assert rerun == [True]


def test_an_update_that_leaves_the_history_as_it_was_keeps_its_rows(
    served: Served, page: Any
) -> None:
    """A row made anew between press and release of the mouse would lose the click."""
    run = served.run
    open_timeline(page, served.url)
    drag(page, int(run.reference_order[4]), int(run.reference_order[40]))
    page.locator(".ro-move [data-effect]").first.wait_for(state="attached")
    page.evaluate("document.querySelectorAll('.ro-move').forEach(row => { row.kept = true })")
    save(page, "an update of the page")
    page.locator("[data-tab=saved] .ro-tab-count").get_by_text("1").wait_for(state="attached")
    kept = page.evaluate("[...document.querySelectorAll('.ro-move')].map(row => row.kept)")
    assert kept == [True, True]
    drag(page, int(run.reference_order[9]), int(run.reference_order[80]))
    kept = page.evaluate("[...document.querySelectorAll('.ro-move')].map(row => row.kept ?? false)")
    assert kept == [True, True, False], "rows that stay are the same; the marks would have told"
    clear(page)
