"""`HybridEstimator.difference`: one order against another, on a real small run."""

from itertools import pairwise

import numpy as np
import pytest

from reorder_core.estimators import informing_runs
from reorder_core.estimators.hybrid import HybridEstimator
from reorder_core.estimators.learning.alike import (
    MOST,
    OTHERS,
    OWN,
    RANGE,
    SCALE,
    SLOPE,
    SOON,
    WIDE_RANGE,
)
from reorder_core.estimators.learning.retrainings import (
    TrainingRuns,
    designed_runs,
    no_runs,
    runs_of,
)
from reorder_core.estimators.replay.error_law import POWER
from reorder_core.estimators.replay.exchange import NEAR
from reorder_core.judge.fidelity import fresh_orders, retrain_once
from reorder_core.orders.order import Order, insert, make_order, order_hash, steps_of
from reorder_core.store.run import Run


@pytest.fixture(scope="module")
def hybrid(real_run: Run) -> HybridEstimator:
    return HybridEstimator(real_run, designed_runs(real_run))


@pytest.fixture(scope="module")
def far(real_run: Run) -> Order:
    return fresh_orders(real_run, "random", 1, 91)[0]


@pytest.fixture(scope="module")
def orders(real_run: Run, far: Order) -> list[Order]:
    """Far from the reference and from each other, and one a move away from the first."""
    other, blocks = (
        fresh_orders(real_run, "random", 2, 92)[1],
        fresh_orders(real_run, "blocks", 1, 93)[0],
    )
    return [far, insert(far, 5, 40), other, blocks]


def width(interval: np.ndarray) -> float:
    return float((interval[1] - interval[0]).mean())


def test_an_order_against_itself_is_exactly_nothing(hybrid: HybridEstimator, far: Order):
    found = hybrid.difference(far, far)
    for array in (
        found.change.samples, found.interval.samples, found.change.probes, found.interval.probes,
        found.held_out_interval,
    ):  # fmt: skip
        np.testing.assert_array_equal(array, 0)
    assert found.held_out == 0


def test_orders_that_differ_within_a_step_train_the_same(real_run, hybrid, far: Order):
    shuffled = np.array(far)
    shuffled[: real_run.batch_size] = shuffled[: real_run.batch_size][::-1]
    found = hybrid.difference(make_order(shuffled, real_run.count), far)
    assert found.order_hash != found.base_hash
    assert not found.change.samples.any() and not found.interval.samples.any()


def test_against_the_reference_it_is_the_estimates_change_and_interval(real_run, hybrid, orders):
    reference = real_run.reference
    for order in orders:
        estimate = hybrid.estimate(order)
        found = hybrid.difference(order, real_run.reference_order)
        start, probes = reference.final.samples, reference.final.probes
        assert np.abs(found.change.samples).max() > 0.01
        np.testing.assert_allclose(found.change.samples, estimate.final.samples - start, atol=2e-6)
        np.testing.assert_allclose(found.change.probes, estimate.final.probes - probes, atol=2e-6)
        np.testing.assert_allclose(
            found.interval.samples, estimate.interval.samples - start, atol=2e-6
        )
        np.testing.assert_allclose(
            found.interval.probes, estimate.interval.probes - probes, atol=2e-6
        )
        assert found.held_out == pytest.approx((estimate.final.probes - probes).mean(), abs=2e-6)


def test_turned_around_it_is_the_negative(hybrid: HybridEstimator, orders: list[Order]):
    for order, base in pairwise(orders):
        found, back = hybrid.difference(order, base), hybrid.difference(base, order)
        np.testing.assert_allclose(found.change.samples, -back.change.samples, atol=1e-7)
        np.testing.assert_allclose(found.interval.samples, -back.interval.samples[::-1], atol=1e-7)
        np.testing.assert_allclose(found.interval.probes, -back.interval.probes[::-1], atol=1e-7)
        np.testing.assert_allclose(
            found.held_out_interval, -back.held_out_interval[::-1], atol=1e-7
        )
        assert (found.order_hash, found.base_hash) == (back.base_hash, back.order_hash)


def test_the_means_are_those_of_the_two_estimates(hybrid: HybridEstimator, orders: list[Order]):
    for order, base in pairwise(orders):
        change = hybrid.estimate(order).final.samples - hybrid.estimate(base).final.samples
        np.testing.assert_allclose(hybrid.difference(order, base).change.samples, change, atol=2e-6)


def test_a_small_move_far_away_is_known_better_than_either_order(hybrid, orders: list[Order]):
    far, moved, other, _ = orders
    whole = hybrid.estimate(far).interval.samples
    assert whole is not None
    assert width(hybrid.difference(moved, far).interval.samples) < 0.3 * width(whole)
    assert width(hybrid.difference(other, far).interval.samples) > 0.8 * width(whole)


@pytest.mark.parametrize("learned", [True, False], ids=["retrainings", "none"])
def test_it_is_a_dense_solve_of_the_joint_gaussian(real_run: Run, orders, learned: bool):
    """All orders and all retrainings in one Gaussian, conditioned a loss at a time in float64."""
    runs = designed_runs(real_run) if learned else no_runs(real_run)
    hybrid = HybridEstimator(real_run, runs)
    order, base = orders[1], orders[3]
    found = hybrid.difference(order, base)
    mean, sd = dense_difference(real_run, hybrid, runs, order, base)
    np.testing.assert_allclose(found.change.samples, mean, atol=1e-5)
    half = (found.interval.samples[1] - found.interval.samples[0]) / 2
    np.testing.assert_allclose(half, hybrid.process.reach[0] * sd, rtol=2e-3)


