"""The baselines that learn from real retrainings, against independent solutions."""

import numpy as np
import pytest

from reorder_core.errors import EstimatorError
from reorder_core.estimators import open_estimator
from reorder_core.estimators.learning import gaussian
from reorder_core.estimators.learning.retrainings import designed_runs, no_runs, runs_of
from reorder_core.estimators.retrain_regression import Regression, RetrainRegression, Shapes
from reorder_core.judge.fidelity import fresh_orders, retrain_once
from reorder_core.judge.measures import rho_sample
from reorder_core.orders.order import steps_of
from reorder_core.store.run import Run


def random_steps(count: int, samples: int = 12, batch: int = 2) -> np.ndarray:
    random = np.random.default_rng(count)
    return steps_of(np.array([random.permutation(samples) for _ in range(count)]), batch)


def test_the_posterior_is_that_of_one_dense_solve() -> None:
    steps, random = random_steps(9), np.random.default_rng(0)
    new, old, shape = steps[8:], steps[:8], gaussian.Shape(mixed=0.4, noise=0.05)
    table = gaussian.step_covariance(6, shape.length)
    values = random.normal(size=(12, 8))

    def covariances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        own = gaussian.own_covariance(table, a, b)
        return gaussian.covariances(shape, own, gaussian.likeness(table, a, b))

    posterior = gaussian.condition(covariances(old, old), shape.noise, values)
    mean, spread = posterior.predict(covariances(new, old)[:, 0], covariances(new, new)[:, 0, 0])
    for sample in range(12):
        # Written out once more, entry by entry, over the nine orders together.
        joint = np.empty((9, 9))
        for a, b in np.ndindex(9, 9):
            alike = np.mean([table[steps[a, j], steps[b, j]] for j in range(12)])
            own = table[steps[a, sample], steps[b, sample]]
            joint[a, b] = 100 + own * (1 + 0.4 * alike) + 0.1 * alike + 0.1 * alike**2
        known = joint[:8, :8] + (0.05 + gaussian.JITTER) * np.eye(8)
        by = np.linalg.solve(known, joint[:8, 8])
        np.testing.assert_allclose(mean[sample], by @ values[sample], rtol=1e-7, atol=1e-9)
        variance = (joint[8, 8] - by @ joint[:8, 8]) * posterior.scale[sample]
        np.testing.assert_allclose(spread[sample] ** 2, variance, rtol=1e-6, atol=1e-9)


def test_covariances_of_orders_are_positive() -> None:
    steps = random_steps(40)
    table = gaussian.step_covariance(6, 0.3)
    own = gaussian.own_covariance(table, steps, steps)
    found = gaussian.covariances(gaussian.Shape(), own, gaussian.likeness(table, steps, steps))
    assert np.linalg.eigvalsh(found).min() > -1e-10 * gaussian.CONSTANT


def test_the_shared_curve_is_found_under_levels_that_differ() -> None:
    steps = random_steps(300)
    true = np.linspace(-1, 1, 6) ** 3
    levels = np.random.default_rng(0).normal(size=12) * 5
    found = gaussian.shared_curve(gaussian.step_covariance(6, 0.5), steps, levels + true[steps])
    np.testing.assert_allclose(found, true, atol=0.02)


def test_the_likeliest_shape_tells_noise_from_effects() -> None:
    steps, random = random_steps(30), np.random.default_rng(1)
    for noise in (0.01, 1.0):
        values = np.sin(steps) + noise * random.normal(size=steps.shape)

        def likelihood(shape: gaussian.Shape, values: np.ndarray = values) -> float:
            table = gaussian.step_covariance(6, shape.length)
            own = gaussian.own_covariance(table, steps, steps)
            cov = gaussian.covariances(shape, own, gaussian.likeness(table, steps, steps))
            return gaussian.condition(cov, shape.noise, values.T).log_likelihood

        found = gaussian.best_shape(likelihood, ("noise",), gaussian.Shape(others=1e-4))
        # The own effect's variance is about ½, and a shape is relative to it.
        assert found.noise == pytest.approx(2 * noise**2, rel=1.5 if noise > 0.1 else 30)


def test_regression_recovers_effects_that_are_additive() -> None:
    steps, random = random_steps(61), np.random.default_rng(2)
    slope = random.normal(size=12)
    losses = 3 + slope * np.cos(steps)
    probes = 4 + 0.1 * losses.mean(1, keepdims=True)
    shapes = Shapes(gaussian.Shape(noise=1e-4), gaussian.Shape(own=0, others=1, noise=1e-3))
    fitted = Regression.fit(steps[:60], losses[:60], probes[:60], 6, shapes)
    (mean, half), (held_out, _) = fitted.predict(steps[60:])
    assert losses.std(0).mean() > 0.3
    np.testing.assert_allclose(mean, losses[60], atol=0.1)
    np.testing.assert_allclose(held_out, probes[60], atol=0.02)
    assert (np.abs(mean - losses[60]) < half).mean() > 0.6


def test_a_retrained_order_is_answered_with_its_own_losses(real_run: Run) -> None:
    runs = designed_runs(real_run)
    estimator = open_estimator(real_run, "retrain-regression")
    spread = runs.final.samples.std(0).mean()
    estimates = np.array([estimator.estimate(order).final.samples for order in runs.orders])
    assert spread > 0.005
    assert np.abs(estimates - runs.final.samples).mean() < 0.35 * spread
    assert rho_sample(estimates, runs.final.samples) > 0.9
    assert estimator.precompute_rre == runs.rre
    assert estimator.fitted_on == runs.hashes


def test_along_the_way_untrained_samples_count_alike(real_run: Run) -> None:
    taught = [retrain_once(real_run, order) for order in fresh_orders(real_run, "random", 6, 5)]
    estimator = RetrainRegression(real_run, runs_of(real_run, taught))
    order = np.random.default_rng(0).permutation(real_run.reference_order)
    later = order.copy()
    later[-8:] = later[-8:][::-1]  # two steps after the middle evaluation
    first, second = estimator.estimate(order), estimator.estimate(later)
    assert np.array_equal(first.losses_at.samples[1], second.losses_at.samples[1])
    assert not np.array_equal(first.final.samples, second.final.samples)
    assert np.isfinite(first.losses_at.samples).all() and np.isfinite(first.losses_at.probes).all()


def test_without_retrainings_it_says_what_it_needs(real_run: Run) -> None:
    with pytest.raises(EstimatorError, match="learns from real retrainings and has none"):
        open_estimator(real_run, "retrain-regression", no_runs(real_run))
