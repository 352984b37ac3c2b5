import csv
import io
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from reorder_core.errors import OrderError
from reorder_core.estimators import open_estimator
from reorder_core.export.bundle import (
    FigureFile,
    Ranking,
    figure_bundle,
    make_figure,
    order_json,
    ranking_table,
    results_table,
    to_csv,
    to_parquet,
)
from reorder_core.orders.order import order_hash, parse_order, swap
from reorder_core.store.run import Run, open_run

DEMO = Path(__file__).parent.parent / "data" / "demo"
KNOWS = "hybrid, 16 + 64 retrainings"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
SVG = '<svg xmlns="http://www.w3.org/2000/svg"/>'


@pytest.fixture(scope="module")
def demo() -> Run:
    return open_run(DEMO)


def test_the_table_holds_every_number_of_the_estimate_and_of_the_retraining(demo):
    truth = demo.ledger.all()[0]
    estimate = open_estimator(demo, "hybrid").estimate(truth.order)
    table = results_table(demo, estimate, truth.order, truth)
    samples = table[table.kind == "sample"]
    np.testing.assert_array_equal(samples.estimate.astype(np.float32), estimate.final.samples)
    np.testing.assert_array_equal(samples.retrained.astype(np.float32), truth.final.samples)
    held_out = table[table.kind == "held_out"]
    assert tuple(held_out.domain) == demo.probe_domains
    assert estimate.interval is not None
    np.testing.assert_allclose(held_out.high_90, estimate.interval.probes[1], rtol=1e-6)
    first = samples[samples.sample_id == truth.order[0]]
    assert first.step.item() == 1 and held_out.step.isna().all()


def test_csv_and_parquet_hold_the_same_table(demo):
    order = swap(demo.reference_order, 3, 200)
    table = results_table(demo, open_estimator(demo, "hybrid").estimate(order), order, None)
    parquet = pd.read_parquet(io.BytesIO(to_parquet(table)))
    csv = pd.read_csv(io.BytesIO(to_csv(table)))
    assert list(parquet.columns) == list(csv.columns)
    np.testing.assert_allclose(parquet.estimate, csv.estimate, rtol=1e-6)
    assert parquet.retrained.isna().all() and len(csv) == demo.count + len(demo.probe_domains)


def test_the_ranking_puts_the_largest_change_first_and_keeps_its_interval(demo):
    change = np.linspace(-0.3, 0.2, demo.count)
    change[[5, 9]] = [0.9, np.nan]
    interval = np.stack([change - 0.1, change + 0.1])
    order = swap(demo.reference_order, 5, 200)
    table = ranking_table(demo, order, Ranking("another order", change, interval))
    assert table.sample_id[0] == 5 and table.step[0] == 200 // demo.batch_size + 1
    assert sorted(table.sample_id) == list(range(demo.count))
    sizes = table.change.abs().fillna(0)
    assert sizes.is_monotonic_decreasing and table["rank"].tolist() == list(
        range(1, demo.count + 1)
    )
    np.testing.assert_allclose(table.high_90 - table.change, 0.1 + 0 * table.change)
    assert table.retrained.isna().all()


def test_an_exported_order_is_read_back_as_the_same_order(demo):
    order = swap(demo.reference_order, 3, 200)
    again = parse_order(order_json(demo, order).decode(), demo.id, demo.visits)
    np.testing.assert_array_equal(again, order)


def test_a_bundle_says_where_its_numbers_come_from(demo):
    order = swap(demo.reference_order, 3, 200)
    estimate = open_estimator(demo, "hybrid").estimate(order)
    figures = [make_figure("generalization", SVG, PNG)]
    content = figure_bundle(demo, order, estimate, figures, KNOWS, "2026-01-02")
    assert content == figure_bundle(demo, order, estimate, figures, KNOWS, "2026-01-02")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {
            "README.md", "order.json", "data.csv", "CITATION.bib",
            "figures/generalization.svg", "figures/generalization.png",
        }  # fmt: skip
        card = archive.read("README.md").decode()
        data = pd.read_csv(io.BytesIO(archive.read("data.csv")))
        assert set(data["estimator"]) == {KNOWS}
        assert archive.read("figures/generalization.png") == PNG
        assert "2505.22042" in archive.read("CITATION.bib").decode()
    for fact in (demo.id, demo.fingerprint, order_hash(order), KNOWS, "90 % interval",
                 "hybrid", "| random |", "numpy", "no, these are"):  # fmt: skip
        assert fact in card, fact


@pytest.mark.parametrize(
    ("name", "svg", "png", "words"),
    [
        ("../../etc/passwd", SVG, PNG, "small letters"),
        ("", SVG, PNG, "small letters"),
        ("a" * 41, SVG, PNG, "small letters"),
        ("a", "<script>", PNG, "no SVG"),
        ("a", "<svg" + "x" * 3_000_000, PNG, "no SVG"),
        ("a", SVG, b"GIF89a", "no PNG"),
        ("a", SVG, PNG + b"\0" * 7_000_000, "no PNG"),
    ],
)
def test_what_is_no_figure_is_refused(name: str, svg: str, png: bytes, words: str):
    with pytest.raises(OrderError, match=words):
        make_figure(name, svg, png)


def test_a_bundle_has_an_upper_size(demo):
    order = demo.reference_order
    estimate = open_estimator(demo, "hybrid").estimate(order)
    with pytest.raises(OrderError, match="too much"):
        figure_bundle(demo, order, estimate, [FigureFile("a", SVG, PNG)] * 13, KNOWS, "")
    with pytest.raises(OrderError, match="too much"):
        figure_bundle(demo, order, estimate, [FigureFile("a", SVG, PNG * 10**6)], KNOWS, "")


def test_a_figure_with_half_an_emoji_or_control_characters_is_a_file_that_opens(demo):
    text = "<text>half \ud83d, bell \x07, nul \x00</text>"
    figure = make_figure("half", SVG.replace("/>", f">{text}</svg>"), PNG)
    estimate = open_estimator(demo, "reference").estimate(demo.reference_order)
    content = figure_bundle(demo, demo.reference_order, estimate, [figure], KNOWS, "2026-11-25")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        root = ElementTree.fromstring(archive.read("figures/half.svg"))
    assert "".join(root.itertext()) == "half \ufffd, bell , nul "


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_a_csv_is_a_formula(start):
    table = pd.DataFrame({"domain": [f"{start}1+2", "plain", None], "loss": [-1.5, 2.0, np.nan]})
    found = to_csv(table).decode()
    rows = list(csv.reader(io.StringIO(found, newline="")))
    assert rows[1] == [f"'{start}1+2".replace("\r", " "), "-1.5"], (
        "words are marked, numbers are not"
    )
    assert rows[2] == ["plain", "2"] and rows[3] == ["", ""]


def test_the_data_of_a_page_s_figure_is_as_safe_and_half_an_emoji_is_no_traceback():
    from ui.app.panels import _csv

    words = pd.Series([" =1+2", "half \ud83d"], dtype=object)
    content = _csv(pd.DataFrame({"domain": words, "loss": [-1.5, 2.0]}))
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    assert rows[1:] == [["' =1+2", "-1.5"], ["half �", "2.0"]]
