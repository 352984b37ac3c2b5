"""Verify, end to end: the button, the real retraining, the truth beside the estimate."""

from typing import Any

import pytest
from driving import Served, command_line, drag, open_timeline, order_in_address, state


def test_verify_lays_the_real_retraining_over_the_estimate(
    served: Served, page: Any, tmp_path: Any
) -> None:
    run = served.run
    open_timeline(page, served.url)
    moved = drag(page, int(run.reference_order[2]), int(run.reference_order[-9]))
    page.get_by_role("button", name="Verify", exact=True).click()
    page.wait_for_selector(".ro-progress", state="visible")
    page.get_by_role("link", name="Home").first.click()  # it goes on while nobody looks
    page.wait_for_selector(".ro-home[data-state=ready]")
    page.get_by_role("link", name="Timeline").first.click()
    page.get_by_role("button", name="Verified", exact=True).wait_for(timeout=180_000)
    assert state(page)["hash"] == moved
    truth = command_line(run, "retrain", order_in_address(page, run), tmp_path)
    domains = run.probe_domains
    change = sum(truth["probes"][domain]["loss"] for domain in domains) / len(domains)
    change -= float(run.reference.probe_loss_at[-1].mean())
    words = page.locator("[data-kpi-truth=heldout]").inner_text()
    shown = float(words.split()[1].replace("−", "-"))
    assert shown == pytest.approx(change, abs=6e-5)
    assert page.locator(".ro-diamond").count() == len(domains) + 1
    assert page.locator(".ro-ring").count() == run.count


def test_a_retraining_can_be_cancelled(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    drag(page, int(run.reference_order[3]), int(run.reference_order[-17]))
    page.get_by_role("button", name="Verify", exact=True).click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Verify", exact=True).wait_for(timeout=15_000)
    assert "cancelled" in page.locator(".ro-verify-words").inner_text()
    assert run.ledger.get(state(page)["hash"]) is None
