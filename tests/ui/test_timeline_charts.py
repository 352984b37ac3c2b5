"""The Timeline's four figures: what the browser draws is what Python's functions draw."""

import base64
import json
import re
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from driving import (
    Served,
    centre,
    charted,
    drag,
    open_timeline,
    order_in_address,
    state,
    trace,
    traces,
)

from reorder_core.estimators import informing_runs, open_estimator
from reorder_core.export.bundle import Ranking, curve_table, ranking_table, results_table
from reorder_core.orders.links import encode_order
from reorder_core.orders.order import Order
from reorder_core.store.run import Run
from ui.charts.template import Source
from ui.charts.timeline_memorization import Shown, memorization
from ui.charts.timeline_rows import generalization, moved
from ui.charts.timeline_trajectory import trajectory

FIGURES = ("generalization", "ranking", "memorization", "trajectory")


def figures(run: Run, order: Order, shown: Shown) -> dict[str, go.Figure]:
    """The four, drawn by Python."""
    estimate = open_estimator(run, "hybrid", informing_runs(run, order)).estimate(order)
    truth, source = run.ledger.of(order), Source(run.id, "hybrid")
    results = results_table(run, estimate, order, truth)
    base = run.reference.final.samples
    assert estimate.interval is not None
    ranking = Ranking("the reference order", estimate.final.samples - base,
                      estimate.interval.samples - base,
                      None if truth is None else truth.final.samples - base)  # fmt: skip
    texts = [sample.text for sample in run.samples]
    return {
        "generalization": generalization(results, "light", source),
        "ranking": moved(ranking_table(run, order, ranking), texts, "light", source),
        "memorization": memorization(
            results, run.steps, run.batch_size, "light", source, shown
        ),
        "trajectory": trajectory(curve_table(run, estimate, truth), "light", source),
    }  # fmt: skip


def plain(value: Any) -> Any:
    """Of plotly's own JSON: arrays as lists."""
    if isinstance(value, dict) and "bdata" in value:
        return plain(np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"]))
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(one) for one in value]
    if isinstance(value, (float, np.floating)):
        return None if np.isnan(value) else float(value)
    return int(value) if isinstance(value, np.integer) else value


def alike(drawn: Any, wanted: Any, where: str) -> None:
    """Every key of `wanted` is in `drawn`, numbers within what float32 loses."""
    if isinstance(wanted, dict):
        for key, one in wanted.items():
            assert key in drawn, f"{where}.{key}"
            alike(drawn[key], one, f"{where}.{key}")
    elif isinstance(wanted, list):
        assert len(drawn) == len(wanted), where
        for at, pair in enumerate(zip(drawn, wanted, strict=True)):
            alike(*pair, f"{where}[{at}]")
    elif isinstance(wanted, float):
        assert drawn == pytest.approx(wanted, abs=5e-5), where
    else:
        assert drawn == wanted, where


@pytest.mark.parametrize("verified", [False, True])
def test_the_browser_draws_what_the_figures_functions_draw(
    served: Served, page: Any, verified: bool
) -> None:
    run = served.run
    if verified:
        open_timeline(page, served.url, f"?o={encode_order(run.ledger.all()[3].order)}")
    else:
        open_timeline(page, served.url)
        drag(page, int(run.reference_order[20]), int(run.reference_order[190]))
    order = order_in_address(page, run)
    assert (run.ledger.of(order) is not None) is verified
    for shown in (Shown(), Shown("learned", bent=True)):
        if shown.bent:
            page.locator("[data-command=asinh]").click()
            page.get_by_role("radio", name="Learned").click()
            page.wait_for_timeout(300)
        for name, figure in figures(run, order, shown).items():
            drawn = [one for one in traces(page, name) if one.get("name") != "selected"]
            wanted = plain(figure.to_plotly_json()["data"])
            assert len(drawn) == len(wanted), name
            for at, pair in enumerate(zip(drawn, wanted, strict=True)):
                alike(*pair, f"{name} {at}")
            axes = {
                k: v for k, v in plain(figure.to_plotly_json()["layout"]).items() if "axis" in k
            }
            shown_axes = page.evaluate(
                "name => { const { xaxis, yaxis, yaxis2 } = document.querySelector("
                "`[data-figure=${name}] .js-plotly-plot`).layout;"
                " return { xaxis, yaxis, yaxis2 } }",
                name,
            )
            for axis in axes.values():
                axis.pop("automargin", None)  # the browser sets the margin by the letters
            alike(shown_axes, axes, name)


def layout_of(page: Any, figure: str) -> dict[str, Any]:
    return page.evaluate(
        "name => { const g = document.querySelector(`[data-figure=${name}] .js-plotly-plot`);"
        " return { x: g._fullLayout.xaxis.range, paper: g._fullLayout.paper_bgcolor,"
        " hidden: g._fullData.filter((t) => t.visible === 'legendonly').map((t) => t.name),"
        " texts: g.layout.annotations.map((a) => a.text) } }",
        figure,
    )


