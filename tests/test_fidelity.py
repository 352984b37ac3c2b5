import json
import math
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fabricated import rewritten

from reorder_core.errors import EstimatorError, OrderError, StoreError
from reorder_core.estimators.learning.retrainings import hashes_in
from reorder_core.judge import verified
from reorder_core.judge.fidelity import fresh_orders, measure
from reorder_core.orders.order import Order, order_hash, swap
from reorder_core.records.fidelity import Measured
from reorder_core.store.files import finite, write_arrays
from reorder_core.store.reports import read_report
from reorder_core.store.run import Run, open_run

CONTRACT = {
    "r2", "rho_sample", "rho_within", "rho_heldout", "rel_mae", "coverage90",
    "query_ms_p50", "query_ms_p95", "precompute_rre", "bytes", "r2_heldout", "coverage90_heldout",
}  # fmt: skip


def calibrated_on(run: Run, orders: list[Order]) -> None:
    write_arrays(run.file("calibration"), {"orders": np.stack(orders)})


def test_the_report_keeps_the_agreed_keys_and_is_saved(tiny_run: Run, fakes):
    measured = measure(tiny_run, "random", 6, 7, ["reference", "hybrid"])
    report = finite(measured.to_json())
    assert set(report) == {"run", "family", "orders", "seed", "estimators"}
    assert (report["run"], report["family"]) == (tiny_run.id, "random")
    assert (report["orders"], report["seed"]) == (6, 7)
    for values in report["estimators"].values():
        assert set(values) >= CONTRACT
        assert values["precompute_rre"] == 2.5
        assert values["bytes"] == 1000
        assert 0 < values["query_ms_p50"] <= values["query_ms_p95"]
    (saved,) = open_run(tiny_run.path).fidelity
    assert saved == measured and finite(saved.to_json()) == report
    assert saved.spread is not None and saved.spread > 0 and saved.made
    json.dumps(report, allow_nan=False)


def test_what_an_estimator_has_not_is_null_and_never_zero(tiny_run: Run, fakes):
    report = finite(measure(tiny_run, "random", 6, 7, ["reference"]).to_json())
    values = report["estimators"]["reference"]
    assert values["r2"] == 0  # by definition: the reference is what R² is measured against
    assert values["rho_sample"] is None
    assert values["rho_heldout"] is None
    assert values["coverage90"] is None
    assert values["ci"]["rho_sample"] == [None, None]
    assert values["rho_within"] is not None


def test_a_better_estimate_scores_better(tiny_run: Run, fakes):
    found = measure(tiny_run, "random", 8, 7, ["hybrid"]).estimators["hybrid"]
    ends = found.interval("r2")
    assert found.r2 is not None and ends is not None
    assert 0.5 < found.r2 < 1 and ends[0] < found.r2 < ends[1]
    assert found.rho_heldout == pytest.approx(1)
    assert found.coverage90 == pytest.approx(math.erf(2 / math.sqrt(2)), abs=0.1)


def test_held_out_losses_have_an_r2_and_a_coverage_of_their_own(tiny_run: Run, fakes):
    found = measure(tiny_run, "random", 8, 7, ["reference", "hybrid"]).estimators
    assert found["reference"].r2_heldout == 0
    assert found["hybrid"].r2_heldout == pytest.approx(1)  # the fake knows the truth of them
    assert found["hybrid"].coverage90_heldout == 1
    assert found["reference"].coverage90_heldout is None  # it gives no interval


def test_each_order_is_retrained_once_and_then_read_from_the_ledger(tiny_run: Run, fakes):
    first = measure(tiny_run, "random", 5, 7, ["hybrid"])
    assert len(fakes) == len(set(fakes)) == 5
    again = measure(open_run(tiny_run.path), "random", 5, 7, ["hybrid"])
    assert len(fakes) == 5
    assert again.estimators["hybrid"].r2 == first.estimators["hybrid"].r2
    measure(tiny_run, "random", 8, 7, ["hybrid"])
    assert len(fakes) == 8  # the same draws, and three more


def test_progress_counts_the_orders(tiny_run: Run, fakes):
    seen: list[tuple[str, int, int]] = []
    measure(tiny_run, "move", 2, 7, ["hybrid"], lambda *step: seen.append(step))
    retrained = [step[1:] for step in seen if step[0] == "retraining"]
    assert retrained == [(0, 2), (1, 2), (2, 2)]
    assert seen[-1] == ("measuring hybrid", 0, 1)


def test_orders_used_for_calibration_are_never_measured_on(tiny_run: Run):
    assert hashes_in(tiny_run) == frozenset()
    orders = fresh_orders(tiny_run, "random", 6, 7)
    within = swap(orders[3], int(orders[3][0]), 1)  # trains the same under another hash
    calibrated_on(tiny_run, [orders[0], within, tiny_run.reference_order])
    drawn = [order_hash(order) for order in orders]
    again = fresh_orders(tiny_run, "random", 6, 7)
    fresh = [order_hash(order) for order in again]
    assert len(set(fresh)) == 6
    assert not {tiny_run.trains_as(order) for order in again} & hashes_in(tiny_run)
    assert fresh[:4] == [drawn[1], drawn[2], drawn[4], drawn[5]]


