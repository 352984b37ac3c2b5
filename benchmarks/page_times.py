"""Every page of a run in Chromium: how soon it is drawn, how soon it answers, what it is sent.

    PYTHONPATH=. python benchmarks/page_times.py [--run data/demo | --invent 4096x256]
                                                 [--pages Home,Memorization] [--rounds 3]

cold: the first to open the page since the app started. warm: by its link in the navigation, when
somebody has opened it before. figure: until the first figure is drawn (a table or form on pages
without one); settled: until the last change of the page. Then each page's main interactions, every
round once: from the click to the last change of the page, but for a table's unseen copy for screen
readers, which follows what is seen by a fifth of a second. Largest: of the messages to the browser.
Processor milliseconds of the app and of the browser's main thread stand beside, which a busy
machine changes little.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app_server import ROOT, Sitting, on_a_copy, spread
from browser_app import READY, Clock, chromium
from drop_latency import drop

QUIET_MS = 600
"""Without a change, until a page counts as settled."""
HELP = "[class*=st-key-ro_document]"
FIGURE = ".stMain .js-plotly-plot .main-svg"
WATCH = """figures => {
  const seen = window.seen = { began: 0, first: null, last: 0 };
  const figure = () => figures[location.pathname.split('/').pop()];
  const there = () => figure() && document.querySelector(figure()) !== null;
  const unseen = ({ target, type }) => !document.querySelector('#root')?.contains(target) ||
    target.parentElement?.closest('canvas') || (type === 'childList' && target.matches('canvas'));
  new MutationObserver((changes) => {
    if (changes.every(unseen)) return;
    seen.last = performance.now();
    if (seen.first !== null || !there()) return;
    seen.first = Infinity;  // and painted two frames later
    requestAnimationFrame(() => requestAnimationFrame(() => { seen.first = performance.now(); }));
  }).observe(document, { childList: true, subtree: true, attributes: true, characterData: true });
  const begin = () => { seen.began = seen.last = performance.now(); };
  addEventListener('pointerdown', begin, true);
  addEventListener('pointerup', begin, true);
  addEventListener('keydown', (event) => { if (event.key === 'Enter') begin(); }, true);
}"""
SETTLED = f"""() => document.querySelector('.stStatusWidget, .stProgress, .stSkeleton') === null &&
  performance.now() - window.seen.last > {QUIET_MS}"""

Act = Callable[[Any, int], None]
"""What a person does on a page, differently in each round; ends with a click or Enter."""


@dataclass(frozen=True)
class PageOf:
    """A page and what is done on it."""

    title: str
    path: str
    figure: str = FIGURE
    acts: dict[str, Act] = field(default_factory=dict)


def choose(key: str) -> Act:
    """Another option of a select box in each round."""

    def act(page: Any, number: int) -> None:
        box = page.locator(f".st-key-{key} input").first
        box.scroll_into_view_if_needed()
        page.wait_for_timeout(300)  # a list that opens while the page scrolls is shut again
        box.click()
        options = page.get_by_role("option")
        options.first.wait_for()
        options.nth((number + 1) % options.count()).click()

    return act


def switch(key: str) -> Act:
    """A segmented control's next segment."""

    def act(page: Any, number: int) -> None:
        segments = page.locator(f".st-key-{key}").get_by_role("radio")
        segments.nth((number + 1) % segments.count()).click()

    return act


def toggle(key: str) -> Act:
    return lambda page, _: page.locator(f".st-key-{key} label").first.click()


def search(key: str, *words: str) -> Act:
    def act(page: Any, number: int) -> None:
        box = page.locator(f".st-key-{key} input").first
        box.fill(words[number % len(words)])
        box.press("Enter")

    return act


def row(page: Any, number: int) -> None:
    """Choose a row of the table of samples."""
    box = page.locator("[class*=st-key-ro_who_] .stDataFrame").first.bounding_box()
    page.mouse.click(box["x"] + 18, box["y"] + 35 * (number % 5 + 1) + 18)


def move(page: Any, number: int) -> None:
    """Drag a tile onto another, of those on screen."""
    shown = page.evaluate("[...document.querySelectorAll('.ro-tile')].map(t => +t.dataset.sample)")
    drop(page, shown[3 + number], shown[40 + 5 * number])


def select_tile(page: Any, number: int) -> None:
    page.locator(".ro-tile").nth(7 + number).click()


