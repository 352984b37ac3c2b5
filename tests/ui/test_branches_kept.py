"""Named branches outlive the session: another visit finds them, a reload stays on one."""

from pathlib import Path
from typing import Any

import pytest
from driving import READY, Served, drag, open_timeline, settled, state
from sitting import fire, page, sent
from trees import found, text

from reorder_core.orders.order import swap
from reorder_core.store.run import open_run
from ui.app import state as keys


def visit(demo: Path, monkeypatch: pytest.MonkeyPatch, **address: str) -> Any:
    return page(demo, monkeypatch, "timeline", address)


def shown(at: Any) -> dict[str, Any]:
    (choice,) = found(sent(at, keys.TIMELINE)["history"], aria_label="Branch")
    branches = [[o[1]["value"], int(text(o).split("(")[-1].split()[0])] for o in choice[2:]]
    (here,) = (one[1]["value"] for one in choice[2:] if one[1].get("selected"))
    return {"branch": here, "branches": branches}


def drop(at: Any, demo: Path, sequence: int, sample: int, slot: int) -> Any:
    run = open_run(demo)
    order = swap(run.reference_order, sample, slot).tolist()
    move = {"kind": "swap", "samples": [sample], "slot": slot}
    event = {"type": "drop", "seq": sequence, "run": run.id, "order": order, "move": move}
    return fire(at, keys.TIMELINE, event)


def forget(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests count on no branches but their own."""
    at = visit(demo, monkeypatch)
    for number, (name, _) in enumerate(shown(at)["branches"][1:], start=90):
        at = fire(at, keys.TIMELINE, {"type": "forget", "name": name, "seq": number})
    assert [name for name, _ in shown(visit(demo, monkeypatch))["branches"]] == ["main"]


def test_a_branch_is_there_at_the_next_visit_and_two_people_do_not_overwrite_each_other(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = visit(demo, monkeypatch)
    at = drop(at, demo, 1, 3, 77)
    at = fire(at, keys.TIMELINE, {"type": "fork", "name": "<b>late</b>", "seq": 2})
    assert shown(at)["branches"] == [["main", 1], ["<b>late</b>", 1]]
    other = visit(demo, monkeypatch)
    assert shown(other)["branches"] == [["main", 0], ["<b>late</b>", 1]]
    assert shown(other)["branch"] == "main", "found, not forced on anybody"
    at = fire(at, keys.TIMELINE, {"type": "preset", "name": "reversed", "seq": 3})
    other = fire(other, keys.TIMELINE, {"type": "switch", "name": "<b>late</b>", "seq": 1})
    assert shown(other)["branch"] == "<b>late</b>", "looking at it changes nothing"
    other = fire(other, keys.TIMELINE, {"type": "undo", "seq": 2})
    assert shown(other)["branch"] == "<b>late</b> (2)", "somebody else went on with it meanwhile"
    assert "kept as" in sent(other, keys.TIMELINE)["notice"]["text"]
    assert other.query_params["b"] == "<b>late</b> (2)"
    third = visit(demo, monkeypatch)
    assert dict(shown(third)["branches"]) == {"main": 0, "<b>late</b>": 2, "<b>late</b> (2)": 1}
    forget(demo, monkeypatch)


def test_a_branch_deleted_is_gone_at_the_next_visit(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = visit(demo, monkeypatch)
    at = fire(at, keys.TIMELINE, {"type": "fork", "name": "short", "seq": 1})
    at = fire(at, keys.TIMELINE, {"type": "switch", "name": "main", "seq": 2})
    assert len(shown(visit(demo, monkeypatch))["branches"]) == 2
    at = fire(at, keys.TIMELINE, {"type": "forget", "name": "short", "seq": 3})
    assert len(shown(visit(demo, monkeypatch))["branches"]) == 1


def test_an_address_of_an_unknown_branch_shows_its_order_on_main(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = visit(demo, monkeypatch, b="x" * 5000)
    assert not at.exception and shown(at)["branch"] == "main"


def test_a_reload_stays_on_the_branch_and_keeps_its_moves(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    drag(page, int(run.reference_order[3]), int(run.reference_order[90]))
    page.get_by_role("tab", name="History").click()
    page.get_by_role("button", name="Branch here").click()
    page.get_by_label("Name of the new branch").fill("kept for later")
    page.keyboard.press("Enter")
    page.wait_for_function("location.search.includes('b=')")
    before = page.evaluate("location.search")
    moved = drag(page, int(run.reference_order[8]), int(run.reference_order[150]))
    page.wait_for_function("before => location.search !== before", arg=before)  # after the numbers
    rows = page.locator(".ro-move-words").all_inner_texts()
    page.reload()
    page.wait_for_selector(READY)
    assert state(page)["hash"] == moved
    page.get_by_role("tab", name="History").click()
    assert page.get_by_label("Branch", exact=True).input_value() == "kept for later"
    assert page.locator(".ro-move-words").all_inner_texts() == rows
    page.get_by_label("Branch", exact=True).select_option("main")
    settled(page, moved)
    page.get_by_role("button", name="Delete kept for later").click()
    page.get_by_role("button", name="Really delete kept for later?").click()
    page.wait_for_function("document.querySelectorAll('[aria-label=Branch] option').length === 1")
    page.reload()
    page.wait_for_selector(READY)
    page.get_by_role("tab", name="History").click()
    assert page.locator("[aria-label=Branch] option").count() == 1
