"""Hands and eyes for browser tests of the timeline."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import numpy as np

from reorder_core.orders.links import decode_order
from reorder_core.orders.order import Order
from reorder_core.store.run import Run

ROOT = Path(__file__).parent.parent.parent
READY = ".ro-timeline[data-state=ready]"
HOME = ".st-key-ro_chart_loss-curve .main-svg"
"""One of the home page's figures."""
FIDELITY = ".st-key-ro_judged .st-key-ro_chart_heat-retrained .main-svg"
"""The last of the fidelity page's figures."""
_POINT = """([chart, trace, index]) => {
  const gd = document.querySelector(`.st-key-ro_chart_${chart} .js-plotly-plot`);
  gd.scrollIntoView({block: 'center'});
  const box = gd.getBoundingClientRect(), { xaxis, yaxis } = gd._fullLayout;
  const found = gd._fullData.find(({ name }) => name === trace);
  return [box.x + xaxis._offset + xaxis.l2p(found.x[index]),
    box.y + yaxis._offset + yaxis.l2p(found.y[index])];
}"""


@dataclass(frozen=True, slots=True)
class Served:
    """The app in a process of its own, on a run that may be written to."""

    url: str
    run: Run
    log: Path


def open_timeline(page: Any, url: str, query: str = "") -> None:
    page.goto(f"{url}/timeline{query}")
    page.wait_for_selector(READY, timeout=120_000)


def state(page: Any) -> dict[str, str]:
    """The data attributes of the instrument: state, hash, rev."""
    return page.evaluate(
        "(({ charts, ...rest }) => rest)(document.querySelector('.ro-timeline').dataset)"
    )


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


def chosen(page: Any) -> set[int]:
    """The samples of the tiles that are selected."""
    ids = page.evaluate("[...document.querySelectorAll('.ro-chosen')].map(t => t.dataset.sample)")
    return set(map(int, ids))


def as_they_stand(order: Order, ids: set[int]) -> tuple[int, ...]:
    return tuple(int(i) for i in order if int(i) in ids)


def step_label(page: Any, step: int) -> tuple[float, float]:
    box = page.locator(f'.ro-step[data-step="{step}"]').bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


class Finger:
    """One finger on the page, through the browser's own input: it may scroll as a real one does."""

    def __init__(self, page: Any) -> None:
        self._page, self._session = page, page.context.new_cdp_session(page)

    def _send(self, kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y} for x, y in points]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def pull(self, start: tuple[float, float], end: tuple[float, float], lift: bool = True) -> None:
        self._send("touchStart", start)
        self.to(start, end)
        if lift:
            self.lift()

    def to(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        (x, y), (to_x, to_y) = start, end
        for part in (i / 8 for i in range(1, 9)):
            self._send("touchMove", (x + (to_x - x) * part, y + (to_y - y) * part))

    def lift(self) -> None:
        self._send("touchEnd")

    def tap(self, at: tuple[float, float]) -> None:
        self._send("touchStart", at)
        self.lift()

    def rest(self, at: tuple[float, float], milliseconds: int = 700) -> None:
        self._send("touchStart", at)
        self._page.wait_for_timeout(milliseconds)


def order_in_address(page: Any, run: Run) -> Order:
    query = parse_qs(urlparse(page.evaluate("location.href")).query)
    return decode_order(query["o"][0], run.visits.count) if "o" in query else run.reference_order


def charted(page: Any) -> None:
    """Wait until all figures show the order on screen."""
    page.wait_for_function(
        "() => { const d = document.querySelector('.ro-timeline').dataset;"
        " return d.state === 'ready' && d.charts === d.hash }",
        timeout=30_000,
    )


def traces(page: Any, figure: str) -> list[dict[str, Any]]:
    """What plotly was given to draw, once it shows the order on screen."""
    charted(page)
    drawn = page.evaluate(
        "name => JSON.parse(JSON.stringify("
        "document.querySelector(`[data-figure=${name}] .js-plotly-plot`).data))",
        figure,
    )
    return unpacked(drawn)


def unpacked(value: Any) -> Any:
    """Of what plotly was given: arrays as lists, None where there is no number."""
    if isinstance(value, dict) and "bdata" in value:
        array = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
        shape = [int(size) for size in value.get("shape", "-1").split(",")]
        return unpacked(array.reshape(shape).tolist())
    if isinstance(value, dict):
        return {key: unpacked(one) for key, one in value.items()}
    if isinstance(value, list):
        return [unpacked(one) for one in value]
    return None if isinstance(value, float) and value != value else value


def trace(page: Any, figure: str, name: str) -> dict[str, Any]:
    """The figure's trace of that name; an empty one where it has none."""
    found = [one for one in traces(page, figure) if one.get("name") == name]
    return found[0] if found else {"x": [], "y": []}


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


def pick(page: Any, samples: Iterable[int]) -> None:
    """Select the samples' tiles with Ctrl held."""
    page.keyboard.down("Control")
    for sample in samples:
        page.mouse.click(*centre(page, int(sample)))
    page.keyboard.up("Control")


def click_point(page: Any, chart: str, trace: str, index: int) -> None:
    """Click one point of a plotly chart."""
    page.evaluate(_POINT, [chart, trace, index])  # scrolls there
    page.wait_for_timeout(300)
    page.mouse.click(*page.evaluate(_POINT, [chart, trace, index]))


def chart_trace(page: Any, chart: str, name: str) -> dict[str, Any]:
    """A trace of a plotly chart as the browser has it, once it has it: its points, customdata."""
    page.wait_for_function(
        """([chart, name]) => {
          const gd = document.querySelector(`.st-key-ro_chart_${chart} .js-plotly-plot`);
          return gd?._fullData?.some((one) => one.name === name && one.x?.length);
        }""",
        arg=[chart, name],
        timeout=120_000,
    )
    return page.evaluate(
        """([chart, name]) => {
          const gd = document.querySelector(`.st-key-ro_chart_${chart} .js-plotly-plot`);
          const found = gd._fullData.find((one) => one.name === name);
          return { points: found.x.length, customdata: Array.from(found.customdata ?? []),
            hovertext: Array.from(found.hovertext ?? []) };
        }""",
        [chart, name],
    )