def test_zoom_and_legend_filter_outlive_a_drop(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    charted(page)
    plot = page.locator("[data-figure=memorization] .js-plotly-plot")
    plot.scroll_into_view_if_needed()
    plot.locator(".legendtoggle").first.click()
    box = plot.locator(".nsewdrag").first.bounding_box()
    page.wait_for_timeout(600)  # plotly waits for a second click of a double click
    page.mouse.move(box["x"] + 100, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 120, steps=5)
    page.mouse.up()
    page.wait_for_timeout(300)
    before = layout_of(page, "memorization")
    assert before["hidden"] == [run.domains[0]] or len(before["hidden"]) == 1
    assert before["x"][0] > 3 and before["x"][1] < run.steps - 3
    page.locator(".ro-board").scroll_into_view_if_needed()
    drag(page, int(run.reference_order[21]), int(run.reference_order[200]))
    charted(page)
    after = layout_of(page, "memorization")
    assert after["x"] == before["x"] and after["hidden"] == before["hidden"]


def test_a_point_and_a_row_of_the_table_select_their_sample(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    drag(page, int(run.reference_order[22]), int(run.reference_order[180]))
    charted(page)
    plot = page.locator("[data-figure=memorization]")
    plot.scroll_into_view_if_needed()
    points = plot.locator(".scatterlayer .points path")
    points.nth(5).hover(force=True)
    points.nth(5).click(force=True)
    page.wait_for_function("document.querySelectorAll('.ro-tile.ro-selected').length === 1")
    chosen = page.locator(".ro-tile.ro-selected").get_attribute("data-sample")
    page.wait_for_timeout(200)
    assert trace(page, "memorization", "selected")["customdata"] == [int(chosen)]
    page.locator("[data-figure=ranking] summary").focus()
    page.keyboard.press("Enter")
    page.locator("[data-figure=ranking] .ro-rank").first.wait_for()  # filled once it is open
    while page.evaluate("document.activeElement.dataset.sample") is None:
        page.keyboard.press("Tab")  # the table itself scrolls by keyboard, its rows come next
    page.keyboard.press("Tab")
    row = page.evaluate("document.activeElement.dataset.sample")
    assert row is not None
    page.keyboard.press("Enter")
    selected = f'.ro-tile.ro-selected[data-sample="{row}"]'
    page.locator(selected).wait_for(state="attached")
    assert page.evaluate("document.activeElement.dataset.sample") == row, "the focus stays"


def test_files_say_run_order_and_estimator(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    drag(page, int(run.reference_order[23]), int(run.reference_order[170]))
    charted(page)
    digest = state(page)["hash"][:8]
    for figure in FIGURES:
        for kind in ("svg", "png", "csv"):
            with page.expect_download(timeout=20_000) as waiting:
                page.locator(f"[data-figure={figure}] [data-save={kind}]").click()
            name, content = waiting.value.suggested_filename, waiting.value.path().read_bytes()
            assert re.fullmatch(rf"{figure}_{run.id}_{digest}_hybrid[^/]*\.{kind}", name)
            if kind == "svg":
                assert b"run " + run.id.encode() in content and digest.encode() in content
            elif kind == "png":
                assert content.startswith(b"\x89PNG") and len(content) > 10_000
            else:
                lines = content.decode().splitlines()
                assert len(lines) > 3 and lines[0].count(",") == lines[1].count(",") >= 2


def test_no_file_is_lost_where_many_are_saved_in_a_row(served: Served, page: Any) -> None:
    open_timeline(page, served.url)
    charted(page)
    saved: list[str] = []
    page.on("download", lambda download: saved.append(download.suggested_filename))
    page.evaluate("[...Array(23)].forEach(() => document.querySelector('[data-save=csv]').click())")
    while len(saved) < 23:
        with page.expect_event("download", timeout=10_000):
            pass
    assert len(set(saved)) == 1


def test_the_figures_follow_the_theme(served: Served, page: Any) -> None:
    open_timeline(page, served.url)
    charted(page)
    light = layout_of(page, "trajectory")["paper"]
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "light => document.querySelector('[data-figure=trajectory] .js-plotly-plot')"
        "._fullLayout.paper_bgcolor !== light", arg=light, timeout=10_000
    )  # fmt: skip


def test_plotly_comes_from_this_server(served: Served, page: Any) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_timeline(page, served.url)
    charted(page)
    assert any(url.endswith("/plotly.min.js") for url in asked)
    assert all(url.startswith((served.url, "data:", "blob:")) for url in asked if "://" in url)


def test_the_words_of_a_point_are_text_and_never_markup(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    page.mouse.move(*centre(page, int(run.reference_order[0])))
    told = json.dumps(traces(page, "memorization"))
    assert "<script" not in told and "<img" not in told
