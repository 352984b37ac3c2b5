"""The slope of the live estimate against the estimate itself."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reorder_core.estimators import open_estimator
from reorder_core.orders.order import steps_of


@pytest.mark.parametrize("name", ["projected", "hybrid"])
def test_effects_foretell_what_a_few_swaps_change(real_run, name: str) -> None:
    estimator: Any = open_estimator(real_run, name)
    prior = getattr(estimator, "prior", estimator)
    random, ids = np.random.default_rng(0), np.arange(real_run.count)
    order = random.permutation(real_run.reference_order).astype(np.int32)
    domains = len(real_run.probe_domains)
    weights = random.random(real_run.count) / real_run.count, np.full(domains, 1 / domains)
    table = prior.effects(order, *weights)
    home = steps_of(order[None], real_run.batch_size)[0]

    def value(orders) -> np.ndarray:
        ends = prior.simulate(orders).losses
        return ends.samples.astype(float) @ weights[0] + ends.probes.astype(float) @ weights[1]

    moved = np.stack([order] * 24)
    for row in moved:
        for a, b in random.integers(len(row), size=(3, 2)):
            row[[a, b]] = row[[b, a]]
    true = value(moved) - value(order[None])
    steps = steps_of(moved, real_run.batch_size)
    told = np.array([(table[ids, to] - table[ids, home]).sum() for to in steps])
    assert true.std() > 1e-4
    assert np.corrcoef(told, true)[0, 1] > 0.97  # large moves: the second order shows


def test_effects_are_the_derivative_by_each_sample_s_own_gradient(real_run) -> None:
    estimator: Any = open_estimator(real_run, "projected")
    # Its gradient alone: that its domain bends the batch, too, tests/test_replay.py looks at.
    estimator.replayer = replace(estimator.replayer, domains=None)
    order = np.random.default_rng(2).permutation(real_run.count).astype(np.int32)
    weights = np.zeros(real_run.count), np.array([1.0] + [0.0] * (len(real_run.probe_domains) - 1))
    table = estimator.effects(order, *weights)
    home = steps_of(order[None], real_run.batch_size)[0]
    replayer, size, found = estimator.replayer, 0.1, []
    for sample in range(0, real_run.count, 5):
        ends = []
        for sign in (1, -1):
            gradients = replayer.gradients.copy()
            gradients[:, sample] *= 1 + sign * size
            estimator.replayer = replace(replayer, gradients=gradients)
            ends.append(float(estimator.simulate(order[None]).losses.probes[0, 0]))
        found.append((ends[0] - ends[1]) / (2 * size))
    told = table[np.arange(0, real_run.count, 5), home[::5]]
    assert np.std(found) > 1e-4
    assert np.abs(told - found).max() < 0.03 * np.abs(found).max()


def test_side_by_side_is_the_estimate(real_run) -> None:
    estimator: Any = open_estimator(real_run, "hybrid")
    random = np.random.default_rng(1)
    orders = np.stack([random.permutation(real_run.count) for _ in range(3)]).astype(np.int32)
    found = estimator.side_by_side(orders)
    for row, order in enumerate(orders):
        alone: Any = estimator.estimate(order)
        assert found.losses.samples[row] == pytest.approx(alone.final.samples, abs=2e-5)
        assert alone.interval is not None
        half = (alone.interval.probes[1] - alone.interval.probes[0]) / 2
        assert 1.6449 * found.sd.probes[row] == pytest.approx(half, rel=1e-3)
