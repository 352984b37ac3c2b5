"""The Extraction page: without a browser, then in one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import _serving
from driving import READY, ROOT, Served, order_in_address
from sitting import figure, figures
from sitting import page as opened
from streamlit.testing.v1 import AppTest
from test_accessibility import violations

from reorder_core.analysis import attack, exposures
from reorder_core.judge.recalling import random_retrained, recall_orders
from reorder_core.orders.links import encode_order
from reorder_core.orders.order import order_hash
from reorder_core.recall.record import Recalls
from reorder_core.store.run import open_run
from ui.app import words as names
from ui.charts import theme
from ui.charts.template import Source
from ui.recall import figures as draw
from ui.recall import tokens

FIGURES = ["exposure", "extractable", "response", "influence", "roc"]


@pytest.fixture(scope="module")
def recalled(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo with the reference and a retraining recalled, and copies under seven other names."""
    path = tmp_path_factory.mktemp("recalled") / "demo"
    shutil.copytree(demo, path, ignore=shutil.ignore_patterns("cache"))
    run = open_run(path)
    first, *others = random_retrained(run, 8)
    _, real = recall_orders(run, [run.reference_order, first])
    for number, order in enumerate(others):
        moved = real.token_loss * (1 + 0.01 * number)
        Recalls(run).keep(replace(real, order_hash=order_hash(order), token_loss=moved))
    return path


@contextmanager
def served_on(path: Path, folder: Path) -> Iterator[Served]:
    with _serving(path, folder / "app.log") as served:
        yield served