def dense_difference(
    run: Run, hybrid: HybridEstimator, runs: TrainingRuns, order: Order, base: Order
) -> tuple[np.ndarray, np.ndarray]:
    """(N,) mean and standard deviation, from the covariances as the module's words give them."""
    prior, orders = hybrid.prior, [order, base, *runs.orders]
    alone = [prior.replayed(make_order(one, run.count)) for one in orders]
    deltas = np.stack([found.deltas[-1] for found in alone]).astype(float)
    losses = np.stack([found.losses.final.samples for found in alone])
    inner = prior.similarity(deltas, deltas)
    distance = np.sqrt(np.diag(inner))
    excess = np.array([max(prior.coherence.of(one) ** POWER - 1, 0) for one in orders])
    size = hybrid.process.excess[0] * distance * np.minimum(excess, MOST)
    coherence = np.array([prior.coherence.of(one) for one in orders])
    wide = hybrid.process.wide[0] * distance * (1 - np.exp(-SOON * np.maximum(coherence - 1, 0)))
    gap = distance[:, None] ** 2 + distance[None] ** 2 - 2 * inner
    steps = steps_of(np.stack([*orders, run.reference_order]), run.batch_size)
    table, count = hybrid.alike.covariance, len(orders)
    moved = np.array([
        [[table[a[i], b[i]] - table[a[i], o] - table[o, b[i]] + table[o, o]
          for i, o in enumerate(steps[-1])] for b in steps[:-1]] for a in steps[:-1]
    ])  # (A, A, N)  # fmt: skip
    logs = np.log(np.maximum(np.sqrt(np.diag(inner)), 1e-9))
    near = np.exp(-(np.subtract.outer(logs, logs) ** 2) / (2 * SCALE**2))
    alike = near * (inner + OTHERS * moved.mean(2))
    apart = np.outer(size, size) * np.exp(-np.maximum(gap, 0) / (2 * RANGE**2))
    wider = np.outer(wide, wide) * np.exp(-np.maximum(gap, 0) / (2 * WIDE_RANGE**2))
    mean, sd = np.empty(run.count), np.empty(run.count)
    for i in range(run.count):
        unit = prior.sample_unit[i]
        change = (losses[:, i] - run.reference.final.samples[i]) / unit
        own = alike + near * (OWN * moved[..., i] + SLOPE**2 * np.outer(change, change))
        joint, width = own + apart, own + wider
        expected, left = np.zeros(2), width[:2, :2]
        if count > 2:
            known = joint[2:, 2:] + 1e-6 * np.eye(count - 2)
            error = (runs.final.samples[:, i] - losses[2:, i]) / unit
            expected = np.linalg.solve(known, joint[2:, :2]).T @ error
            assert hybrid.process.learned is not None
            first = joint[:2, :2] - np.linalg.solve(known, joint[2:, :2]).T @ joint[2:, :2]
            first = first * hybrid.process.learned[0].scale[i]
            known = width[2:, 2:] + 1e-6 * np.eye(count - 2)
            left = left - np.linalg.solve(known, width[2:, :2]).T @ width[2:, :2]
            left = left * hybrid.process.width[0].scale[i]
        mean[i] = losses[0, i] - losses[1, i] + unit * (expected[0] - expected[1])
        sd[i] = unit * np.sqrt(left[0, 0] + left[1, 1] - 2 * left[0, 1])
        if count > 2:
            close = np.exp(-((distance[:2].max() / NEAR) ** 2))
            sd[i] = max(sd[i], unit * close * np.sqrt(first[0, 0] + first[1, 1] - 2 * first[0, 1]))
    return mean, sd


def test_two_verified_orders_differ_as_retrained(real_run: Run, orders: list[Order]):
    truths = [retrain_once(real_run, order) for order in (orders[0], orders[2])]
    known = designed_runs(real_run).joined(runs_of(real_run, truths))
    before = HybridEstimator(real_run, designed_runs(real_run)).difference(orders[0], orders[2])
    learned = HybridEstimator(real_run, known).difference(orders[0], orders[2])
    true = truths[0].final.samples - truths[1].final.samples
    assert (
        np.abs(learned.change.samples - true).mean()
        < 0.05 * np.abs(before.change.samples - true).mean()
    )
    assert width(learned.interval.samples) < 0.05 * width(before.interval.samples)


def test_neither_orders_own_retraining_informs_what_is_said_of_both(real_run: Run, orders):
    truths = [retrain_once(real_run, order) for order in (orders[0], orders[2])]
    hashes = {real_run.trains_as(truth.order) for truth in truths}
    assert hashes <= informing_runs(real_run, orders[1]).hashes
    assert not hashes & informing_runs(real_run, orders[0], orders[2]).hashes


def test_a_neighbour_in_a_history_costs_one_replay_and_then_none(real_run, hybrid, monkeypatch):
    a, b, c = fresh_orders(real_run, "random", 3, 94)
    replayed, replay = [], hybrid.prior._replay
    monkeypatch.setattr(
        hybrid.prior, "_replay", lambda order: replayed.append(order_hash(order)) or replay(order)
    )
    known = designed_runs(real_run)
    more = known.joined(runs_of(real_run, [retrain_once(real_run, a)]))
    hybrid.difference(b, a)
    hybrid.difference(c, b)
    hybrid.estimate(c)
    again = hybrid.taught(more).difference(c, b)
    assert replayed == [order_hash(b), order_hash(a), order_hash(c)]
    fresh = HybridEstimator(real_run, more).difference(c, b)
    # Remembered ends were replayed beside other orders: float error.
    np.testing.assert_allclose(again.change.samples, fresh.change.samples, atol=2e-6)
    np.testing.assert_allclose(again.interval.samples, fresh.interval.samples, atol=2e-6)
