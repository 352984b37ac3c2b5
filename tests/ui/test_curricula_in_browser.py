"""A search begun, left and found again in a real browser."""

from pathlib import Path
from typing import Any

from driving import Served

from reorder_core.curricula.search_state import all_states


def test_a_search_goes_on_over_a_reload_and_its_order_opens_on_the_timeline(
    served: Served, page: Any, tmp_path: Path
) -> None:
    page.set_viewport_size({"width": 1280, "height": 2400})
    page.goto(f"{served.url}/curricula")
    page.get_by_text("In which order should it have been trained?").wait_for(timeout=180_000)
    budget = page.get_by_role("spinbutton", name="Budget, RRE")
    budget.fill("2")
    budget.press("Enter")
    page.get_by_text("the budget pays for 1 retraining").first.wait_for(timeout=60_000)
    page.get_by_role("button", name="Search", exact=True).click()
    page.wait_for_url("**/curricula?*search=*", timeout=60_000)
    page.reload()  # the search runs in the server, not in the page
    page.get_by_role("link", name="Open on the Timeline").wait_for(timeout=420_000)
    state = next(iter(all_states(served.run)))
    assert state.done and state.paid <= 1
    page.get_by_role("link", name="Open on the Timeline").click()
    page.wait_for_selector(".ro-timeline[data-state=ready]", timeout=60_000)
    shown = page.evaluate("document.querySelector('.ro-timeline').dataset.hash")
    assert shown in {entry.hash for entry in state.verified}