@pytest.fixture(scope="module")
def served_recalled(recalled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_on(recalled, tmp_path_factory.mktemp("log")) as served:
        yield served


def words(at: AppTest) -> str:
    """All text, as a reader sees it."""
    return " ".join(element.value for element in [*at.markdown, *at.caption]).replace("\\", "")


def test_without_a_recall_the_page_says_what_it_costs_and_which_command_takes_it(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = shutil.copytree(demo, tmp_path / "run", ignore=shutil.ignore_patterns("recall", "cache"))
    at = opened(bare, monkeypatch, "extraction", {})
    assert not at.exception and figures(at) == []
    assert "Nothing has been recalled yet" in words(at) and "reference trainings" in words(at)
    assert at.code[0].value == f"python -m reorder_core recall {bare}"


def test_sentences_and_figures_are_the_recalls_numbers(
    recalled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, run = opened(recalled, monkeypatch, "extraction", {}), open_run(recalled)
    assert not at.exception
    assert [one["layout"]["meta"]["name"] for one in figures(at)] == FIGURES
    first = Recalls(run).of(order_hash(run.reference_order))
    assert first is not None
    known = exposures.measured(run, first, run.reference_order, "reference")
    bits = known["exposure"]
    assert f"{bits.min():.2f} to {bits.max():.2f} of" in words(at)
    assert "Retrained, 8 orders" in words(at) and "each from the others" in words(at)
    drawn = figure(at, "exposure")["data"]
    shown = [trace for trace in drawn if trace.get("showlegend") and trace.get("customdata")]
    assert [trace["y"][0] for trace in shown] == pytest.approx(bits.tolist())
    assert [trace["x"][0] for trace in shown] == pytest.approx((known["step"] + 1).tolist())
    own = attack.roc(*attack.split(run, run.reference_order, *attack.by_loss(first)))
    assert own is not None
    table = next(t.value for t in at.dataframe if "AUC" in t.value.columns)
    assert table["AUC"].iloc[0] == pytest.approx(own.area)
    lines = next(t.value for t in at.dataframe if "true" in t.value.columns)
    text = run.samples[int(lines["sample"].iloc[0])].text
    assert lines["prompt"].iloc[0] + lines["true"].iloc[0] == text
    assert lines["true"].iloc[0].strip()[0].isdigit()  # from where the secret begins


def test_an_order_that_was_not_recalled_is_estimated_beside_it(
    recalled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(recalled)
    trained = np.roll(run.reference_order[: run.visits.trained], 40)
    other = run.visits.with_trained(run.reference_order, trained)
    at = opened(recalled, monkeypatch, "timeline", {"run": run.id, "o": encode_order(other)})
    at.switch_page(str(ROOT / "pages" / "extraction.py"))
    at = at.run()
    assert not at.exception
    assert "Estimated for the order on screen:" in words(at) and "--estimator taylor" in words(at)
    squares = [trace for trace in figure(at, "exposure")["data"]
               if trace["marker"].get("symbol") == "square"]  # fmt: skip
    assert len(squares) == sum("canary" in sample.flags for sample in run.samples)
    for one in squares:
        ends = one["error_y"]["array"][0], one["error_y"]["arrayminus"][0]
        assert min(ends) >= 0 and max(ends) > 0
    names = [trace["name"] for trace in figure(at, "roc")["data"]]
    assert "loss, estimated for the order on screen" in names


def test_dose_and_response_stand_apart_by_canary(recalled: Path) -> None:
    run = open_run(recalled)
    frame = pd.DataFrame({
        "sample": [31, 31, 81, 81], "times": [1, 3, 1, 3], "step": [2.0, 3.0, 4.0, 5.0],
        "exposure": [1.0, 4.0, 2.0, 3.0], "space": 25.0, "loss": 1.0, "order": "x",
        "extractable": [False, True, False, False], "known": "retrained",
    })  # fmt: skip
    drawn = draw.exposure(run, frame, None, "light", Source(run.id), "times")
    traces: Any = drawn.data
    at = {tuple(trace.x) for trace in traces if trace.customdata}
    assert at == {(0.875, 2.875), (1.125, 3.125)}
    ring = next(trace for trace in traces if trace.name == "extractable")
    assert list(ring.y) == [4.0]
    assert "how often" in drawn.to_dict()["layout"]["xaxis"]["title"]["text"]


def test_of_many_canaries_the_first_are_named_and_the_others_share_an_entry(recalled: Path) -> None:
    run = open_run(recalled)
    few, many = (
        pd.DataFrame({
            "sample": range(count), "times": 1, "step": 2.0, "exposure": 1.0, "space": 25.0,
            "loss": 1.0, "order": "x", "extractable": False, "known": "reference",
            "lo": 0.5, "hi": 1.5,
        })
        for count in (theme.OTHER + 1, 24)
    )  # fmt: skip

    def entries(frame: pd.DataFrame) -> list[str]:
        traces: Any = draw.exposure(run, frame, frame, "light", Source(run.id)).data
        assert all(trace.legendgroup for trace in traces if trace.customdata)
        return [trace.name for trace in traces if trace.showlegend is not False]

    assert entries(few) == [*(names.of_sample(run, i) for i in range(len(few))), "retrained"]
    others = f"{24 - theme.OTHER} more canaries"
    assert entries(many) == [*entries(few)[: theme.OTHER], others, "retrained"]


def test_tokens_are_escaped_and_told_by_more_than_colour() -> None:
    parts = ["<b>", "a&b", "\n", "\u202e"]
    found = tokens.coloured(parts, np.array([np.nan, 2.0, -1.0, 9.0]), "light", 4.0, True, '"x"')
    assert "<b>" not in found and "&lt;b&gt;" in found and "a&amp;b" in found
    assert "↵" in found and "\u202e" not in found and 'aria-label="&quot;x&quot;"' in found
    assert 'title="+2.000 nats"' in found and "2px solid" in found and "dashed" in found
    assert tokens.pieces("abcd", [1, 1, 3, 4]) == ["a", "", "bc", "d"]
    table = tokens.table(["a", "b"], {"one": np.array([0.5])})
    assert table["one"].isna().tolist() == [True, False]


def test_every_figure_is_drawn_with_its_files_and_nothing_serious_for_axe(
    served_recalled: Served, page: Any
) -> None:
    page.goto(f"{served_recalled.url}/extraction")
    for name in FIGURES:
        page.wait_for_selector(f".st-key-ro_chart_{name} .main-svg", timeout=90_000)
        footer = page.locator(f".st-key-ro_chart_{name} .infolayer .annotation").first
        footer.wait_for(state="attached", timeout=20_000)
    for format in ("SVG", "PNG"):
        page.wait_for_function(
            "([save, count]) => document.querySelectorAll(save).length === count",
            arg=[f'.ro-save[aria-label$="as {format}"]', len(FIGURES)], timeout=60_000,
        )  # fmt: skip
    assert page.get_by_text("CSV", exact=True).count() >= len(FIGURES) + 2
    first = page.locator(".ro-tokens").first
    text = next(s.text for s in served_recalled.run.samples if "canary" in s.flags)
    assert first.text_content() == text and page.locator(".ro-tokens").count() == 2
    page.get_by_role("radio", name="Change").click()
    page.wait_for_function("() => document.querySelectorAll('.ro-tokens').length === 1")
    page.wait_for_timeout(1500)
    assert violations(page) == []


def test_a_click_on_a_retraining_opens_its_order_on_the_timeline(
    served_recalled: Served, page: Any
) -> None:
    page.goto(f"{served_recalled.url}/extraction")
    page.wait_for_selector(".st-key-ro_chart_roc .main-svg", timeout=90_000)
    page.wait_for_timeout(1500)
    point = page.evaluate(
        """() => {
          const gd = document.querySelector('.st-key-ro_chart_exposure .js-plotly-plot');
          gd.scrollIntoView({block: 'center'});
          const at = gd._fullLayout, box = gd.getBoundingClientRect();
          const trace = gd._fullData.find((t) => t.customdata && t.customdata.length > 1);
          const place = trace.x.indexOf(Math.max(...trace.x));
          return {x: box.x + at.xaxis._offset + at.xaxis.d2p(trace.x[place]),
                  y: box.y + at.yaxis._offset + at.yaxis.d2p(trace.y[place]),
                  orders: trace.customdata.map((c) => c[0])};
        }"""
    )
    page.mouse.move(point["x"] - 3, point["y"])
    page.mouse.move(point["x"], point["y"], steps=3)
    page.wait_for_selector(".hoverlayer .hovertext")
    page.mouse.click(point["x"], point["y"])
    page.wait_for_selector(READY, timeout=60_000)
    assert order_hash(order_in_address(page, served_recalled.run)) in point["orders"]


def test_the_button_recalls_the_reference_in_the_background_and_the_page_follows(
    served_alone: Served, page: Any
) -> None:
    shutil.rmtree(served_alone.run.path / "measured" / "recall")
    page.goto(f"{served_alone.url}/extraction")
    page.get_by_role("button", name="Recall the reference run").click()
    page.wait_for_selector(".st-key-ro_chart_exposure .main-svg", timeout=120_000)
    run = open_run(served_alone.run.path)
    assert Recalls(run).of(order_hash(run.reference_order)) is not None


def test_what_held_out_text_needs_at_all_is_drawn_for_a_run_with_a_bench(
    served_visits: Served, page: Any
) -> None:
    page.goto(f"{served_visits.url}/generalization")
    page.wait_for_selector(".st-key-ro_chart_without .main-svg", timeout=90_000)
    said = page.locator(".st-key-ro_figure_without").inner_text()
    assert "Estimated: held-out" in said or "needs no single sample" in said
