"""Starting from another order: presets, pasted and uploaded orders."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import Served, open_timeline, order_in_address, settled, state
from sitting import fire, page, sent

from reorder_core.explore.presets import preset
from reorder_core.store.run import open_run
from ui.app import state as keys


def opened(window: Any, served: Served) -> str:
    open_timeline(window, served.url)
    window.locator("[data-command=orders]").click()
    return state(window)["hash"]


@pytest.mark.parametrize("name", ["easy-to-hard", "random", "blocks"])
def test_a_preset_is_applied_told_in_the_history_and_undone(
    served: Served, page: Any, name: str
) -> None:
    before = opened(page, served)
    page.locator("[data-preset=blocks]").wait_for()
    options: dict[str, Any] = {}
    if name == "random":
        page.get_by_label("Seed").fill("11")
        options = {"seed": 11}
    if name == "blocks":
        first, second, *rest = sorted(served.run.domains)
        page.get_by_role("button", name=f"{second}, number 2").click()
        options = {"domains": [second, first, *rest]}
    page.locator(f"[data-preset={name}]").click()
    after = settled(page, before)
    assert not page.locator(".ro-dialog").is_visible()
    order, title = preset(served.run, name, options)
    assert np.array_equal(order_in_address(page, served.run), order)
    page.get_by_role("tab", name="History").click()
    assert page.locator(".ro-move-words").last.inner_text().removesuffix(" ◇") == title
    page.get_by_role("button", name="Undo").click()
    assert settled(page, after) == before


def test_a_mistake_in_a_pasted_order_is_named_and_can_be_corrected(
    served: Served, page: Any
) -> None:
    run = served.run
    before = opened(page, served)
    ids = run.reference_order[::-1].tolist()
    page.get_by_label("Order file", exact=True).fill(json.dumps([ids[1], *ids[1:]]))
    page.get_by_role("button", name="Use this order").click()
    problem = page.locator(".ro-problem")
    problem.filter(has_text="appears in slots 0 and 1").wait_for()
    assert state(page)["hash"] == before and page.locator(".ro-dialog").is_visible()
    page.get_by_label("Order file", exact=True).fill(json.dumps({"run": run.id, "order": ids}))
    page.get_by_role("button", name="Use this order").click()
    settled(page, before)
    assert order_in_address(page, run).tolist() == ids


def test_an_uploaded_file_is_read_and_goes_by_its_name(
    served: Served, page: Any, tmp_path: Path
) -> None:
    run = served.run
    before = opened(page, served)
    ids = np.roll(run.reference_order, 40).tolist()
    file = tmp_path / "rolled.json"
    file.write_text(json.dumps(ids))
    page.get_by_label("Upload an order file").set_input_files(file)
    page.wait_for_function("document.querySelector('.ro-paste').value.length > 10")
    page.get_by_role("button", name="Use this order").click()
    settled(page, before)
    page.get_by_role("tab", name="History").click()
    assert page.locator(".ro-move-words").last.inner_text() == "order from rolled.json"


def test_escape_closes_and_the_focus_returns(served: Served, page: Any) -> None:
    before = opened(page, served)
    page.get_by_role("button", name="Use this order").click()
    page.locator(".ro-problem").filter(has_text="paste one or choose a file").wait_for()
    page.keyboard.press("Escape")
    assert not page.locator(".ro-dialog").is_visible()
    assert page.evaluate("document.activeElement.dataset.command") == "orders"
    assert state(page)["hash"] == before


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"type": "preset", "name": "sideways"}, "unknown preset"),
        ({"type": "preset", "name": "x" * 99}, "damaged"),
        ({"type": "preset", "name": "random", "options": {"seed": -3}}, "whole number"),
        ({"type": "preset", "name": "random", "seed": "1e3"}, "whole number"),
        ({"type": "preset", "name": "random", "seed": ""}, "whole number"),
        ({"type": "preset", "name": "blocks", "options": {"domains": [[]]}}, "name each of"),
        ({"type": "paste", "text": "[1, 2"}, "neither a list of sample ids nor JSON"),
        ({"type": "paste", "text": "[" * 9999}, "neither a list of sample ids nor JSON"),
        ({"type": "paste", "text": '{"run": "other", "order": []}'}, "is for run 'other'"),
        ({"type": "paste", "text": "x" * 2_000_001}, "damaged"),
        ({"type": "paste"}, "damaged"),
    ],
)
def test_what_cannot_be_used_is_refused_and_the_order_stays(
    demo: Path, monkeypatch: pytest.MonkeyPatch, payload: dict[str, Any], words: str
) -> None:
    run = open_run(demo)
    at = fire(page_at(demo, monkeypatch), keys.TIMELINE, payload | {"seq": 4})
    assert not at.exception
    shown = sent(at, keys.TIMELINE)
    assert words in shown["notice"]["text"] and "the order is unchanged" in shown["notice"]["text"]
    assert shown["order"] == run.reference_order.tolist()


def page_at(demo: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    return page(demo, monkeypatch, "timeline", {})
