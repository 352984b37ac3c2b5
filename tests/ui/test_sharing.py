"""Links and files that leave the app."""

import io
import json
import zipfile
from typing import Any

import numpy as np
import pandas as pd
import pytest
from driving import READY, Served, drag, open_timeline, order_in_address, state

from reorder_core.estimators import informing_runs, open_estimator
from reorder_core.orders.order import order_hash, parse_order


def menu(page: Any, entry: str) -> None:
    page.locator("[data-command=share]").click()
    page.locator(f"[data-share={entry}]").click()


def test_a_copied_link_alone_brings_back_order_selection_and_curve(
    served: Served, page: Any, browser: Any
) -> None:
    run = served.run
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=served.url)
    open_timeline(page, served.url)
    moved = drag(page, int(run.reference_order[11]), int(run.reference_order[140]))
    page.get_by_role("radio", name="Training").click()
    menu(page, "link")
    page.get_by_text("Link copied", exact=True).wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    other = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        fresh = other.new_page()
        fresh.goto(link)
        fresh.wait_for_selector(READY)
        assert state(fresh)["hash"] == moved
        selected = fresh.locator(".ro-tile.ro-selected").get_attribute("data-sample")
        assert selected == str(run.reference_order[11])
        training = fresh.get_by_role("radio", name="Training")
        assert training.is_checked()
        fresh.locator("[data-tab=history]").click()
        assert fresh.locator(".ro-move").count() == 2, "the move came along, not only the order"
    finally:
        other.close()


def test_where_the_clipboard_is_closed_the_link_can_be_copied_by_hand(
    served: Served, page: Any
) -> None:
    page.add_init_script("navigator.clipboard.writeText = () => Promise.reject(new Error('no'))")
    open_timeline(page, served.url)
    menu(page, "link")
    field = page.get_by_label("Link to this view")
    field.wait_for(state="visible")
    assert served.run.id in field.input_value()
    page.keyboard.press("Escape")
    field.wait_for(state="hidden")


@pytest.mark.parametrize("query", ["?s=-1&c=%3Cscript%3E", "?s=999999999&talk=2", "?s=1e3&m=i9"])
def test_a_view_that_makes_no_sense_in_a_link_is_left_out(
    served: Served, page: Any, query: str
) -> None:
    open_timeline(page, served.url, query)
    assert state(page)["hash"] == order_hash(served.run.reference_order)
    assert page.locator(".ro-tile.ro-selected").count() == 1


def downloaded(page: Any, entry: str) -> tuple[str, bytes]:
    with page.expect_download(timeout=30_000) as waiting:
        menu(page, entry)
    return waiting.value.suggested_filename, waiting.value.path().read_bytes()


def test_order_and_results_are_taken_away(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    drag(page, int(run.reference_order[12]), int(run.reference_order[150]))
    order = order_in_address(page, run)
    name, content = downloaded(page, "order")
    assert name.endswith(".json")
    assert np.array_equal(parse_order(content.decode(), run.id, run.visits), order)
    _, content = downloaded(page, "csv")
    table = pd.read_csv(io.BytesIO(content))
    estimate = open_estimator(run, "hybrid", informing_runs(run, order)).estimate(order)
    samples = table[table.kind == "sample"]
    np.testing.assert_allclose(samples.estimate, estimate.final.samples, atol=2e-6)
    _, content = downloaded(page, "parquet")
    assert len(pd.read_parquet(io.BytesIO(content))) == len(table)


def test_the_figure_bundle_holds_every_figure_and_says_where_it_comes_from(
    served: Served, page: Any
) -> None:
    run = served.run
    open_timeline(page, served.url)
    drag(page, int(run.reference_order[13]), int(run.reference_order[160]))
    name, content = downloaded(page, "bundle")
    assert name.endswith(".zip")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        figures = [n for n in archive.namelist() if n.startswith("figures/")]
        assert len(figures) == 2 * page.locator(".ro-figure .js-plotly-plot").count() == 8
        assert "figures/ranking.svg" in figures and "figures/ranking.png" in figures
        table = pd.read_csv(io.BytesIO(archive.read("ranking.csv")))
        page.locator("[data-figure=ranking] summary").click()
        listed = page.locator("[data-figure=ranking] .ro-rank")
        shown = [int(row.get_attribute("data-sample")) for row in listed.all()]
        assert table.sample_id[: len(shown)].tolist() == shown
        value = float(listed.first.get_attribute("data-value"))
        assert table.change[0] == pytest.approx(value, abs=2e-6)
        drawn = archive.read("figures/ranking.svg").decode()
        assert all(f">{i} " in drawn for i in shown)
        for name in figures:
            if name.endswith(".svg"):
                drawn = archive.read(name).decode()
                facts = (f"run {run.id}", f"order {state(page)['hash'][:8]}", "hybrid")
                assert all(fact in drawn for fact in facts), name
        assert all(len(archive.read(figure)) > 1000 for figure in figures)
        assert json.loads(archive.read("order.json"))["run"] == run.id
        assert state(page)["hash"] in archive.read("README.md").decode()
        assert "against the reference order" in archive.read("README.md").decode()


def test_the_bundles_list_is_against_the_order_that_the_pages_list_is_against(
    served: Served, page: Any
) -> None:
    run = served.run
    open_timeline(page, served.url)
    drag(page, int(run.reference_order[13]), int(run.reference_order[160]))
    drag(page, int(run.reference_order[33]), int(run.reference_order[240]))
    page.get_by_role("radio", name="Last move").click()
    _, content = downloaded(page, "bundle")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        table = pd.read_csv(io.BytesIO(archive.read("ranking.csv")))
        assert "against the order before" in archive.read("README.md").decode()
        assert "order before" in archive.read("figures/ranking.svg").decode()
    page.locator("[data-figure=ranking] summary").click()
    rows = page.locator("[data-figure=ranking] .ro-rank").all()
    values = [float(row.get_attribute("data-value")) for row in rows]
    np.testing.assert_allclose(table.change[: len(values)], values, atol=2e-6)
