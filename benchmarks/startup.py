"""From the command to the first usable page, in Chromium, on a prebuilt run.

    ./run python benchmarks/startup.py [--run data/demo] [--times 5]

The browser is open already; it loads the page as soon as the server answers.
Usable: the home page's numbers are drawn, or the timeline's tiles can be dragged.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

from browser_app import HOME, READY, ROOT, chromium, served, wait_until_healthy

PAGES = {"home": ("/", HOME), "timeline": ("/timeline", READY)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--run", type=Path, default=ROOT / "data" / "demo")
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    for name in PAGES:
        times = [measure(options.run, name) for _ in range(options.times)]
        told = {"page": name, "seconds_median": round(statistics.median(times), 2),
                "seconds_max": round(max(times), 2)}  # fmt: skip
        print(json.dumps(told))


def measure(run: Path, name: str) -> float:
    """Seconds from starting the command to the page being usable."""
    path, ready = PAGES[name]
    with chromium(viewport={"width": 1280, "height": 900}) as page:
        started = time.perf_counter()
        with served(run) as url:
            wait_until_healthy(url)
            page.goto(url + path)
            page.wait_for_selector(ready)
            return time.perf_counter() - started


if __name__ == "__main__":
    main()
