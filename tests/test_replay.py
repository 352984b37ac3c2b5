"""The query side against real training, and against itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from reorder_core.building.anchor_gradients import roots
from reorder_core.building.position_table import fit_own, fit_probes
from reorder_core.config import TrainingConfig
from reorder_core.estimators import open_estimator
from reorder_core.estimators.learning.retrainings import no_runs
from reorder_core.estimators.projected import ProjectedEstimator
from reorder_core.estimators.replay import adjoint
from reorder_core.estimators.replay.factor import Factor
from reorder_core.estimators.replay.replayer import ReferenceReplay, Replayer, ReplayState
from reorder_core.judge.fidelity import measure
from reorder_core.judge.measures import spearman
from reorder_core.orders.order import move, swap
from reorder_core.orders.visits import plain_visits
from reorder_core.store.run import Run
from reorder_core.training.schedule import learning_rates


def random_order(run: Run, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(run.reference_order)


def test_the_reference_order_gives_the_reference_losses_exactly(real_run: Run) -> None:
    estimate = open_estimator(real_run, "projected").estimate(real_run.reference_order)
    assert np.array_equal(estimate.losses_at.samples, real_run.reference.losses_at.samples)
    assert np.array_equal(estimate.losses_at.probes, real_run.reference.losses_at.probes)
    assert estimate.distance == 0
    assert estimate.interval is not None
    assert np.array_equal(estimate.interval.samples[0], estimate.interval.samples[1])


def test_restarting_from_the_first_changed_step_changes_no_bit(real_run: Run) -> None:
    used, order = open_estimator(real_run, "projected"), random_order(real_run, 0)
    used.estimate(order)
    for sample_id, slot in ((3, 40), (20, 21), (5, 0)):
        order = move(order, sample_id, slot, "insert")
        fresh = open_estimator(real_run, "projected").estimate(order)
        again = used.estimate(order)
        assert np.array_equal(fresh.losses_at.samples, again.losses_at.samples)
        assert np.array_equal(fresh.losses_at.probes, again.losses_at.probes)


def test_places_within_a_step_do_not_matter(real_run: Run) -> None:
    estimator, order = open_estimator(real_run, "projected"), random_order(real_run, 1)
    within = order.reshape(real_run.steps, -1)[:, ::-1].reshape(-1)
    assert np.array_equal(
        estimator.estimate(order).final.samples, estimator.estimate(within).final.samples
    )


def test_many_orders_at_once_give_what_each_gives_alone(real_run: Run) -> None:
    estimator = ProjectedEstimator(real_run, no_runs(real_run))
    orders = np.stack([random_order(real_run, seed) for seed in range(5)])
    ends = estimator.simulate(orders)
    assert ends.losses.samples.std(0).mean() > 0.005
    for row, order in enumerate(orders):
        alone = estimator.estimate(order)
        np.testing.assert_allclose(ends.losses.samples[row], alone.final.samples, atol=2e-5)
        np.testing.assert_allclose(ends.losses.probes[row], alone.final.probes, atol=2e-5)


def test_projected_beats_the_baselines_on_real_retrainings(real_run: Run) -> None:
    names = ["projected", "replay", "reference"]
    report = measure(real_run, "random", 12, 11, names, lambda *_: None)
    found = report.estimators
    # When written: R² 0.965, without derivatives 0.800; ρ_sample 0.971 against 0.928.
    (saved,) = [one for one in real_run.fidelity if one.seed == 11]
    assert saved.spread is not None and saved.spread > 0.005
    r2, rho = ({name: getattr(found[name], key) for name in names} for key in ("r2", "rho_sample"))
    assert r2["projected"] > 0.85
    assert r2["projected"] > r2["replay"]
    assert rho["projected"] > rho["replay"]
    assert rho["projected"] > 0.9


def _replayer(training: TrainingConfig, gradients: np.ndarray, factor: np.ndarray) -> Replayer:
    size = gradients.shape[-1]
    zero = np.zeros(size)
    visits = plain_visits(gradients.shape[1], training.batch_size)
    return Replayer(training, gradients, Factor.of(factor), np.ones(size), zero, zero, 0, visits)


def _replayed(replayer: Replayer, reference: np.ndarray, order: np.ndarray) -> np.ndarray:
    """(s,) γ_T − θ_T."""
    state = replayer.begin(1)
    for step, update in enumerate(ReferenceReplay(replayer, reference).updates):
        batch = replayer.batches_of(order)[step]
        state, _ = replayer.advance(state, step, [batch], update)
    return state.delta[0]


def test_with_gradients_that_do_not_change_the_replay_is_torch_adam() -> None:
    training = TrainingConfig(steps=6, batch_size=2, learning_rate=0.01, schedule="cosine")
    gradients = np.random.default_rng(0).normal(size=(12, 7))
    replayer = _replayer(training, np.stack([gradients] * 3), np.zeros((0, 7)))
    reference, order = np.arange(12), np.random.default_rng(1).permutation(12)

    def trained(ids: np.ndarray) -> np.ndarray:
        parameter = torch.nn.Parameter(torch.zeros(7, dtype=torch.float64))
        optimizer = torch.optim.Adam([parameter], eps=training.epsilon)
        for rate, batch in zip(learning_rates(training), ids.reshape(6, 2), strict=True):
            optimizer.param_groups[0]["lr"] = rate
            parameter.grad = torch.tensor(gradients[batch].mean(0))
            optimizer.step()
        return parameter.detach().numpy()

    truth = trained(order) - trained(reference)
    assert np.abs(truth).max() > 1e-3
    np.testing.assert_allclose(_replayed(replayer, reference, order), truth, atol=2e-6)


def test_on_a_quadratic_loss_with_exact_curvature_only_interpolation_errs() -> None:
    """ℓ_i = ½ (θ − c_i)ᵀ A (θ − c_i): gradients are linear, and H = A for every sample."""
    random, steps, size = np.random.default_rng(0), 8, 6
    training = TrainingConfig(steps=steps, batch_size=2, learning_rate=0.01)
    root = random.normal(size=(size, size))
    hessian, centres = root.T @ root, random.normal(size=(2 * steps, size))

    def trajectory(ids: np.ndarray) -> np.ndarray:
        theta = [np.zeros(size)]
        first, second = np.zeros(size), np.zeros(size)
        for step, batch in enumerate(ids.reshape(steps, 2), start=1):
            gradient = hessian @ (theta[-1] - centres[batch].mean(0))
            first = training.beta1 * first + (1 - training.beta1) * gradient
            second = training.beta2 * second + (1 - training.beta2) * gradient**2
            scale = np.sqrt(second / (1 - training.beta2**step)) + training.epsilon
            theta.append(theta[-1] - 0.01 * first / (1 - training.beta1**step) / scale)
        return np.array(theta)

    reference = np.arange(2 * steps)
    thetas = trajectory(reference)  # every step an anchor: nothing to interpolate
    gradients = (thetas[:, None] - centres) @ hessian
    exact = _replayer(training, gradients, root)
    blind = _replayer(training, gradients, np.zeros((0, size)))
    for seed in range(4):
        order = np.random.default_rng(seed).permutation(reference)
        truth = trajectory(order)[-1] - thetas[-1]
        error = np.linalg.norm(_replayed(exact, reference, order) - truth)
        without = np.linalg.norm(_replayed(blind, reference, order) - truth)
        assert np.linalg.norm(truth) > 0.01
        assert error < 1e-6 * np.linalg.norm(truth)
        assert without > 1e-3 * np.linalg.norm(truth)


def test_the_position_table_recovers_additive_effects() -> None:
    random, steps = np.random.default_rng(0), 8
    step_of = np.argsort(random.random((600, 16)), axis=1) // 2
    slope, weight = random.normal(size=16), random.normal(size=16)
    time = np.arange(steps) / steps - np.mean(np.arange(steps) / steps)
    own = fit_own(step_of, 1 + slope * time[step_of], steps)["own"]
    np.testing.assert_allclose(own, np.outer(slope, time), atol=0.05)
    home = np.arange(16) // 2
    change = (weight * (time[step_of] - time[home])).sum(1, keepdims=True)
    for origin, loss in ((home, change), (None, change + 2)):
        held_out, misfit = fit_probes(origin, step_of, loss, steps)
        assert spearman(held_out.ravel(), np.outer(weight, time).ravel()) > 0.98
        assert misfit < 0.1 * float(change.std()) / 4


def test_two_people_each_go_on_from_their_own_order(
    real_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two dragged orders by turns: each replay starts where its own last one changed."""
    used = ProjectedEstimator(real_run, no_runs(real_run))
    orders = [random_order(real_run, seed) for seed in (0, 1)]
    for order in orders:
        used.estimate(order)
    steps: list[int] = []
    advance = used._advance

    def noted(state: ReplayState, step: int, batches: list) -> ReplayState:
        steps.append(step)
        return advance(state, step, batches)

    monkeypatch.setattr(used, "_advance", noted)
    for turn in range(2):
        for person, order in enumerate(orders):
            orders[person] = swap(order, int(order[-1 - turn]), len(order) - 9 - turn)
            used.estimate(orders[person])
    assert min(steps) >= real_run.steps - 4, "both began near the end"


