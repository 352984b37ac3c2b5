"""Hands and eyes for browser tests of the timeline."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

from reorder_core.orders import Order, decode_order
from reorder_core.store.run import Run

ROOT = Path(__file__).parent.parent.parent
READY = ".ro-timeline[data-state=ready]"


@dataclass(frozen=True, slots=True)
class Served:
    """The app in a process of its own, on a run that may be written to."""

    url: str
    run: Run
    log: Path


def open_timeline(page: Any, url: str, query: str = "") -> None:
    page.goto(f"{url}/timeline{query}")
    page.wait_for_selector(READY, timeout=30_000)


def state(page: Any) -> dict[str, str]:
    """The data attributes of the instrument: state, hash, rev."""
    return page.evaluate("({...document.querySelector('.ro-timeline').dataset})")


def settled(page: Any, before: str) -> str:
    """Wait until another order than `before` is fully drawn; its hash."""
    page.wait_for_function(
        "before => { const d = document.querySelector('.ro-timeline').dataset;"
        " return d.state === 'ready' && d.hash !== before }",
        arg=before,
        timeout=15_000,
    )
    return state(page)["hash"]


def centre(page: Any, sample_id: int) -> tuple[float, float]:
    box = page.locator(f'.ro-tile[data-sample="{sample_id}"]').bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Any, sample_id: int, onto: int) -> str:
    """Drag one sample's tile onto another's with the mouse; the new order's hash."""
    before = state(page)["hash"]
    page.mouse.move(*centre(page, sample_id))
    page.mouse.down()
    page.mouse.move(*centre(page, onto), steps=8)
    page.mouse.up()
    return settled(page, before)


def order_in_address(page: Any, run: Run) -> Order:
    query = parse_qs(urlparse(page.evaluate("location.href")).query)
    return decode_order(query["o"][0], run.count) if "o" in query else run.reference_order


def number_on_page(page: Any, selector: str) -> float:
    """The full-precision number behind a figure shown."""
    return float(page.locator(selector).get_attribute("data-value"))


def command_line(run: Run, command: str, order: Order, folder: Path) -> dict[str, Any]:
    """What `python -m reorder_core <command> RUN --order FILE --json` prints."""
    file = folder / "order.json"
    file.write_text(json.dumps({"run": run.id, "order": order.tolist()}))
    told = subprocess.run(
        [sys.executable, "-m", "reorder_core", command, str(run.path), "--order", str(file),
         "--json"], cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(told.stdout)
