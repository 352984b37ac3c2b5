"""Eight people at once on one server, each dragging every two seconds for a minute.

    python benchmarks/many_users.py [--run data/demo] [--people 8] [--seconds 60] [--every 2]

Each is a browser context of its own in one Chromium: a session, an address, an
order of its own. A drop's clock starts at pointerup and stops two animation
frames after the page has taken in the answer with that drop's sequence number.
At the end every page must show the order that its own drops make, computed here
from the reference order: a state shared between sessions would show in it.

The Chromium and the server share the machine, so the browser's own work counts.
`server_busy` is the server's share of one core over the minute; `chromium_busy`
that of the browser. Where the second is the larger, the browser is the bottleneck.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from browser_app import CHROMIUM, FLAGS, READY, ROOT, served, wait_until_healthy
from playwright.sync_api import sync_playwright

from reorder_core.orders.order import Order, insert, order_hash, slots_of
from reorder_core.store.run import open_run

WATCH = """
() => {
  const root = document.querySelector('.ro-timeline');
  Object.assign(window, { drops: [], started: 0, errors: [] });
  addEventListener('error', (event) => window.errors.push(String(event.message)));
  document.addEventListener('pointerup', () => { window.started = performance.now(); }, true);
  new MutationObserver(() => {
    if (root.dataset.state !== 'ready' || !window.started) return;
    const { started } = window;
    window.started = 0;
    requestAnimationFrame(() => requestAnimationFrame(() =>
      window.drops.push(performance.now() - started)));
  }).observe(root, { attributes: true, attributeFilter: ['data-state', 'data-hash'] });
}
"""


class Person:
    """A browser context with a timeline, and the order that its drops should have made."""

    def __init__(self, browser: Any, url: str, reference: Order, seed: int) -> None:
        self.page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        self.order, self.draw, self.made = reference, random.Random(seed), 0
        self.page.goto(f"{url}/timeline")
        self.page.wait_for_selector(READY, timeout=120_000)
        self.page.evaluate(WATCH)

    def drop(self) -> None:
        """One drag by pointer events in the page: eight mice cannot move at once here."""
        count = len(self.order)
        sample, onto = self.draw.sample(range(count), 2)
        slot = int(slots_of(self.order)[onto])
        self.page.evaluate(DRAG, [sample, onto])
        self.order, self.made = insert(self.order, sample, slot), self.made + 1

    def shown(self) -> str:
        return self.page.evaluate("document.querySelector('.ro-timeline').dataset.hash")


DRAG = """
([sample, onto]) => {
  const centre = (id) => {
    const box = document.querySelector(`.ro-tile[data-sample="${id}"]`).getBoundingClientRect();
    return { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 };
  };
  const tile = document.querySelector(`.ro-tile[data-sample="${sample}"]`);
  const common = { bubbles: true, cancelable: true, composed: true, pointerId: 1, isPrimary: true,
    pointerType: 'mouse', button: 0, buttons: 1 };
  const to = centre(onto);
  tile.setPointerCapture = () => {};
  tile.releasePointerCapture = () => {};
  tile.dispatchEvent(new PointerEvent('pointerdown', { ...common, ...centre(sample) }));
  for (let i = 1; i <= 6; i += 1) {
    const from = centre(sample);
    tile.dispatchEvent(new PointerEvent('pointermove', { ...common,
      clientX: from.clientX + ((to.clientX - from.clientX) * i) / 6,
      clientY: from.clientY + ((to.clientY - from.clientY) * i) / 6 }));
  }
  tile.dispatchEvent(new PointerEvent('pointermove', { ...common, ...to }));
  tile.dispatchEvent(new PointerEvent('pointerup', { ...common, ...to, buttons: 0 }));
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--run", type=Path, default=ROOT / "data" / "demo")
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--every", type=float, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        shutil.copytree(options.run, run, ignore=shutil.ignore_patterns("cache"))
        found = measure(run, options.people, options.seconds, options.every)
    print(json.dumps(found, indent=1))


def measure(run: Path, people: int, seconds: float, every: float) -> dict[str, Any]:
    """Milliseconds of all drops, errors, and who shows another order than their own."""
    reference = open_run(run).reference_order
    with served(run) as url, sync_playwright() as playwright:
        wait_until_healthy(url)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        crowd = [Person(browser, url, reference, seed) for seed in range(people)]
        before = cpu_seconds()
        began = time.monotonic()
        due = [began + every * number / people for number in range(people)]  # spread evenly
        while time.monotonic() < began + seconds:
            number = min(range(people), key=lambda n: due[n])
            crowd[number].page.wait_for_timeout(max(0, 1000 * (due[number] - time.monotonic())))
            crowd[number].drop()
            due[number] += every
        took = time.monotonic() - began
        busy = {name: (cpu_seconds()[name] - before[name]) / took for name in before}
        for person in crowd:
            person.page.wait_for_function(f"window.drops.length >= {person.made}", timeout=60_000)
        drops = [ms for person in crowd for ms in person.page.evaluate("window.drops")]
        errors = [e for person in crowd for e in person.page.evaluate("window.errors")]
        errors += [p.page.locator(".ro-toast:visible").inner_text() for p in crowd
                   if p.page.locator(".ro-toast:visible").count()]  # fmt: skip
        strangers = [n for n, p in enumerate(crowd) if p.shown() != order_hash(p.order)]
        browser.close()
    return {
        "people": people,
        "drops": len(drops),
        "drop_ms": spread(drops),
        "errors": errors,
        "people_with_another_order_than_their_own": strangers,
        "server_busy": round(busy["streamlit"], 2),
        "chromium_busy": round(busy["chromium"], 2),
    }


def cpu_seconds() -> dict[str, float]:
    """Processor time of the processes below this one so far, by what they are."""
    found = {"streamlit": 0.0, "chromium": 0.0}
    for process in descendants():
        try:
            command = Path(f"/proc/{process}/cmdline").read_bytes()
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks = int(fields[11]) + int(fields[12])
        for name in found:
            if name.encode() in command:
                found[name] += ticks / 100
                break
    return found


def descendants() -> list[int]:
    """Ids of this process's children, and of theirs."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[int(folder.name)] = int(fields[1])
        except OSError:
            continue
    found, edge = [], [os.getpid()]
    while edge:
        edge = [child for child, parent in parents.items() if parent in edge]
        found += edge
    return found


def spread(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    return {"p50": round(cuts[9], 1), "p95": round(cuts[18], 1), "max": round(max(values), 1)}


if __name__ == "__main__":
    main()
