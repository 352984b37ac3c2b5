"""The ledger's orders as judges: families by draw, the newest first, none that was fitted on."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from reorder_core import estimators
from reorder_core.judge.fidelity import fresh_orders, measure, retrain_once
from reorder_core.judge.heat_map import usual_moves
from reorder_core.judge.verified import BY_HAND, HEAT_MAP, coverage, families_of, judge, judges
from reorder_core.orders.order import order_hash, swap
from reorder_core.store.run import Run, open_run

DEMO = Path(__file__).parents[1] / "data" / "demo"
NOBODY = frozenset[str]()


def test_an_order_belongs_to_the_family_that_drew_it(tiny_run: Run, fakes):
    measure(tiny_run, "blocks", 3, 41, ["hybrid"])
    measure(tiny_run, "random", 3, 7, ["hybrid"])
    heat = usual_moves(tiny_run).cells()[0][2]
    by_hand = swap(swap(tiny_run.reference_order, 0, 7), 1, 9)
    families = families_of(tiny_run)
    for family, seed in (("blocks", 41), ("random", 7)):
        for order in fresh_orders(tiny_run, family, 3, seed):
            assert families[order_hash(order)] == family
    for order in (heat, by_hand):
        retrain_once(tiny_run, order)
    found = {v.retrained.order_hash: v.family for v in judges(tiny_run, families, NOBODY)}
    assert found[order_hash(by_hand)] == BY_HAND
    assert found.get(order_hash(heat)) in ("move", HEAT_MAP), "a tiny run has few moves"
    assert len(found) == 8


def test_what_was_fitted_on_does_not_judge_and_the_newest_come_first(tiny_run: Run, fakes):
    orders = fresh_orders(tiny_run, "random", 6, 7)
    for order in orders[::-1]:
        retrain_once(tiny_run, order)
    retrain_once(tiny_run, tiny_run.reference_order)
    hashes = [order_hash(order) for order in orders]
    families = families_of(tiny_run)
    found = judges(tiny_run, families, frozenset([tiny_run.trains_as(orders[0])]), most=4)
    assert [v.retrained.order_hash for v in found] == hashes[1:5]


def test_errors_and_coverage_are_those_of_the_arrays(tiny_run: Run, fakes):
    for order in fresh_orders(tiny_run, "random", 12, 7):
        retrain_once(tiny_run, order)
    verified = judges(tiny_run, families_of(tiny_run), NOBODY)
    estimator = estimators.open_estimator(tiny_run, "hybrid")
    estimates = [estimator.estimate(v.retrained.order) for v in verified]
    judged = judge(estimates, verified)
    gap = estimates[3].final.samples - verified[3].retrained.final.samples
    assert judged.sample_error[3] == pytest.approx(np.abs(gap).mean(), rel=1e-5)
    assert np.isnan(judged.expected_error).all(), "this estimate expects no error of itself"
    held = coverage(judged.inside)
    by_hand = np.mean([np.abs(e.final.samples - v.retrained.final.samples) <= 0.02 + 1e-7
                       for e, v in zip(estimates, verified, strict=True)])  # fmt: skip
    assert held["share"] == pytest.approx(by_hand, abs=0.01)
    assert held["lo"] <= held["share"] <= held["hi"]
    assert (held["orders"], held["losses"]) == (12, 144)


def test_an_estimator_without_intervals_has_no_coverage(tiny_run: Run, fakes):
    retrain_once(tiny_run, fresh_orders(tiny_run, "random", 1, 7)[0])
    verified = judges(tiny_run, families_of(tiny_run), NOBODY)
    estimator = estimators.open_estimator(tiny_run, "reference")
    held = coverage(judge([estimator.estimate(verified[0].retrained.order)], verified).inside)
    assert np.isnan(held["share"]) and held["losses"] == 0


def test_the_ledgers_stamp_changes_with_a_retraining(tiny_run: Run, fakes):
    before = tiny_run.ledger.stamp
    assert tiny_run.ledger.stamp == before
    retrain_once(tiny_run, fresh_orders(tiny_run, "move", 1, 7)[0])
    assert tiny_run.ledger.stamp != before


def test_file_times_change_no_estimate_and_no_judge(tmp_path: Path):
    """Two copies of the demo, their files written at other times and in another order."""
    answers = []
    for seed in (1, 2):
        path = tmp_path / f"copy-{seed}"
        shutil.copytree(DEMO, path, ignore=shutil.ignore_patterns("cache"))
        times = np.random.default_rng(seed).integers(10**9, size=1000)
        for file, at in zip(sorted(path.rglob("*")), times.tolist(), strict=False):
            os.utime(file, (at, at))
        run = open_run(path)
        estimator = estimators.open_estimator(run, "hybrid", estimators.informing_runs(run))
        estimate = estimator.estimate(run.reference_order[::-1])
        answers.append((run, estimate))
    (one, first), (two, second) = answers
    assert first.losses_at.samples.tobytes() == second.losses_at.samples.tobytes()
    assert first.interval is not None and second.interval is not None
    assert first.interval.samples.tobytes() == second.interval.samples.tobytes()
    assert one.ledger.stamp == two.ledger.stamp
    mine, theirs = (judges(run, families_of(run), NOBODY) for run in (one, two))
    assert [v.retrained.order_hash for v in mine] == [v.retrained.order_hash for v in theirs]
    assert len(mine) > 100