def test_when_calibration_used_all_that_was_drawn_others_are_drawn(tiny_run: Run):
    calibrated_on(tiny_run, fresh_orders(tiny_run, "random", 3, 7))
    assert len(fresh_orders(tiny_run, "random", 3, 7)) == 3


def test_impossible_requests_fail_before_anything_is_retrained(tiny_run: Run, fakes):
    with pytest.raises(EstimatorError, match="unknown estimator 'oracle'"):
        measure(tiny_run, "random", 2, 7, ["hybrid", "oracle"])
    with pytest.raises(OrderError, match="unknown family 'best'"):
        measure(tiny_run, "best", 2, 7, ["hybrid"])
    with pytest.raises(OrderError, match="at least one"):
        measure(tiny_run, "random", 0, 7, ["hybrid"])
    assert fakes == []


def test_a_damaged_or_foreign_report_is_left_out(tiny_run: Run, fakes, caplog):
    measure(tiny_run, "random", 2, 7, ["hybrid"])
    folder = tiny_run.path / "fidelity"
    (folder / "bad.json").write_text("{")
    (folder / "worse.json").write_text("[]")
    (saved,) = folder.glob("random*.json")
    shutil.copy(saved, folder / "other.json")
    rewritten(folder / "other.json", run="other-1")
    assert len(tiny_run.fidelity) == 1
    assert caplog.text.count("left out of the fidelity reports") == 3
    told = tiny_run.reports.problems
    assert [Path(text.split(" is no ")[0]).name for text in told] == ["bad.json", "worse.json"]


def test_a_changed_bit_of_a_report_is_named_and_never_shown(tiny_run: Run, fakes):
    measure(tiny_run, "random", 2, 7, ["hybrid"])
    (path,) = (tiny_run.path / "fidelity").glob("random*.json")
    content, (whole,) = path.read_bytes(), tiny_run.fidelity
    for at in np.random.default_rng(3).choice(8 * len(content), 200, replace=False).tolist():
        flipped = bytearray(content)
        flipped[at // 8] ^= 1 << at % 8
        path.write_bytes(flipped)
        if tiny_run.fidelity:
            assert tiny_run.fidelity == (whole,)
        else:
            assert str(path) in tiny_run.problems[0] and "delete it" in tiny_run.problems[0]


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("orders", 10_000_000, "10000000 orders, expected 1 to 10000"),
        ("orders", 0, "0 orders"),
        ("orders", "32", "orders: "),
        ("seed", -1, "seed is -1"),
        ("estimators", [1], "estimators: "),
        ("estimators", {"hybrid": {"r2": 1.5}}, "r2 is 1.5"),
        ("estimators", {"hybrid": {"coverage90": -0.1}}, "coverage90 is -0.1"),
        ("estimators", {"hybrid": {"ci": {"r2": [0.1]}}}, "estimators.hybrid.ci.r2"),
    ],
)
def test_an_impossible_report_is_told_by_file_and_field(
    tiny_run: Run, fakes, key: str, value: Any, told: str
):
    measure(tiny_run, "random", 2, 7, ["hybrid"])
    (path,) = (tiny_run.path / "fidelity").glob("*.json")
    rewritten(path, **{key: value})
    with pytest.raises(StoreError, match=re.escape(told)) as error:
        read_report(path)
    assert str(path) in str(error.value) and "run `fidelity` again" in str(error.value)
    assert not tiny_run.fidelity


def test_a_report_that_claims_more_orders_than_were_retrained_draws_only_those(
    tiny_run: Run, fakes, monkeypatch
):
    measure(tiny_run, "random", 2, 41, ["hybrid"])
    (path,) = (tiny_run.path / "fidelity").glob("*.json")
    rewritten(path, orders=10_000)
    assert tiny_run.fidelity[0].orders == 10_000
    asked: list[int] = []
    monkeypatch.setattr(verified, "drawn_orders", lambda *given: asked.append(given[2]) or [])
    verified.families_of(tiny_run)
    assert max(asked) <= 2 + 64


def test_reports_come_newest_first(tiny_run: Run, fakes):
    for seed in (1, 2):
        measure(tiny_run, "random", 2, seed, ["hybrid"])
    path = tiny_run.path / "fidelity" / "random-2-1.json"
    rewritten(path, made="2999-01-01T00:00:00Z")
    assert [report.seed for report in tiny_run.fidelity] == [1, 2]


def test_a_measures_interval_holds_the_measure_though_ties_lower_every_draw() -> None:
    measured = Measured(rho_sample=0.899, r2=0.9, ci={"rho_sample": (0.875, 0.894), "r2": (0.8, 1)})
    low, high = measured.interval("rho_sample") or (0, 0)
    assert low < 0.899 < high and high - low == pytest.approx(0.894 - 0.875)
    assert measured.interval("r2") == (0.8, 1)
    near_one = Measured(rho_sample=0.999, ci={"rho_sample": (0.97, 0.99)}).interval("rho_sample")
    assert near_one == pytest.approx((0.989, 1.0))