def test_effects_near_an_order_are_derivatives_also_of_its_batches_curvature() -> None:
    random = np.random.default_rng(5)
    training = TrainingConfig(steps=6, batch_size=2, learning_rate=2e-4, weight_decay=0.0)
    gradients = random.normal(size=(3, 12, 7))
    plain = _replayer(training, gradients, 30 * random.normal(size=(4, 7)))
    plain = replace(plain, second_moment=np.ones(7), updates=1000)  # Adam is nearly linear
    lean, domains = random.uniform(-0.9, 0.9, (3, 4)), random.permutation(np.repeat([0, 1, 2], 4))
    replayer = replace(plain, factor=plain.factor.leaning(lean), domains=domains)
    reference = np.arange(12, dtype=np.int32)
    order = random.permutation(reference)
    updates = ReferenceReplay(replayer, reference).updates
    forward = adjoint.forward(replayer, order, updates)
    slope = random.normal(size=7)
    effects = adjoint.effects(replayer, forward, slope)
    without = adjoint.effects(replace(replayer, domains=None), forward, slope)
    told, blind, true = [], [], []
    for a, b in ((0, 11), (1, 6), (4, 9), (2, 7), (3, 10), (5, 8)):
        i, j = int(order[a]), int(order[b])
        other = order.copy()
        other[a], other[b] = j, i
        true.append(slope @ (_replayed(replayer, reference, other) - forward.delta[0]))
        told.append(
            effects[j, a // 2] - effects[i, a // 2] + effects[i, b // 2] - effects[j, b // 2]
        )
        blind.append(without[j, a // 2] - without[i, a // 2]
                     + without[i, b // 2] - without[j, b // 2])  # fmt: skip
    np.testing.assert_allclose(told, true, atol=0.03 * np.abs(true).max())
    assert np.abs(np.subtract(blind, true)).max() > 2 * np.abs(np.subtract(told, true)).max()


def test_effects_stay_in_bounds_where_half_of_the_adapters_begin_without_a_gradient() -> None:
    """Adam has no memory yet, and a batch's gradients all but cancel: its derivative is huge."""
    training = TrainingConfig(steps=4, batch_size=2, learning_rate=0.01)
    gradients = np.zeros((2, 8, 2), np.float32)
    gradients[:, :, 1] = 0.01
    gradients[1, :, 0] = np.array([0.01, -0.01] * 4, np.float32) + 1e-9
    replayer = _replayer(training, gradients, np.zeros((0, 2), np.float32))
    replayed = adjoint.forward(replayer, np.arange(8, dtype=np.int32), list(np.zeros((4, 2))))
    assert np.abs(adjoint.effects(replayer, replayed, np.ones(2))).max() < 0.02


def test_no_share_of_an_update_is_larger_than_the_update_where_gradients_cancel() -> None:
    training = TrainingConfig(steps=4, batch_size=2, learning_rate=0.01)
    own = torch.tensor([[0.01, 0.01], [-0.01 + 1e-9, 0.02]])
    second = (1 - training.beta2) * own.mean(0).square()
    bare, floored = (roots(training, second, 1, most) for most in (None, own.abs().amax(0)))
    assert (own[0] / bare / 2).abs().max() > 1e6
    assert (own / floored / 2).abs().max() <= 1
    torch.testing.assert_close(floored[1], bare[1])  # where they agree nothing changes