PAGES = (
    PageOf("Home", "", acts={"family": switch("ro_home_family")}),
    PageOf("Timeline", "timeline", READY, {"select a sample": select_tile, "drop": move}),
    PageOf("Memorization", "memorization", acts={
        "search": search("ro_who_search", "code", "1", ""), "a row of the table": row,
        "sort the map": choose("ro_map_sort"), "rows of the map": switch("ro_map_rows"),
        "divide out the rate": toggle("ro_map_rate"), "checkpoint": switch("ro_checkpoint"),
    }),
    PageOf("Extraction", "extraction", f"{FIGURE}, .st-key-ro_figure_recalled", {
        "length": switch("ro_extract_l"), "beside": choose("ro_beside_extraction"),
        "sample": choose("ro_sample"),
    }),
    PageOf("Generalization", "generalization", acts={
        "influence on": choose("ro_influence_of"), "added up": toggle("ro_influence_sum"),
        "needs of": choose("ro_needs_of"), "curves of": choose("ro_curves_of"),
    }),
    PageOf("Fidelity", "fidelity", acts={
        "family": switch("reorder_fidelity_family"),
        "estimator": choose("reorder_fidelity_estimator"),
    }),
    PageOf("Curricula", "curricula", ".stMain .st-key-ro_curriculum_objective, .stMain .stForm, "
           f".stMain .stSelectbox, {FIGURE}"),
    PageOf("Runs", "runs", ".stMain .stDataFrame", {"compare with": choose("ro_runs_compare")}),
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--run", type=Path, default=ROOT / "data" / "demo")
    parser.add_argument("--invent", metavar="SAMPLESxSTEPS", help="instead: a run of that size")
    parser.add_argument("--pages", default=",".join(page.title for page in PAGES))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    wanted = [page for page in PAGES if page.title in options.pages.split(",")]
    with _run(options.run, options.invent) as run:
        sent, size = Sent(), {"width": 1440, "height": 1000}
        with on_a_copy(run) as app, chromium(viewport=size) as page:
            page.on("websocket", lambda socket: socket.on("framereceived", sent.take))
            page.add_init_script(
                f"({WATCH})({json.dumps({one.path: one.figure for one in PAGES})})"
            )
            visit = Visit(app, page, sent, Clock(page, app.process))
            for one in wanted:
                print(json.dumps(visit.measured(one, options.rounds)), flush=True)
            if app.tracebacks:
                print(app.log.read_text()[-4000:], file=sys.stderr)
                raise SystemExit("the app met an error")


@contextmanager
def _run(path: Path, invented: str | None) -> Iterator[Path]:
    if not invented:
        yield path
        return
    sys.path.insert(0, str(ROOT / "tests"))
    from invented import Size, invent  # pyright: ignore[reportMissingImports]

    samples, steps = map(int, invented.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        yield invent(Path(folder) / "run", Size(samples, steps)).path


class Sent:
    """Bytes of the messages to the browser."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def take(self, payload: bytes | str) -> None:
        self.sizes.append(len(payload))

    def told(self) -> dict[str, float]:
        found = {"largest_mb": max(self.sizes, default=0) / 1e6, "mb": sum(self.sizes) / 1e6}
        self.sizes.clear()
        return {name: round(value, 3) for name, value in found.items()}


@dataclass(frozen=True)
class Visit:
    """The app, and a browser in front of it."""

    app: Sitting
    page: Any
    sent: Sent
    clock: Clock

    def measured(self, of: PageOf, rounds: int) -> dict[str, Any]:
        cold = self._timed(lambda: self.page.goto(f"{self.app.url}/{of.path}"))
        warm = [self._timed(lambda: self._by_link(of)) for _ in range(rounds)]
        acts: dict[str, Any] = {}
        for number in range(rounds):
            for name, act in of.acts.items():
                if taken := self._act(act, number):
                    acts.setdefault(name, []).append(taken)
        every = [taken["ms"] for group in acts.values() for taken in group]
        return {
            "page": of.title, "cold": cold, "warm": _median(warm),
            "acts": {name: _median(group) for name, group in acts.items()},
            "interaction_ms": spread(every) if len(every) > 1 else None,
        }  # fmt: skip

    def _by_link(self, of: PageOf) -> None:
        self.page.get_by_role("link", name=of.title, exact=True).first.click()

    def _timed(self, open_it: Callable[[], None]) -> dict[str, float]:
        if self.page.url.startswith("http"):  # Help has no figures
            self.page.get_by_role("link", name="Help", exact=True).first.click()
            self.page.wait_for_selector(HELP)
            self._settle()
            self.page.evaluate("window.seen.first = null")
        self.sent.sizes.clear()
        before = self.clock.read()
        open_it()
        self.page.wait_for_function(
            "() => window.seen.first && window.seen.first < Infinity", timeout=180_000
        )
        self._settle()
        seen = self.page.evaluate("window.seen")
        app, browser = _spent(before, self.clock.read())
        return {
            "figure_ms": round(seen["first"] - seen["began"]),
            "settled_ms": round(seen["last"] - seen["began"]), "app_ms": app,
            "browser_ms": browser, **self.sent.told(),
        }  # fmt: skip

    def _settle(self) -> None:
        self.page.wait_for_function(SETTLED, timeout=180_000, polling=100)

    def _act(self, act: Act, number: int) -> dict[str, float] | None:
        before = self.clock.read()
        self.sent.sizes.clear()
        self.page.set_default_timeout(5000)
        try:
            act(self.page, number)
        except Exception as error:  # this run has no such choice
            print(f"left out: {str(error).splitlines()[0]}", file=sys.stderr)
            return None
        finally:
            self.page.set_default_timeout(30_000)
        self.page.wait_for_timeout(60)
        self._settle()
        app, browser = _spent(before, self.clock.read())
        seen = self.page.evaluate("window.seen")
        return {"ms": round(seen["last"] - seen["began"]), "app_ms": app, "browser_ms": browser,
                **self.sent.told()}  # fmt: skip


def _spent(before: tuple[float, float], after: tuple[float, float]) -> tuple[int, int]:
    """Processor milliseconds of the app and of the browser's main thread.

    The browser counts anew with each document.
    """
    app, browser = after[0] - before[0], after[1] - before[1]
    return round(1000 * app), round(1000 * (browser if browser >= 0 else after[1]))


def _median(taken: list[dict[str, float]]) -> dict[str, float]:
    """Of each figure; of what was sent, the largest."""
    return {
        name: max(one[name] for one in taken) if name.endswith("mb")
        else round(statistics.median(one[name] for one in taken))
        for name in taken[0]
    }  # fmt: skip


if __name__ == "__main__":
    main()
