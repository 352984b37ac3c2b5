"""axe-core on every page, light and dark: nothing serious, nothing critical."""

from typing import Any

import pytest
from conftest import lacking
from driving import FIDELITY, HOME, READY, Served, drag

try:
    from axe_playwright_python.sync_playwright import Axe
except ModuleNotFoundError:
    Axe = None

READY_ON = {
    "": HOME,
    "timeline": READY,
    "fidelity": FIDELITY,
}


def violations(page: Any) -> list[str]:
    """What axe calls serious or critical on the page, with the elements."""
    if Axe is None:
        lacking("axe-core is not installed: pip install -r requirements-dev.txt")
    options = {"resultTypes": ["violations"]}
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{one['impact']} {one['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:3]
    ]


@pytest.fixture(params=["light", "dark"])
def themed(request: Any, browser: Any) -> Any:
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, color_scheme=request.param
    )
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", ["", "fidelity"])
def test_home_and_fidelity_have_no_serious_violation(
    served: Served, themed: Any, name: str
) -> None:
    themed.goto(f"{served.url}/{name}")
    themed.wait_for_selector(READY_ON[name], timeout=90_000)
    assert violations(themed) == []


def test_the_timeline_has_none_with_every_tab_and_menu_open(served: Served, themed: Any) -> None:
    run = served.run
    themed.goto(f"{served.url}/timeline")
    themed.wait_for_selector(READY)
    assert violations(themed) == []
    themed.locator("[data-command=pick]").click()
    themed.locator(f'.ro-tile[data-sample="{int(run.reference_order[15])}"]').click()
    assert themed.locator(".ro-tile[aria-pressed=true]").count() == 1
    assert violations(themed) == []
    themed.locator("[data-command=pick]").click()
    drag(themed, int(run.reference_order[15]), int(run.reference_order[180]))
    for tab in themed.locator("[role=tab]").all():
        tab.click()
        themed.wait_for_selector(READY)
        themed.wait_for_timeout(300)
        assert violations(themed) == [], tab.inner_text()
    themed.locator("[data-command=share]").click()
    assert violations(themed) == []
    themed.keyboard.press("Escape")
    themed.locator("[data-guide=poison]").click()
    themed.wait_for_selector(READY)
    themed.locator("[data-command=talk]").click()
    themed.wait_for_selector(".ro-talking")
    assert violations(themed) == []


def test_a_button_without_a_name_would_be_found(served: Served, themed: Any) -> None:
    themed.goto(served.url)
    themed.wait_for_selector(READY_ON[""])
    themed.evaluate("document.querySelector('.ro').append(document.createElement('button'))")
    assert any("critical button-name" in one for one in violations(themed))
