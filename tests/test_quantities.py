"""Quantities against closed forms, reasons where there is none, what a run keeps of them."""

import json
import logging
import math
import shutil
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import torch
from fabricated import COUNT
from typer.testing import CliRunner

from reorder_core import quantities
from reorder_core.cli.commands import app
from reorder_core.config import ModelConfig
from reorder_core.errors import StoreError
from reorder_core.estimators import open_estimator
from reorder_core.judge.measuring import measure_again, of_reference, of_retrained
from reorder_core.orders.order import make_order, order_hash
from reorder_core.quantities import MEASURED, QUANTITIES, Derived, Measured, ReadOut
from reorder_core.quantities.values import NOT_ESTIMATED, estimated, from_losses, real
from reorder_core.records.losses import Losses
from reorder_core.records.values import Values
from reorder_core.store.published import publish_results
from reorder_core.store.queries import Published
from reorder_core.store.run import Run, open_run
from reorder_core.training.loop import open_trainable, retrain
from reorder_core.training.measuring import measure
from reorder_core.training.model import Batch, build_model

DEMO = Path(__file__).parents[1] / "data" / "demo"
BEFORE = Losses(np.array([3.0, 2.0]), np.log([8.0, 4.0, 2.0]))
AFTER = Losses(np.array([1.0, 2.5]), np.log([5.0, 1.0, 10.0]))
ENDS = Losses(np.array([[0.5, 2.0], [1.5, 3.5]]), np.log([[4.0, 1.0, 9.0], [6.0, 2.0, 11.0]]))
REVERSED = make_order(range(COUNT - 1, -1, -1), COUNT)


def test_losses_are_read_out_of_those_who_have_them() -> None:
    sample = estimated(QUANTITIES["loss"], BEFORE, AFTER, ENDS, "some")
    np.testing.assert_array_equal(sample.values.samples, [1.0, 2.5])
    assert np.isnan(sample.values.probes).all()
    domain = estimated(QUANTITIES["held_out_loss"], BEFORE, AFTER, ENDS, "some")
    np.testing.assert_allclose(np.exp(domain.values.probes), [5, 1, 10])
    assert np.isnan(domain.values.samples).all() and domain.interval is not None
    np.testing.assert_allclose(np.exp(domain.interval.probes), [[4, 1, 9], [6, 2, 11]])


def test_memorization_is_the_loss_before_minus_after_and_its_interval_turns_round() -> None:
    found = estimated(QUANTITIES["memorization"], BEFORE, AFTER, ENDS, "some")
    np.testing.assert_allclose(found.values.samples, [2.0, -0.5])
    assert np.isnan(found.values.probes).all() and found.interval is not None
    np.testing.assert_allclose(found.interval.samples, [[1.5, -1.5], [2.5, 0.0]])


def test_perplexity_is_the_number_whose_logarithm_is_the_loss() -> None:
    found = estimated(QUANTITIES["perplexity"], BEFORE, AFTER, ENDS, "some")
    np.testing.assert_allclose(found.values.samples, [math.e, math.e**2.5])
    np.testing.assert_allclose(found.values.probes, [5, 1, 10])
    assert found.interval is not None and not found.reason
    np.testing.assert_allclose(found.interval.probes, [[4, 1, 9], [6, 2, 11]])
    huge = from_losses(QUANTITIES["perplexity"], BEFORE, AFTER.scaled(1e6))
    assert np.isinf(huge.samples).all(), "past float64, never a small number"


def test_what_is_not_monotone_has_no_interval() -> None:
    rank = Derived("rank", "Rank", "place", "lower", "Place by loss.",
                   value=lambda before, after: after.argsort().argsort() + 1.0)  # fmt: skip
    found = estimated(rank, BEFORE, AFTER, ENDS, "some")
    np.testing.assert_array_equal(found.values.probes, [2, 1, 3])
    assert found.interval is None


