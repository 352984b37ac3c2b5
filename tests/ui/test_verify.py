"""Verify, end to end: the button, the real retraining, the truth beside the estimate."""

from typing import Any

import pytest
import sitting
from driving import (
    HOME,
    Served,
    command_line,
    drag,
    open_timeline,
    order_in_address,
    settled,
    state,
    trace,
)

from ui.app import state as keys
from ui.charts import marks


def test_verify_lays_the_real_retraining_over_the_estimate(
    served: Served, page: Any, tmp_path: Any
) -> None:
    run = served.run
    open_timeline(page, served.url)
    moved = drag(page, int(run.reference_order[2]), int(run.reference_order[247]))
    page.get_by_role("button", name="Verify", exact=True).click()
    page.wait_for_selector(".ro-progress", state="visible")
    page.get_by_role("link", name="Home").first.click()  # it goes on while nobody looks
    page.wait_for_selector(HOME)
    page.get_by_role("link", name="Timeline").first.click()
    page.get_by_role("button", name="Verified", exact=True).wait_for(timeout=180_000)
    assert state(page)["hash"] == moved
    truth = command_line(run, "retrain", order_in_address(page, run), tmp_path)
    domains = run.probe_domains
    change = sum(truth["probes"][domain]["loss"] for domain in domains) / len(domains)
    change -= float(run.reference.final.probes.mean())
    words = page.locator("[data-kpi-truth=heldout]").inner_text()
    shown = float(words.split()[1].replace("−", "-"))
    assert shown == pytest.approx(change, abs=6e-5)
    dots = {"generalization": len(domains) + 1, "memorization": run.visits.trained}
    for figure, count in dots.items():  # a reserve sample has no dot
        shown = [trace(page, figure, name)["x"] for name in (marks.RETRAINED, marks.MISSED)]
        assert sum(map(len, shown)) == count


def test_a_retraining_can_be_cancelled(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    drag(page, int(run.reference_order[3]), int(run.reference_order[239]))
    page.get_by_role("button", name="Verify", exact=True).click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Verify", exact=True).wait_for(timeout=15_000)
    assert "cancelled" in page.locator(".ro-verify-words").inner_text()
    assert run.ledger.get(state(page)["hash"]) is None


def test_the_queue_lists_every_retraining_and_each_can_be_stopped_or_shown(
    served: Served, page: Any
) -> None:
    run = served.run
    open_timeline(page, served.url)
    asked = []
    for one, onto in ((5, 60), (6, 90), (7, 120)):
        asked.append(drag(page, int(run.reference_order[one]), int(run.reference_order[onto])))
        page.get_by_role("button", name="Verify", exact=True).click()
        page.locator(f'[data-job="{asked[-1]}"]').wait_for(state="attached")
    page.get_by_role("tab", name="History").click()
    rows = page.locator(".ro-queue-row")
    words = [page.locator(f'[data-job="{name}"] .ro-queue-words').inner_text() for name in asked]
    assert len(set(words)) == 3 and words[2].endswith("after 2 more")
    assert f"canary {run.reference_order[5]}, visit 1: step 1 → step 8" in words[0]
    stop = page.locator(f'[data-queue-cancel="{asked[2]}"]')
    stop.focus()
    page.keyboard.press("Enter")
    last = page.locator(f'[data-job="{asked[2]}"]')
    page.wait_for_function(
        "name => document.querySelector(`[data-job='${name}']`)?.dataset.state === 'cancelled'",
        arg=asked[2],
    )
    page.reload()  # the queue is the server's: it survives
    page.wait_for_selector(".ro-timeline[data-state=ready]")
    page.get_by_role("tab", name="History").click()
    for name in asked[:2]:
        page.wait_for_function(
            "name => document.querySelector(`[data-job='${name}']`)?.dataset.state === 'done'",
            arg=name,
            timeout=180_000,
        )
        assert run.ledger.get(name) is not None
    assert run.ledger.get(asked[2]) is None
    assert last.locator(".ro-queue-state").inner_text() == "cancelled"
    page.locator(f'[data-job="{asked[0]}"] .ro-queue-go').click()
    assert settled(page, asked[2]) == asked[0]
    assert page.get_by_role("button", name="Verified", exact=True).is_visible()
    assert rows.count() >= 3


def test_a_retraining_that_nobody_asked_for_cannot_be_shown(
    demo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = sitting.page(demo, monkeypatch, "timeline", {})
    before = sitting.sent(at, keys.TIMELINE)["hash"]
    at = sitting.fire(at, keys.TIMELINE, {"type": "show-job", "hash": "f" * 16, "seq": 1})
    record = sitting.sent(at, keys.TIMELINE)
    assert "not in the queue" in record["notice"]["text"] and record["hash"] == before
    at = sitting.fire(at, keys.TIMELINE, {"type": "cancel-job", "hash": "f" * 65, "seq": 2})
    assert "damaged" in sitting.sent(at, keys.TIMELINE)["notice"]["text"]


def test_the_reference_order_is_not_retrained(demo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    at = sitting.page(demo, monkeypatch, "timeline", {})
    at = sitting.fire(at, keys.TIMELINE, {"type": "verify", "seq": 1})
    assert "really trained" in sitting.sent(at, keys.TIMELINE)["notice"]["text"]
