"""The Fidelity page after another estimator or family is chosen: until its last mark is drawn.

PYTHONPATH=. python benchmarks/fidelity_redraw.py [--run data/demo] [--rounds 3]

Each round goes once through the choices. The first round computes what lacks and is told apart;
the others are warm. Drawn: the headline follows and no figure was drawn for half a second.
Processor time of the app and of the browser's main thread stand beside, which a busy machine
changes little.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from app_server import ROOT, on_a_copy, spread
from browser_app import FIDELITY, Clock, chromium

ESTIMATORS = ("replay – baseline", "projected – ", "hybrid – the app")
FAMILIES = ("block orders", "curricula", "random orders")
WATCH = """() => {
  const page = document.querySelector('.stMain');
  const drawn = () => { window.lastDrawn = performance.now(); };
  new MutationObserver((changes) => {
    if (changes.some(({ target }) => (target.closest ?? (() => null)).call(target,
      '.js-plotly-plot, h1, .stDataFrame, .st-key-ro_judged, .st-key-ro_verdict'))) drawn();
  }).observe(page, { childList: true, subtree: true, attributes: true, characterData: true });
  addEventListener('click', (event) => {
    if (event.target.closest('[role=option], [role=radio], label, button')) {
      window.began = performance.now();
      window.lastDrawn = null;
    }
  }, true);
}"""
SETTLED = """said => {
  const words = document.querySelector('h1')?.innerText ?? '';
  return words.includes(said) && window.lastDrawn !== null &&
    performance.now() - window.lastDrawn > 500 &&
    document.querySelector('.stStatusWidget, .stProgress') === null;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--run", type=Path, default=ROOT / "data" / "demo")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    size = {"width": 1440, "height": 1000}
    with on_a_copy(options.run) as app, chromium(viewport=size) as page:
        clock = Clock(page, app.process)
        page.goto(f"{app.url}/fidelity")
        page.wait_for_selector(FIDELITY, timeout=120_000)
        page.wait_for_timeout(1500)
        page.evaluate(WATCH)
        rounds = [one_round(page, clock) for _ in range(options.rounds)]
    warm = [taken for seen in rounds[1:] for taken in seen.values()]
    spreads = [spread(list(values)) for values in zip(*warm, strict=True)]
    told = dict(zip(("drawn_ms", "app_ms", "browser_ms"), spreads, strict=True))
    print(json.dumps({"first": rounds[0], "warm": rounds[1:], "spread": told}, indent=1))


Taken = tuple[float, float, float]
"""Milliseconds: from the click to the last mark; of the app's processor, of the browser's."""


def one_round(page: Any, clock: Clock) -> dict[str, Taken]:
    taken = {}
    for start in ESTIMATORS:
        page.locator(".st-key-reorder_fidelity_estimator input").click()
        option = page.get_by_role("option", name=start)
        taken[start] = timed(page, clock, option, f"“{start.split(' ')[0]}”")
    for family in FAMILIES:
        button = page.get_by_role("radio", name=family)
        taken[family] = timed(page, clock, button, family)
    return taken


def timed(page: Any, clock: Clock, choice: Any, said: str) -> Taken:
    before = clock.read()
    choice.click()
    page.wait_for_function(SETTLED, arg=said, timeout=120_000, polling=100)
    drawn = page.evaluate("window.lastDrawn - window.began")
    app, browser = (1000 * (now - then) for then, now in zip(before, clock.read(), strict=True))
    return round(drawn), round(app), round(browser)


if __name__ == "__main__":
    main()