def test_accuracy_counts_the_true_tokens_that_are_held_most_likely() -> None:
    model = build_model(ModelConfig(hidden_size=16, layers=1, heads=2, intermediate_size=16),
                        4, 12, 3)  # fmt: skip
    random = np.random.default_rng(1)
    batch = Batch(torch.tensor(random.integers(0, 4, (150, 12))),
                  torch.tensor(random.integers(5, 13, 150)))  # fmt: skip
    theta = 3 * torch.randn(model.size, generator=torch.Generator().manual_seed(2))
    found = model.evaluate(theta, batch, measure=MEASURED[0].measure).numpy()
    counted = []
    for tokens, length in zip(batch.tokens.tolist(), batch.lengths.tolist(), strict=True):
        text = Batch(torch.tensor([tokens[:length]]), torch.tensor([length]))  # no padding at all
        most_likely = model.logits(theta, text)[0].tolist()
        right = [row.index(max(row)) == true
                 for row, true in zip(most_likely, tokens[1:length], strict=True)]  # fmt: skip
        counted.append(sum(right) / len(right))
    assert np.ptp(counted) > 0.1, "or it shows nothing"
    np.testing.assert_allclose(found, counted, atol=1e-6)


def test_what_only_parameters_tell_is_nan_with_the_reason(real_run: Run) -> None:
    order = real_run.reference_order[::-1]
    estimate = open_estimator(real_run, "hybrid").estimate(order.copy())
    for name, quantity in QUANTITIES.items():
        found = estimated(quantity, real_run.reference.before, estimate.final, None, "hybrid")
        assert found.values.known == (quantity.how != "measured"), name
        assert found.reason == ("" if found.values.known else NOT_ESTIMATED)
    nothing = Losses.unknown(samples=2, probes=3)
    silent = estimated(QUANTITIES["perplexity"], BEFORE, nothing, None, "silent")
    assert silent.reason == "silent gives no losses that it follows from"
    diverged = real(QUANTITIES["perplexity"], BEFORE, nothing, {}, "")
    assert diverged.reason == "training diverged" and not diverged.values.known


def test_the_build_measured_the_reference_and_a_retraining_measures_the_same(real_run: Run) -> None:
    known = of_reference(real_run, QUANTITIES["accuracy"])
    assert not known.reason and np.ptp(known.values.samples) > 0.05
    again = retrain(real_run, real_run.reference_order)
    np.testing.assert_array_equal(again.measured["accuracy"].samples, known.values.samples)
    np.testing.assert_array_equal(
        again.measured["accuracy"].probes.astype("f4"), known.values.probes
    )
    other = retrain(real_run, make_order(real_run.reference_order[::-1], real_run.count))
    assert (other.measured["accuracy"].samples != known.values.samples).any()


def test_a_domains_accuracy_is_the_mean_over_its_texts(real_run: Run) -> None:
    trainable = open_trainable(real_run)
    theta = trainable.start.theta
    found = measure(trainable, theta, MEASURED)["accuracy"]
    each = trainable.model.evaluate(theta, trainable.probes, measure=MEASURED[0].measure).numpy()
    for at, name in enumerate(real_run.probe_domains):
        texts = [i for i, probe in enumerate(real_run.probes) if probe.domain == name]
        assert found.probes[at] == pytest.approx(each[texts].mean(), abs=1e-6)


