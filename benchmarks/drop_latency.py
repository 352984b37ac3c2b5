"""Drop to every number and chart updated, and frames during a drag, in Chromium.

    ./run python benchmarks/drop_latency.py [--run data/demo] [--drops 40]

Of 2,048 tiles: --run on a build of benchmarks/timeline-2048.yaml.

A drop's clock starts at pointerup. It stops two animation frames after the
page has taken the answer in, so painting is counted: once for numbers and
tiles, and once for the last of the four figures. Every drop makes an order
that was never asked before: nothing is read from the cache.
"""

import argparse
import json
import random
from pathlib import Path
from typing import Any

from app_server import on_a_copy, spread
from browser_app import READY, ROOT, chromium

WATCH = """
() => {
  const root = document.querySelector('.ro-timeline');
  window.drops = [];
  window.charts = [];
  window.frames = [];
  window.long = [];
  window.drags = [];
  const begin = () => { window.drags.push([performance.now(), Infinity]); };
  document.addEventListener('pointerdown', begin, true);
  document.addEventListener('pointerup', () => {
    window.started = performance.now();
    window.drags.at(-1)[1] = window.started;
  }, true);
  const painted = (list, started) => requestAnimationFrame(() => requestAnimationFrame(() =>
    list.push(performance.now() - started)));
  new MutationObserver(() => {
    const { state, hash, charts } = root.dataset;
    if (state !== 'ready') return;
    if (window.started) {
      painted(window.drops, window.started);
      window.drawing = window.started;
      window.started = 0;
    }
    if (!window.drawing || charts !== hash) return;
    painted(window.charts, window.drawing);
    window.drawing = 0;
  }).observe(root, { attributes: true,
    attributeFilter: ['data-state', 'data-hash', 'data-charts'] });
  const dragging = ({ startTime, duration }) => window.drags.some(([down, up]) =>
    startTime < up && startTime + duration > down);
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.long.push([task.duration, dragging(task)]);
  }).observe({ entryTypes: ['longtask'] });
  let last = performance.now();
  const tick = (now) => {
    if (document.querySelector('.ro-held')) window.frames.push(now - last);
    last = now;
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}
"""


TRAINED = """() => {
  const top = (one) => one.getBoundingClientRect().top;
  const bench = document.querySelector('.ro-bench:not([hidden])');
  return [...document.querySelectorAll('.ro-tile')].filter(t => !bench || top(t) < top(bench))
    .map(t => t.dataset.sample);
}"""
"""Ids of the tiles above the bench: two of its own that change places make no other order."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--run", type=Path, default=ROOT / "data" / "demo")
    parser.add_argument("--drops", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with on_a_copy(options.run) as app:
        print(json.dumps(measure(app.url, options.drops, options.seed), indent=1))


def measure(url: str, drops: int, seed: int) -> dict[str, Any]:
    """Milliseconds: of drops, of frame intervals while dragging, of long tasks."""
    draw = random.Random(seed)
    with chromium(viewport={"width": 1440, "height": 1000}) as page:
        page.goto(f"{url}/timeline")
        page.wait_for_selector(f"{READY}[data-charts]")
        page.evaluate(WATCH)
        for number in range(drops):
            shown = page.evaluate(TRAINED)
            drop(page, *draw.sample(sorted(map(int, shown)), 2))
            page.wait_for_function(f"window.charts.length > {number}", timeout=30_000)
        seen = page.evaluate(
            "({drops, charts, frames, long}) => ({drops, charts, frames, long})",
            page.evaluate_handle("window"),
        )
    return {
        "drops": len(seen["drops"]),
        "numbers_ms": spread(seen["drops"]),
        "numbers_and_charts_ms": spread(seen["charts"]),
        "frame_ms_while_dragging": spread(seen["frames"]),
        **{
            f"long_tasks_{when}": long_tasks(seen["long"], during)
            for when, during in (("while_dragging", True), ("after_a_drop", False))
        },
    }


def long_tasks(seen: list[tuple[float, bool]], dragging: bool) -> dict[str, float]:
    """Of the browser's main thread, over 50 ms each: how many, and the longest."""
    found = [duration for duration, during in seen if during == dragging]
    return {"over_50_ms": len(found), "longest_ms": max(found, default=0)}


def drop(page: Any, sample: int, onto: int) -> None:
    page.mouse.move(*centre(page, sample))
    page.mouse.down()
    page.mouse.move(*centre(page, onto), steps=25)
    page.mouse.up()


def centre(page: Any, sample: int) -> tuple[float, float]:
    box = page.locator(f'.ro-tile[data-sample="{sample}"]').bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


if __name__ == "__main__":
    main()
