"""Quantities on the pages: estimated, measured, retrained, or not at all and why."""

import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sitting import page
from streamlit.testing.v1 import AppTest

from reorder_core.judge.fidelity import retrain_once
from reorder_core.judge.measuring import NOT_MEASURED, of_reference
from reorder_core.orders.links import encode_order
from reorder_core.orders.order import Order, insert
from reorder_core.quantities import QUANTITIES
from reorder_core.store.run import Run, open_run
from ui.app import jobs, state
from ui.timeline.tables import samples as samples_table

VERIFY = "Per-token accuracy: not estimated: measured on real parameters only; Verify to see it."


def tables(at: AppTest) -> list[pd.DataFrame]:
    assert not at.exception
    return [shown.value for shown in at.dataframe]


def said(at: AppTest) -> list[str]:
    return [caption.value.replace("\\", "") for caption in at.caption]


def timeline(path: Path, run: Run, order: Order, patch: pytest.MonkeyPatch) -> AppTest:
    at = page(path, patch, "timeline", {"run": run.id, "o": encode_order(order)})
    assert not at.dataframe, "closed, they cost a drop nothing"
    at.toggle(key=state.QUANTITIES).set_value(True)
    return at.toggle(key=state.TABLE).set_value(True).run()


def test_an_estimated_order_has_what_follows_from_losses_and_says_why_no_more(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(demo)
    short, samples = tables(timeline(
        demo, run, order := insert(run.reference_order, 31, 200), monkeypatch
    ))  # fmt: skip
    assert set(short.quantity) == {quantity.title for quantity in QUANTITIES.values()}
    perplexity = short[(short.quantity == "Perplexity") & short.of.str.startswith("held out")]
    losses = short[short.quantity == "Held-out loss"]
    for column in ("reference", "here", "low_90", "high_90"):
        np.testing.assert_allclose(perplexity[column], np.exp(np.asarray(losses[column])))
    assert (losses.low_90 < losses.here).all() and set(losses.known) == {"estimated"}
    accuracy = short[short.quantity == "Per-token accuracy"]
    assert accuracy.here.isna().all() and set(accuracy.known) == {"not estimated"}
    assert accuracy.reference.between(0.3, 0.9).all()
    before = run.reference.losses_at.samples[0]
    np.testing.assert_allclose(samples.memorization, before - np.log(samples.perplexity), atol=1e-5)
    assert samples.accuracy.isna().all() and order[200] == 31
    at = timeline(demo, run, order, monkeypatch)
    assert said(at).count(VERIFY) == 2, "under either table"


def test_on_the_reference_and_after_retraining_it_is_there(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(demo)
    at = timeline(demo, run, run.reference_order, monkeypatch)
    short, samples = tables(at)
    known = of_reference(run, QUANTITIES["accuracy"]).values
    np.testing.assert_allclose(samples.accuracy, known.samples)
    assert set(short.known) == {"measured"} and not short.change.any()
    assert VERIFY not in said(at)
    order = insert(run.reference_order, 17, 90)
    entry = retrain_once(run, order)
    try:
        short, samples = tables(timeline(demo, run, order, monkeypatch))
        np.testing.assert_array_equal(samples.accuracy, entry.measured["accuracy"].samples)
        assert set(short.known) == {"retrained"} and short.change.any()
    finally:
        (run.ledger.folder / f"{entry.order_hash}.json").unlink()
        (run.measured.folder / f"{entry.order_hash}.json").unlink()


def test_a_run_that_was_never_measured_says_what_to_type(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "older"
    shutil.copytree(demo, path, ignore=shutil.ignore_patterns("measured", "cache"))
    at = timeline(path, open_run(path), open_run(path).reference_order, monkeypatch)
    assert f"Per-token accuracy: {NOT_MEASURED}." in said(at)
    old = open_run(path).ledger.all()[0]
    at = timeline(path, open_run(path), old.order, monkeypatch)
    assert any("not measured when this order was retrained" in words for words in said(at))
    at = page(path, monkeypatch, "memorization", {})
    assert f"Per-token accuracy: {NOT_MEASURED}." in said(at)


def test_a_click_measures_an_order_that_was_retrained_long_ago(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "older"
    shutil.copytree(demo, path, ignore=shutil.ignore_patterns("measured", "cache"))
    run = open_run(path)
    old = run.ledger.all()[0]
    stamp = run.ledger.stamp
    at = timeline(path, run, old.order, monkeypatch)
    name = f"{state.QUANTITIES}_measure"
    monkeypatch.setenv("REORDER_READ_ONLY", "1")
    assert at.run().button(key=name).disabled
    monkeypatch.delenv("REORDER_READ_ONLY")
    at = at.run().button(key=name).click().run()
    assert at.button(key=name).label == "Measuring …"
    (job,) = jobs.queue().all(run.id)[-1:]
    until = time.monotonic() + 120
    while job.active and time.monotonic() < until:
        time.sleep(0.5)
    assert job.state == "done", job.message
    short, samples = tables(at.run())
    assert samples.accuracy.notna().all() and name not in {button.key for button in at.button}
    assert set(short.known) == {"retrained"} and open_run(path).ledger.stamp == stamp


def test_memorization_lists_what_each_sample_has_and_help_lists_all(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(demo)
    samples = next(t for t in tables(page(demo, monkeypatch, "memorization", {})) if "gain" in t)
    known = of_reference(run, QUANTITIES["accuracy"]).values
    np.testing.assert_allclose(samples["quantity accuracy"], known.samples[samples["sample"]])
    np.testing.assert_allclose(samples["quantity perplexity"], np.exp(samples["after"]))
    listed = page(demo, monkeypatch, "help", {}).markdown[0].value.replace("\\", "")
    assert listed.splitlines() == [
        f"- **{q.title}** ({q.how}): {q.sentence} Unit: {q.unit}; {q.better} is better. *{name}*"
        for name, q in QUANTITIES.items()
    ]


def test_a_quantity_called_as_a_column_of_ours_takes_none_of_its_place() -> None:
    assert samples_table.column("text") == "text_value"
    assert samples_table.column("gain") == "gain_value"
    assert samples_table.column("accuracy") == "accuracy"