def test_parameters_that_are_no_numbers_have_no_accuracy_and_a_fault_costs_no_training(
    real_run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    trainable = open_trainable(real_run)
    theta = trainable.start.theta.clone()
    theta[0] = torch.nan
    assert not measure(trainable, theta, MEASURED)["accuracy"].known

    def broken(model, theta, texts):
        raise ZeroDivisionError("of no use")

    def too_many(model, theta, texts):
        return torch.zeros(len(texts) + 1)

    wanted = [replace(MEASURED[0], name=f.__name__, measure=f) for f in (broken, too_many)]
    assert measure(trainable, trainable.start.theta, [*wanted, *MEASURED]).keys() == {"accuracy"}
    assert "broken was not measured: ZeroDivisionError: of no use" in caplog.text
    assert "too_many was not measured: ValueError: values of shape" in caplog.text


def test_an_order_retrained_before_is_measured_later_and_the_ledger_stays(
    real_run: Run, tmp_path: Path
) -> None:
    shutil.copytree(real_run.path, tmp_path / "run", ignore=shutil.ignore_patterns("measured"))
    run = open_run(tmp_path / "run")
    accuracy, order = QUANTITIES["accuracy"], make_order(range(run.count), run.count)[::-1].copy()
    assert "python -m reorder_core measure" in of_reference(run, accuracy).reason
    with pytest.raises(StoreError, match="was never retrained"):
        measure_again(run, order)
    entry = replace(retrain(run, order), measured={})
    run.keep(entry)
    stamp = run.ledger.stamp
    assert "--order FILE" in of_retrained(run, accuracy, entry).reason
    assert measure_again(run, order)["accuracy"].values.known
    assert not of_retrained(open_run(run.path), accuracy, entry).reason
    assert open_run(run.path).ledger.stamp == stamp and not run.problems
    asked = ["measure", str(run.path), "--json"]
    told = CliRunner().invoke(app, [*asked, "--hash", entry.order_hash])
    cells = json.loads(told.stdout)["quantities"]["accuracy"]["samples"].values()
    known = of_retrained(run, accuracy, entry).values.samples
    np.testing.assert_allclose([cell["value"] for cell in cells], known, rtol=1e-6)
    assert "holds no order 'abc'" in CliRunner().invoke(app, [*asked, "--hash", "abc"]).stderr
    shown = CliRunner().invoke(app, asked[:-1]).stdout
    mean = of_reference(open_run(run.path), accuracy).values.samples.mean()
    assert f"{mean:.4f}" in shown and "Per-token accuracy" in shown
    off = Losses(entry.losses_at.samples + 0.01, entry.losses_at.probes)
    other = make_order(np.roll(order, 1), run.count)
    run.keep(replace(entry, order=other, order_hash=order_hash(other), losses_at=off))
    with pytest.raises(StoreError, match="nothing measured on them was kept"):
        measure_again(run, other)


def test_what_was_measured_comes_back_and_is_added_to(tiny_run: Run) -> None:
    first = Values(np.arange(COUNT) / 7, np.array([0.1, np.nan]))
    key = order_hash(REVERSED)
    tiny_run.measured.keep(key, {"one": first})
    tiny_run.measured.keep(key, {"two": Values.unknown(COUNT, 2)})
    got = open_run(tiny_run.path).measured.of(key)
    assert got.keys() == {"one", "two"} and not got["two"].known
    np.testing.assert_array_equal(got["one"].samples, first.samples.astype("f4"))
    np.testing.assert_array_equal(got["one"].probes, first.probes.astype("f4"))
    assert tiny_run.measured.of("0123456789abcdef") == {}


def test_any_damage_to_what_was_measured_is_told_and_never_read(tiny_run: Run) -> None:
    key = order_hash(REVERSED)
    tiny_run.measured.keep(key, {"one": Values(np.arange(COUNT) / 7, np.array([0.1, 0.2]))})
    (path,) = tiny_run.measured.folder.glob("*.json")
    whole = path.read_bytes()
    for at in np.random.default_rng(5).choice(8 * len(whole), 200, replace=False).tolist():
        flipped = bytearray(whole)
        flipped[at // 8] ^= 1 << at % 8
        path.write_bytes(flipped)
        run = open_run(tiny_run.path)
        held = run.measured.of(key)
        if held:  # white space, or the case of a digit, says the same
            assert json.loads(flipped) == json.loads(whole)
        else:
            assert any(str(path) in told and "measure" in told for told in run.problems)
    record = json.loads(whole)
    del record["digest"]
    path.write_text(json.dumps(record))
    assert open_run(tiny_run.path).measured.of(key) == {}, "nor one that carries no digest"
    path.write_bytes(whole)
    path.rename(path.with_name("0123456789abcdef.json"))
    (told,) = open_run(tiny_run.path).problems
    assert "its order_hash is" in told


def test_the_demos_ledger_opens_and_its_reference_is_measured(tiny_run: Run) -> None:
    run = open_run(DEMO)
    assert len(run.ledger) >= 160 and not run.problems
    found = of_reference(run, QUANTITIES["accuracy"])
    assert not found.reason and found.values.samples.shape == (run.count,)
    loss = run.reference.final.samples
    assert np.corrcoef(found.values.samples, loss)[0, 1] < -0.7, "what fits is foretold"
    assert Published(run).can("quantities") and Published(run).can("samples")
    publish_results(tiny_run.path / "results.duckdb", tiny_run)
    with duckdb.connect(tiny_run.path / "results.duckdb") as older:
        older.execute("DROP TABLE quantity_values; DROP TABLE quantities")
    assert not Published(tiny_run).can("quantities"), "published before the table was"
    with pytest.raises(StoreError, match="build the run again"):
        Published(tiny_run).ask("quantities")


def test_a_runs_tables_hold_every_quantity(tiny_run: Run) -> None:
    values = Values(np.linspace(0, 1, COUNT), np.array([0.25, 0.5]))
    tiny_run.measured.keep(order_hash(tiny_run.reference_order), {"accuracy": values})
    publish_results(tiny_run.path / "results.duckdb", tiny_run)
    published = Published(tiny_run)
    assert published.can("quantities")
    table = published.ask("quantities").set_index("name")
    assert set(table.index) == set(QUANTITIES)
    for name, quantity in QUANTITIES.items():
        assert tuple(table.loc[name, ["unit", "better", "how", "sentence"]]) == (
            quantity.unit, quantity.better, quantity.how, quantity.sentence,
        )  # fmt: skip
        found = of_reference(tiny_run, quantity).values
        rows = published.ask("quantity_values", quantity=name)
        assert rows["of"].unique().tolist() == list(quantity.of)
        for kind in quantity.of:
            assert rows.value[rows["of"] == kind].tolist() == found.of(kind).tolist()
    assert table.held_out["accuracy"] == pytest.approx(0.375)
    assert table.samples["accuracy"] == pytest.approx(0.5)


def test_the_document_lists_what_is_registered() -> None:
    text = (DEMO.parents[1] / "docs" / "adding-a-quantity.md").read_text(encoding="utf-8")
    listed = [line for line in text.splitlines() if line.startswith("| `")]
    assert listed == [
        f"| `{q.name}` | {q.unit} | {q.better} | {q.how} | {q.sentence} |"
        for q in QUANTITIES.values()
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": "Bad name"}, "named 'Bad name'"),
        ({"better": "more"}, "better is 'more'"),
        ({"of": ("words",)}, "of is"),
        ({"sentence": "no stop"}, "ends with a stop"),
    ],
)
def test_a_quantity_that_does_not_say_what_it_is_is_refused(changes: dict, told: str) -> None:
    whole: dict[str, Any] = {
        "name": "good",
        "title": "Good",
        "unit": "1",
        "better": "lower",
        "sentence": "Is.",
    }
    assert ReadOut(**whole).of == ("samples", "held_out")
    with pytest.raises(ValueError, match=told):
        ReadOut(**{**whole, **changes})


def test_what_another_package_brings_is_left_out_where_it_is_none(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    group = quantities.GROUP
    points = [
        EntryPoint("a", "no_such_module:QUANTITY", group),
        EntryPoint("b", "math:pi", group),
        EntryPoint("c", "reorder_core.quantities.loss:QUANTITY", group),
        EntryPoint("d", "reorder_core.quantities.perplexity:QUANTITY", group),
    ]
    monkeypatch.setattr(quantities, "entry_points", lambda group: points)
    with caplog.at_level(logging.WARNING):
        found = quantities._plugged_in({"loss"})
    assert list(found) == ["perplexity"]
    for words in ("no_such_module:QUANTITY cannot be loaded", "math:pi is a float",
                  "there is a quantity loss"):  # fmt: skip
        assert words in caplog.text
    assert isinstance(MEASURED[0], Measured)
