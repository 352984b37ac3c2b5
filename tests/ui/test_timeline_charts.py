"""The Timeline's four figures: what the browser draws is what core says of the order."""

import json
import re
from typing import Any

import pandas as pd
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
from reorder_core.export.bundle import results_table
from reorder_core.orders.links import encode_order
from reorder_core.orders.order import Order
from reorder_core.store.run import Run
from ui.charts import marks
from ui.charts.bent import bend_of, bent
from ui.charts.timeline.memorization import Shown

FIGURES = ("generalization", "ranking", "memorization", "trajectory")


def known(values: Any) -> list[Any]:
    return [None if value != value else pytest.approx(float(value), abs=5e-5) for value in values]


def changes_of(run: Run, order: Order) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What an order changes of the samples and the held-out domains, from core alone."""
    estimate = open_estimator(run, "hybrid", informing_runs(run, order)).estimate(order)
    rows = results_table(run, estimate, order, run.ledger.of(order))
    for name in ("estimate", "low_90", "high_90", "retrained"):
        rows[name] -= rows.reference
    return rows[rows.kind == "sample"], rows[rows.kind == "held_out"]


@pytest.mark.parametrize("verified", [False, True])
def test_the_figures_draw_what_core_says_of_the_order(
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
    samples, domains = changes_of(run, order)
    by_size = samples.estimate.abs().sort_values(ascending=False, kind="stable").index[:9]
    for name, rows, first in (("generalization", domains, [domains.estimate.mean()]),
                              ("ranking", samples.loc[by_size], [])):  # fmt: skip
        drawn = trace(page, name, "estimate")["x"]
        assert drawn == known([*first, *rows.estimate]), name
        bars = [x for one in traces(page, name) if one["mode"] == "lines" for x in one["x"]]
        ends = [*rows.low_90, *rows.high_90]
        assert sorted(x for x in bars if x is not None)[-1] == known([max(ends)])[0]
        truth = [
            x for kind in (marks.RETRAINED, marks.MISSED) for x in trace(page, name, kind)["x"]
        ]
        mean = first and [domains.retrained.mean()]
        assert sorted(truth) == known(sorted([*mean, *rows.retrained]) if verified else [])
    for shown in (Shown(), Shown("learned", bent=True)):
        if shown.bent:
            page.locator("[data-command=asinh]").click()
            page.get_by_role("radio", name="Learned").click()
            memorized(page)
        dots_are(traces(page, "memorization"), samples, shown, run, order)


def memorized(page: Any) -> None:
    """Wait until the figure shows memorization on a bent axis."""
    page.wait_for_function(
        "document.querySelector('[data-figure=memorization] .js-plotly-plot')"
        ".layout.yaxis.uirevision === 'learned True'"
    )


def dots_are(
    drawn: list[dict[str, Any]], samples: pd.DataFrame, shown: Shown, run: Run, order: Order
) -> None:
    """Each visit's dot at its step, as high as its sample should be, with its whisker and truth.

    What lies on the bench has losses in core's frame, but no step and no dot.
    """
    rows = samples.set_index("sample_id")
    gained = rows.before - rows.reference
    value, truth = (
        column if shown.measure == "change" else gained - column
        for column in (rows.estimate, rows.retrained)
    )
    bend = bend_of(value) if shown.bent else None
    place = (lambda one: bent(one, bend)) if bend else float
    steps = run.visits.steps_of(order[None])[0] + 1
    visits: set[int] = set()
    for one in drawn:
        if one["name"] == "selected":
            continue
        wanted = value if "error_y" in one else truth
        for row, (x, y) in zip(
            one["customdata"], zip(one["x"], one["y"], strict=True), strict=True
        ):
            assert row[1] == run.visits.sample_of[int(row[0])]
            assert round(x) == steps[int(row[0])] and y == known([place(wanted[row[1]])])[0]
        if "error_y" not in one:
            assert wanted.notna().all()
            continue
        visits |= {int(row[0]) for row in one["customdata"]}
        for row, up, down in zip(one["customdata"], one["error_y"]["array"],
                                 one["error_y"]["arrayminus"], strict=True):  # fmt: skip
            of = rows.loc[row[1]]
            if shown.measure == "change" and (of.low_90 > 0 or of.high_90 < 0):
                assert [up, down] == known([of.high_90 - of.estimate, of.estimate - of.low_90])
            else:
                assert up is None and down is None
    assert visits == set(order[: run.visits.trained].tolist())
    firsts: Any = pd.Series(steps).groupby(run.visits.sample_of).min()
    first_steps: Any = firsts.where(firsts <= run.steps).astype("Int32")
    pd.testing.assert_series_equal(rows.step, first_steps, check_names=False, check_index=False)


def test_the_curve_follows_the_choice_and_the_sample_selected(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    drag(page, int(run.reference_order[24]), int(run.reference_order[150]))
    order = order_in_address(page, run)
    losses = open_estimator(run, "hybrid", informing_runs(run, order)).estimate(order).losses_at
    assert trace(page, "trajectory", "estimate")["y"] == known(losses.probes.mean(1))
    figure = page.locator("[data-figure=trajectory]")
    for label, whose, wanted in (("Training", "all samples", losses.samples.mean(1)),
                                 ("Sample", "sample 24", losses.samples[:, 24])):  # fmt: skip
        figure.get_by_role("radio", name=label).click()
        page.wait_for_function(
            "whose => document.querySelector('[data-figure=trajectory] .js-plotly-plot')"
            ".layout.yaxis.uirevision === whose", arg=whose
        )  # fmt: skip
        assert trace(page, "trajectory", "estimate")["y"] == known(wanted)
    page.locator(".ro-board").scroll_into_view_if_needed()
    page.mouse.click(*centre(page, 77))
    page.wait_for_function(
        "document.querySelector('[data-figure=trajectory] .js-plotly-plot')"
        ".layout.yaxis.uirevision === 'sample 77'"
    )
    assert trace(page, "trajectory", "estimate")["y"] == known(losses.samples[:, 77])
    assert trace(page, "memorization", "selected")["customdata"] == [77]


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
    page.evaluate("[...Array(23)].forEach(() => document.querySelector('[data-save=svg]').click())")
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
