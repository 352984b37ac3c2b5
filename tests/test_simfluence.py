"""The simulator against runs that it describes exactly, and against real ones."""

import numpy as np

from reorder_core.estimators import open_estimator
from reorder_core.estimators.learning.retrainings import designed_runs
from reorder_core.estimators.simfluence import (
    SimfluenceEstimator,
    _linearized,
    best_penalty,
    fit,
    simulate,
)
from reorder_core.orders.order import order_hash
from reorder_core.store.run import Run

SAMPLES, STEPS, BATCH = 8, 4, 2
EVAL_STEPS = np.array([0, 2, 4])


def effects_of(seed: int, targets: int = 3) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.normal(size=(2, targets, SAMPLES)) * [[[0.05]], [[0.3]]]


def runs_of(effects: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Batches (M, T, b) of random orders, and their true losses (M, E, Z)."""
    random = np.random.default_rng(1)
    orders = np.array([random.permutation(SAMPLES) for _ in range(count)])
    batches, start = orders.reshape(count, STEPS, BATCH), np.full((effects.shape[1], count), 5.0)
    losses, _ = simulate(effects, batches, start)
    return batches, losses[..., EVAL_STEPS].transpose(1, 2, 0)


def test_the_recursion_is_the_papers() -> None:
    effects, batches = effects_of(0), np.array([[[3, 1], [0, 2], [5, 7], [4, 6]]])
    losses, _ = simulate(effects, batches, np.full((3, 1), 5.0))
    for target in range(3):
        loss = 5.0
        multiply, add = effects[0, target] + 1 / BATCH, effects[1, target]
        for step, batch in enumerate(batches[0]):
            loss = multiply[batch].sum() * loss + add[batch].sum()
            assert abs(losses[target, 0, step + 1] - loss) < 1e-12


def test_slopes_are_those_of_finite_differences() -> None:
    effects = effects_of(0, targets=1)
    batches, losses = runs_of(effects_of(2, targets=1), 5)
    residual, slopes = _linearized(effects, batches, losses, EVAL_STEPS)
    for kind, sample in np.ndindex(2, SAMPLES):
        moved = effects.copy()
        moved[kind, 0, sample] += 1e-6
        change = _linearized(moved, batches, losses, EVAL_STEPS)[0] - residual
        np.testing.assert_allclose(-change / 1e-6, slopes[..., kind * SAMPLES + sample], atol=1e-4)


def test_runs_that_follow_the_recursion_are_foretold() -> None:
    true = effects_of(3)
    batches, losses = runs_of(true, 60)
    found = fit(batches[:50], losses[:50], EVAL_STEPS, SAMPLES, 1e-6)
    said, _ = simulate(found, batches[50:], losses[50:, 0].T)
    spread = losses[50:, -1].std(0).min()
    assert spread > 0.01
    assert np.abs(said[..., -1].T - losses[50:, -1]).max() < 0.02 * spread


def test_runs_evaluated_only_at_their_end_count_too() -> None:
    batches, losses = runs_of(effects_of(3), 60)
    losses[10:50, 1] = np.nan
    whole = fit(batches[:10], losses[:10], EVAL_STEPS, SAMPLES, 1e-3)
    more = fit(batches[:50], losses[:50], EVAL_STEPS, SAMPLES, 1e-3)

    def error(effects: np.ndarray) -> float:
        said, _ = simulate(effects, batches[50:], losses[50:, 0].T)
        return float(np.abs(said[..., -1].T - losses[50:, -1]).mean())

    assert error(more) < 0.5 * error(whole)


def test_noise_asks_for_a_stronger_ridge() -> None:
    batches, losses = runs_of(effects_of(3), 40)
    noisy = losses + np.random.default_rng(0).normal(size=losses.shape)
    clean = best_penalty(batches, losses, EVAL_STEPS, SAMPLES)
    assert clean < best_penalty(batches, noisy, EVAL_STEPS, SAMPLES)


def test_on_a_real_run_it_starts_where_training_starts(real_run: Run) -> None:
    estimator = open_estimator(real_run, "simfluence")
    order = np.random.default_rng(0).permutation(real_run.reference_order)
    estimate = estimator.estimate(order)
    assert np.array_equal(estimate.losses_at.samples[0], real_run.reference.losses_at.samples[0])
    assert np.isfinite(estimate.losses_at.samples).all()
    assert estimate.order_hash == order_hash(order)
    fell = real_run.reference.losses_at.samples[0] - real_run.reference.final.samples
    assert (
        np.corrcoef(estimate.losses_at.samples[0] - estimate.final.samples, fell)[0, 1] > 0.4
    )  # 0.62 when written


def test_designed_runs_teach_though_their_start_was_not_evaluated(real_run: Run) -> None:
    designed = designed_runs(real_run)
    assert np.isnan(designed.losses_at.samples[:, 0]).all()
    order = np.random.default_rng(3).permutation(real_run.reference_order)
    few, more = (
        SimfluenceEstimator(real_run, designed.first(count)).estimate(order).final.samples
        for count in (1, len(designed))
    )
    assert np.abs(few - more).mean() > 1e-4
