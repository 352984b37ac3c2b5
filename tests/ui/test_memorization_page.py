"""Memorization and Generalization as pages: without a browser, then in one."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import READY, ROOT, Served, order_in_address, state
from sitting import page as opened
from streamlit.testing.v1 import AppTest
from test_accessibility import violations

from reorder_core.orders.links import encode_order
from reorder_core.orders.moves import apply
from reorder_core.orders.order import order_hash, slots_of
from reorder_core.store.run import open_run
from ui.timeline.opened import move_to

FIGURES = {
    "memorization": ["gain-and-swing", "map", "forgetting", "profile", "planted-canary",
                     "planted-poison", "planted-ordinary"],
    "generalization": ["influence", "curves", "gap", "single-moves", "needs", "without"],
}  # fmt: skip
"""Page → its figures."""


def words(at: AppTest) -> str:
    """All text, as a reader sees it."""
    return " ".join(element.value for element in [*at.markdown, *at.caption]).replace("\\", "")


def test_memorization_opens_on_the_demo_and_its_sentences_are_the_runs_numbers(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, run = opened(demo, monkeypatch, "memorization", {}), open_run(demo)
    assert not at.exception
    loss = run.reference.losses_at.samples
    assert f"took {np.median(loss[0] - loss[-1]):.3f} nats" in words(at)
    assert f"({(loss[0] - loss[-1]).max():.3f})" in words(at)
    (samples,) = [t.value for t in at.dataframe if "near" in " ".join(t.value.columns) or
                  "gain" in t.value.columns]  # fmt: skip
    assert len(samples) == run.count
    slot = int(slots_of(run.reference_order)[7])
    step = dict(zip(samples["sample"], samples["step"], strict=True))[7]
    assert step == slot // run.batch_size + 1


def test_generalization_opens_on_the_demo(
    demo_alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, run = opened(demo_alone, monkeypatch, "generalization", {}), open_run(demo_alone)
    assert not at.exception
    end = float(run.reference.final.probes.mean())
    assert f"The reference ends at {end:.4f} (measured)" in words(at)
    assert "34 % of cells are told from zero" in words(at)


def test_the_session_order_is_a_curve_of_its_own(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(demo)
    at = opened(demo, monkeypatch, "generalization", {})
    assert "The order on screen" not in words(at)
    turned = run.reference_order[: run.visits.trained][::-1]
    other = run.visits.with_trained(run.reference_order, turned)
    at = opened(demo, monkeypatch, "timeline", {"run": run.id, "o": encode_order(other)})
    at.switch_page(str(ROOT / "pages" / "generalization.py"))
    assert "The order on screen: " in words(at.run())


def test_without_random_retrainings_the_page_says_which_command_makes_them(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = shutil.copytree(demo, tmp_path / "bare", ignore=shutil.ignore_patterns("ledger"))
    at = opened(bare, monkeypatch, "memorization", {})
    assert not at.exception
    assert "No random order has been retrained" in words(at)
    assert "No cell has been retrained yet" in words(at)
    assert "--family random --orders 32 --seed 7" in at.code[0].value
    assert str(bare) in at.code[0].value
    at = opened(bare, monkeypatch, "generalization", {})
    assert not at.exception
    assert "No retraining near the reference order" in words(at)


def arrived(page: Any, name: str, figure: str) -> None:
    page.wait_for_selector(f".st-key-ro_chart_{figure} .main-svg", timeout=90_000)


@pytest.fixture(params=["memorization", "generalization"])
def on_page(request: Any, served: Served, page: Any) -> tuple[Any, str]:
    page.goto(f"{served.url}/{request.param}")
    return page, request.param


def test_every_figure_is_drawn_with_its_files_and_nothing_serious_for_axe(
    on_page: tuple[Any, str],
) -> None:
    page, name = on_page
    for figure in FIGURES[name]:
        arrived(page, name, figure)
        frame = page.locator(f".st-key-ro_chart_{figure}")
        assert frame.locator(".main-svg").count() > 0
        footer = frame.locator(".infolayer .annotation").first
        footer.wait_for(state="attached", timeout=20_000)
    for format in ("svg", "png"):
        page.wait_for_function(
            "([save, count]) => document.querySelectorAll(save).length === count",
            arg=[f'.ro-save[aria-label$="as {format.upper()}"]', len(FIGURES[name])],
            timeout=60_000,
        )
    assert page.get_by_text("CSV", exact=True).count() >= len(FIGURES[name])
    page.wait_for_timeout(1500)
    assert violations(page) == []


def test_a_click_on_a_cell_of_the_map_opens_that_move_on_the_timeline(
    served: Served, page: Any
) -> None:
    page.goto(f"{served.url}/memorization")
    for figure in FIGURES["memorization"]:  # nothing moves any more
        arrived(page, "memorization", figure)
    page.wait_for_timeout(1500)
    row, column = 3, 25
    cell = page.evaluate(
        """([row, column]) => {
          const gd = document.querySelector('.st-key-ro_chart_map .js-plotly-plot');
          gd.scrollIntoView({block: 'center'});
          const trace = gd._fullData.find((t) => t.name === 'cells');
          const at = gd._fullLayout, box = gd.getBoundingClientRect();
          const label = gd._fullLayout.yaxis.ticktext[row];
          return {x: box.x + at.xaxis._offset + at.xaxis.d2p(column + 1),
                  y: box.y + at.yaxis._offset + at.yaxis.d2p(row), label,
                  cells: trace.x.length};
        }""",
        [row, column],
    )
    sample = int(next(word for word in cell["label"].replace(",", " ").split() if word.isdigit()))
    page.mouse.move(cell["x"] - 3, cell["y"])
    page.mouse.move(cell["x"], cell["y"], steps=3)
    page.wait_for_function(
        "(step) => [...document.querySelectorAll('.hoverlayer')]"
        ".some(layer => layer.textContent.includes(step))",
        arg=f"{cell['label']}, step {column + 1}",
    )
    page.mouse.click(cell["x"], cell["y"])
    page.wait_for_selector(READY, timeout=60_000)
    run = served.run
    order = order_in_address(page, run)
    assert slots_of(order)[sample] // run.batch_size == column
    expected = apply(run.reference_order, move_to(run, sample, column))
    assert order_hash(order) == order_hash(expected) == state(page)["hash"]


def test_the_map_follows_the_rows_chosen_and_a_filter_that_takes_them_away(
    served: Served, page: Any
) -> None:
    page.goto(f"{served.url}/memorization")
    for figure in FIGURES["memorization"]:
        arrived(page, "memorization", figure)
    page.wait_for_timeout(1500)
    table = page.locator("[class*=st-key-ro_who_] .stDataFrame").first
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    page.mouse.click(box["x"] + 18, box["y"] + 35 + 18)
    page.get_by_text("1 of the 1 chosen samples").wait_for(timeout=60_000)
    gain = -np.diff(served.run.reference.losses_at.samples[[0, -1]], axis=0)[0]
    page.get_by_text(f"Timeline: {gain.argmax()} at its worst step").wait_for()  # the first row
    arrived(page, "memorization", "curves")
    search = page.locator(".st-key-ro_who_search input")
    search.fill("no such words")
    search.press("Enter")
    page.get_by_text(f"0 of {served.run.count} samples", exact=True).wait_for(timeout=60_000)
    page.get_by_text(f"40 of {served.run.count} samples").wait_for(timeout=60_000)
