"""The Suggest tab: asked for, previewed, applied; and what cannot be asked."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import Served, drag, open_timeline, order_in_address, settled, state
from sitting import fire, page, sent
from trees import found

from reorder_core.estimators.position import open_position_table
from reorder_core.explore.suggestions import Goal, candidates
from reorder_core.orders.moves import Move, apply
from reorder_core.store.run import open_run
from ui.app import state as keys
from ui.app import words
from ui.queries import estimates

CHANNEL = "ro_channel_suggestions"


def suggested(window: Any, goal: str) -> list[Any]:
    """The rows listed for a goal, once all are estimated."""
    window.get_by_role("tab", name="Suggest").click()
    window.get_by_label("Best next move to").select_option(goal)
    window.get_by_role("button", name="Suggest", exact=True).click()
    said = window.locator(".ro-suggest-words")
    said.filter(has_text="moves estimated. ").wait_for(timeout=20_000)
    return window.locator(".ro-suggestion").all()


def test_moves_are_listed_by_their_estimated_effect_previewed_and_applied(
    served: Served, page: Any
) -> None:
    run = served.run
    open_timeline(page, served.url)
    before = state(page)["hash"]
    rows = suggested(page, "held-out")
    assert 1 < len(rows) <= 5
    values = [float(row.locator("b").get_attribute("data-value")) for row in rows]
    assert values == sorted(values) and values[-1] < 0
    rows[0].hover()
    sample = int(rows[0].locator("[data-sample]").get_attribute("data-sample"))
    assert page.locator(".ro-tile.ro-pointed").get_attribute("data-sample") == str(sample)
    assert page.locator(".ro-caret").is_visible()
    page.mouse.move(1, 1)
    assert page.locator(".ro-tile.ro-pointed").count() == 0
    assert page.locator(".ro-caret").is_hidden() and state(page)["hash"] == before
    listed = [row.locator(".ro-move-words").inner_text() for row in rows]
    assert any("↔" in one for one in listed), "a swap is among the best"
    told = rows[0].locator(".ro-move-words").inner_text()
    page.get_by_role("button", name=f"Apply: {told}").click()
    settled(page, before)
    table = open_position_table(run)
    moves = [c.move for c in candidates(run, table, run.reference_order, Goal("held-out"))]
    (move,) = (m for m in moves if words.of_move(run, run.reference_order, m) == told)
    assert move.samples == (sample,)
    assert np.array_equal(order_in_address(page, run), apply(run.reference_order, move))
    assert page.locator(".ro-suggestion").count() == 0
    assert "changed" in page.locator(".ro-suggest-words").inner_text()
    page.get_by_role("tab", name="History").click()
    assert page.locator(".ro-move-words").last.inner_text().removesuffix(" ◇") == told


def test_the_selected_sample_can_be_remembered_or_forgotten(served: Served, page: Any) -> None:
    sample = int(served.run.reference_order[100])
    open_timeline(page, served.url)
    page.locator(f'.ro-tile[data-sample="{sample}"]').click()
    rows = suggested(page, "forget") or suggested(page, "remember")
    assert rows
    for row in rows:
        assert row.locator("[data-sample]").get_attribute("data-sample") == str(sample)


def test_a_move_of_ones_own_clears_what_was_suggested_before(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    assert suggested(page, f"domain {run.probe_domains[0]}")
    drag(page, int(run.reference_order[9]), int(run.reference_order[150]))
    assert page.locator(".ro-suggestion").count() == 0
    assert suggested(page, f"domain {run.probe_domains[0]}")


def at_the_timeline(demo: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    return page(demo, monkeypatch, "timeline", {})


def ask(at: Any, sequence: int, **goal: Any) -> Any:
    return fire(at, keys.TIMELINE, {"type": "suggest", "seq": sequence, **goal})


def test_what_is_listed_is_what_the_estimator_says(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(demo)
    at = at_the_timeline(demo, monkeypatch)
    assert "hash" not in sent(at, CHANNEL)["value"]  # computes only when asked
    at = ask(at, 3, aim=f"domain {run.probe_domains[1]}")
    assert not at.exception
    for _ in range(60):  # what one run of the page does not reach, the next one does
        told = sent(at, CHANNEL)["value"]
        words_, *lists = told["parts"]
        if "the best of" in words_[-1]:
            break
        at.run()
    ((_, _, *rows),) = lists
    assert "the best of" in words_[-1] and len(rows) == 5
    for row in rows:
        given = row[1]["on"]["move"]
        move = Move(given["kind"], tuple(given["samples"]), given["slot"])
        difference = estimates.difference(
            run, apply(run.reference_order, move), run.reference_order
        )
        (shown,) = (one for one in found([row]) if "data-value" in one[1])
        low, high = difference.interval.probes[:, 1]
        assert shown[1]["data-value"] == pytest.approx(float(difference.change.probes[1]), abs=1e-7)
        assert (shown[1]["data-side"] == "unclear") == bool(low <= 0 <= high)
    at = fire(at, keys.TIMELINE, {"type": "preset", "name": "reversed", "seq": 4})
    assert sent(at, keys.TIMELINE)["notice"] is None
    assert "hash" not in sent(at.run(), CHANNEL)["value"]  # the order changed


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"aim": "win"}, "unknown goal"),
        ({"aim": "w" * 241}, "damaged"),
        ({"aim": ["forget"]}, "damaged"),
        ({}, "damaged"),
        ({"aim": "domain poems"}, "no held-out loss of"),
        ({"aim": "forget", "selection": 100_000}, "there is no sample 100000"),
        ({"aim": "forget"}, "select one first"),
        ({"aim": "forget", "selection": -1}, "damaged"),
        ({"aim": "forget", "selection": "7"}, "damaged"),
        ({"aim": "forget", "selection": True}, "damaged"),
    ],
)
def test_a_goal_that_cannot_be_had_is_refused_in_words(
    demo: Path, monkeypatch: pytest.MonkeyPatch, payload: dict[str, Any], words: str
) -> None:
    at = ask(at_the_timeline(demo, monkeypatch), 5, **payload)
    assert not at.exception
    assert words in sent(at, keys.TIMELINE)["notice"]["text"]
    assert "hash" not in sent(at, CHANNEL)["value"]
