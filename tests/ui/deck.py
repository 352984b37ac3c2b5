"""Hands for the saved views of the side panel."""

from typing import Any


def save(page: Any, name: str, note: str = "") -> None:
    """Save what is on screen; the deck is one longer then."""
    page.locator("[data-tab=saved]").click()
    before = page.locator("[data-view]").count()
    page.get_by_label("Name of the view").fill(name)
    page.get_by_label("Note", exact=True).fill(note)
    page.get_by_role("button", name="Save this view").click()
    page.wait_for_function(
        "n => document.querySelectorAll('[data-view]').length > n", arg=before, timeout=15_000
    )


def names(page: Any) -> list[str]:
    return page.locator(".ro-view-open b").all_inner_texts()


def clear(page: Any) -> None:
    """Delete every saved view: other tests count on their own deck."""
    page.locator("[data-tab=saved]").click()
    while count := page.locator("[data-view]").count():
        page.get_by_role("button", name="Delete").first.click()
        page.get_by_role("button", name="Delete").first.click()
        page.wait_for_function(
            "n => document.querySelectorAll('[data-view]').length < n", arg=count, timeout=15_000
        )
