"""`hybrid` and the trust figures, on a real small run."""

import numpy as np
import pytest

from reorder_core.building.designed_orders import spread_orders
from reorder_core.estimators.hybrid import HybridEstimator
from reorder_core.estimators.learning.alike import apart
from reorder_core.estimators.learning.retrainings import designed_runs, no_runs, runs_of
from reorder_core.estimators.projected import ProjectedEstimator
from reorder_core.judge import measures
from reorder_core.judge.fidelity import fresh_orders, retrain_once
from reorder_core.orders.order import make_order
from reorder_core.records.losses import Losses
from reorder_core.store.ledger import Retrained
from reorder_core.store.run import Run


@pytest.fixture(scope="module")
def judges(real_run: Run) -> list[Retrained]:
    return [retrain_once(real_run, order) for order in fresh_orders(real_run, "random", 8, 33)]


@pytest.fixture(scope="module")
def hybrid(real_run: Run) -> HybridEstimator:
    return HybridEstimator(real_run, designed_runs(real_run))


def error(run: Run, estimator, judges: list[Retrained]) -> float:
    estimated = np.stack([estimator.estimate(judge.order).final.samples for judge in judges])
    true = np.stack([judge.final.samples for judge in judges])
    return 1 - measures.r2(estimated, true, run.reference.final.samples)


def test_retrainings_it_learned_from_lower_the_error_on_others(real_run, hybrid, judges):
    spread = np.stack([judge.final.samples for judge in judges]).std(0).mean()
    assert spread > 0.005  # the orders differ in truth
    prior = ProjectedEstimator(real_run, no_runs(real_run))
    assert error(real_run, hybrid, judges) < 0.9 * error(real_run, prior, judges)


def test_without_retrainings_it_is_projected_with_an_interval(real_run: Run, judges):
    nothing = no_runs(real_run)
    alone, prior = HybridEstimator(real_run, nothing), ProjectedEstimator(real_run, nothing)
    estimate = alone.estimate(judges[0].order)
    np.testing.assert_allclose(
        estimate.final.samples, prior.estimate(judges[0].order).final.samples, atol=1e-6
    )
    assert estimate.interval is not None
    assert (estimate.interval.samples[1] > estimate.interval.samples[0]).all()


def test_the_reference_order_gives_its_losses_and_no_uncertainty(real_run: Run, hybrid):
    estimate = hybrid.estimate(real_run.reference_order)
    np.testing.assert_allclose(estimate.final.samples, real_run.reference.final.samples, atol=1e-6)
    assert estimate.expected_error == pytest.approx(0, abs=1e-6)
    assert estimate.distance == 0
    assert estimate.coherence == pytest.approx(1)


def test_a_verified_order_is_then_estimated_as_retrained(real_run: Run, judges):
    judge, designed = judges[0], designed_runs(real_run)
    before = HybridEstimator(real_run, designed)
    learned = HybridEstimator(real_run, designed.joined(runs_of(real_run, judges)))
    wrong_before, wrong = (
        np.abs(estimator.estimate(judge.order).final.samples - judge.final.samples).mean()
        for estimator in (before, learned)
    )
    assert wrong < 0.05 * wrong_before
    assert learned.estimate(judge.order).expected_error < 0.1 * wrong_before
    assert real_run.trains_as(judge.order) in learned.fitted_on
    assert learned.precompute_rre > before.precompute_rre


def test_the_interval_widens_with_the_distance(real_run: Run, hybrid):
    order = np.array(real_run.reference_order)
    order[[0, -1]] = order[[-1, 0]]
    near = hybrid.estimate(make_order(order, real_run.count))
    far = hybrid.estimate(make_order(order[::-1].copy(), real_run.count))
    assert near.distance < 0.5 * far.distance
    assert near.expected_error < 0.6 * far.expected_error


def test_batches_of_one_domain_after_another_are_more_coherent(real_run: Run, hybrid, judges):
    domains = np.array([sample.domain for sample in real_run.samples])
    blocks = make_order(np.argsort(domains, kind="stable"), real_run.count)
    mixed = [hybrid.estimate(judge.order).coherence for judge in judges]
    assert hybrid.estimate(blocks).coherence > max(mixed)


def test_nine_in_ten_errors_fall_within_the_interval(hybrid, judges):
    inside = []
    for judge in judges:
        low, high = hybrid.estimate(judge.order).interval.samples
        inside.append((low <= judge.final.samples) & (judge.final.samples <= high))
    assert 0.75 < np.mean(inside) < 0.99  # 8 orders only: .89 when this was written


def test_spread_orders_take_each_sample_through_every_part():
    orders = spread_orders(np.arange(64, dtype=np.int32), 8, seed=0)
    assert all(sorted(order) == list(range(64)) for order in orders)
    parts = np.stack([np.argsort(order) // 8 for order in orders])  # (orders, samples)
    assert np.mean([len(set(column)) for column in parts.T]) > 6.5  # at random: 5.3


def test_far_retrainings_say_less_of_a_move_than_of_an_order_as_far(real_run: Run, hybrid, judges):
    move = real_run.reference_order.copy()
    move[[0, -1]] = move[[-1, 0]]
    untaught = hybrid.taught(no_runs(real_run))
    left = [
        hybrid.estimate(order).expected_error / untaught.estimate(order).expected_error
        for order in (move, judges[0].order)
    ]
    assert 0 < left[1] < 0.95 * left[0]


def test_a_mild_orders_correction_is_not_magnified_for_a_more_coherent_one(hybrid, judges):
    found = hybrid.prior.replayed(judges[0].order)
    of = [
        hybrid._describe(
            judges[0].order[None],
            found.deltas[-1][None],
            Losses.stacked([found.losses.final]),
            [coherence],
        )
        for coherence in (3.0, 10.0)
    ]
    inner = np.square(of[0].distance)[:, None]
    mild = apart(of[0], of[0], inner, 1.0)
    assert mild > 0
    np.testing.assert_array_equal(apart(of[1], of[0], inner, 1.0), mild)
