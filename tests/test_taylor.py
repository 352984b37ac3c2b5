"""The exact first-order expansion: where it must be exact, and against real training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM

from reorder_core.config import TrainingConfig
from reorder_core.estimators import open_estimator
from reorder_core.estimators.learning.retrainings import designed_runs, no_runs
from reorder_core.estimators.replay.adam import Adam
from reorder_core.estimators.replay.factor import Factor
from reorder_core.estimators.replay.replayer import ReferenceReplay, Replayer
from reorder_core.estimators.taylor import TaylorEstimator, expand
from reorder_core.judge.measures import r2, rho_sample
from reorder_core.orders.visits import plain_visits
from reorder_core.store.run import Run
from reorder_core.training.schedule import learning_rates


@dataclass(frozen=True)
class Sgd:
    """The plainest optimizer: its update is the gradient."""

    update: Any = 0.0
    decay: float = 0.0

    def after(self, gradient: Any) -> "Sgd":
        return Sgd(gradient)


class Quadratics:
    """ℓ_i = ½ (θ − c_i)ᵀ A_i (θ − c_i): gradients are linear, each with a Hessian of its own."""

    def __init__(self, count: int = 12, size: int = 6, alike: bool = False) -> None:
        random = np.random.default_rng(0)
        self.roots = random.normal(size=(count, size, size))
        if alike:
            self.roots[:] = self.roots[0]
        self.hessians = self.roots.transpose(0, 2, 1) @ self.roots
        self.centres = random.normal(size=(count, size))

    def gradient(self, theta: np.ndarray, batch: np.ndarray) -> np.ndarray:
        moved = theta - self.centres[batch]
        return np.einsum("bij,bj->bi", self.hessians[batch], moved).mean(0)

    def linearized(self, theta: np.ndarray, delta: Any, batch: np.ndarray) -> tuple[Any, Any]:
        product = 0.0 if delta is None else self.hessians[batch].mean(0) @ delta
        return self.gradient(theta, batch), product


def followed(losses: Quadratics, optimizer: Any, rates: list[float], order: np.ndarray) -> Any:
    """δ_T of the expansion around training samples 0, 1, 2 … in pairs."""
    last: list[Any] = []
    batches, reference = order.reshape(-1, 2), np.arange(len(order)).reshape(-1, 2)
    expand(
        np.zeros(6), optimizer, rates, list(reference), list(batches), losses.linearized,
        lambda step, theta, delta: last.append((theta, delta)),
    )  # fmt: skip
    return last[-1]


def test_on_quadratic_losses_under_sgd_it_is_exact() -> None:
    losses, rates = Quadratics(), [0.02] * 6
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(12)
        true = np.zeros(6)
        for batch in order.reshape(-1, 2):
            true = true - 0.02 * losses.gradient(true, batch)
        theta, delta = followed(losses, Sgd(), rates, order)
        assert np.abs(delta).max() > 1e-2  # the orders differ, by far more than the error
        np.testing.assert_allclose(theta + delta, true, atol=1e-12)


def test_with_every_coordinate_and_exact_curvature_the_replay_is_the_same() -> None:
    """One Hessian for all samples: the case in which `projected`'s mean Hessian is exact."""
    losses, size = Quadratics(alike=True), 6
    training = TrainingConfig(steps=6, batch_size=2, learning_rate=0.01)
    rates = learning_rates(training)
    adam = Adam(training, np.zeros(size), np.zeros(size), 0)
    reference = np.arange(12, dtype=np.int32)
    order = np.random.default_rng(1).permutation(reference)
    thetas: list[np.ndarray] = []
    pairs = list(reference.reshape(-1, 2))
    expand(np.zeros(size), adam, rates, pairs, pairs, losses.linearized,
           lambda step, theta, delta: thetas.append(theta))  # fmt: skip
    gradients = (np.array(thetas)[:, None] - losses.centres) @ losses.hessians[0]
    replayer = Replayer(
        training, gradients, Factor.of(losses.roots[0]), np.ones(size), np.zeros(size),
        np.zeros(size), 0, plain_visits(12, 2),
    )  # fmt: skip
    state = replayer.begin(1)
    for step, update in enumerate(ReferenceReplay(replayer, reference).updates):
        state, _ = replayer.advance(state, step, [order.reshape(-1, 2)[step]], update)
    _, delta = followed(losses, adam, rates, order)
    assert np.abs(delta).max() > 1e-3
    np.testing.assert_allclose(state.delta[0], delta, rtol=1e-5, atol=1e-7)


def test_its_adam_is_torchs() -> None:
    training, random = TrainingConfig(learning_rate=0.01), np.random.default_rng(0)
    parameter = torch.nn.Parameter(torch.zeros(5, dtype=torch.float64))
    optimizer = torch.optim.Adam([parameter], lr=0.01, eps=training.epsilon)
    theta, adam = np.zeros(5), Adam(training, np.zeros(5), np.zeros(5), 0)
    for gradient in random.normal(size=(7, 5)):
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
        adam = adam.after(gradient)
        theta = theta - 0.01 * adam.update
    np.testing.assert_allclose(theta, parameter.detach().numpy(), rtol=1e-12)


def test_the_reference_order_gives_the_reference_losses_exactly(real_run: Run) -> None:
    estimate = open_estimator(real_run, "taylor").estimate(real_run.reference_order)
    assert np.array_equal(estimate.losses_at.samples, real_run.reference.losses_at.samples)
    assert np.array_equal(estimate.losses_at.probes, real_run.reference.losses_at.probes)
    assert estimate.distance == 0


def test_it_foretells_real_retrainings(real_run: Run) -> None:
    runs, taylor = designed_runs(real_run), open_estimator(real_run, "taylor")
    true, known = runs.final.samples, real_run.reference.final.samples
    found = np.array([taylor.estimate(order).final.samples for order in runs.orders])
    assert true.std(0).mean() > 0.005
    # When written: R² 0.9993, ρ_sample 0.996.
    assert r2(found, true, known) > 0.98
    assert rho_sample(found, true) > 0.95


def test_precision_is_no_part_of_the_answer(real_run: Run) -> None:
    order = np.random.default_rng(0).permutation(real_run.reference_order)
    single = TaylorEstimator(real_run, no_runs(real_run)).estimate(order)
    double = TaylorEstimator(real_run, no_runs(real_run), "float64").estimate(order)
    assert double.losses_at.samples.dtype == np.float64
    np.testing.assert_allclose(single.final.samples, double.final.samples, atol=2e-5)


def test_the_estimated_model_can_be_taken_away(real_run: Run, tmp_path: Path) -> None:
    from reorder_core.training.loop import open_trainable

    order = np.random.default_rng(0).permutation(real_run.reference_order)
    taylor = TaylorEstimator(real_run, no_runs(real_run))
    folder = taylor.materialize(order, tmp_path / "model")
    assert (folder / "model.safetensors").is_file()
    model = AutoModelForCausalLM.from_pretrained(folder)
    samples = open_trainable(real_run).samples
    tokens, length = samples.tokens[:1], int(samples.lengths[0])
    loss = model(tokens[:, :length], labels=tokens[:, :length]).loss.item()
    assert abs(loss - taylor.estimate(order).final.samples[0]) < 1e-4
