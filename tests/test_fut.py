"""The paper's recursion against itself written out, and through its projection."""

from pathlib import Path

import numpy as np
import pytest
import torch

from reorder_core.config import TrainingConfig
from reorder_core.estimators import open_estimator
from reorder_core.estimators.dense_projection import open_store, projection
from reorder_core.estimators.full_parameters import FullParameters
from reorder_core.estimators.fut import FutEstimator, FutPlusEstimator, expanded_update
from reorder_core.estimators.learning.retrainings import designed_runs, no_runs
from reorder_core.estimators.replay.adam import Adam
from reorder_core.judge.measures import rho_sample
from reorder_core.store.run import Run, open_run


@pytest.fixture(scope="module")
def copied_run(real_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose cache folder these tests may fill."""
    import shutil

    return open_run(shutil.copytree(real_run.path, tmp_path_factory.mktemp("fut") / "run"))


def test_a_store_that_was_altered_is_computed_again(
    copied_run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    made = open_store(copied_run, 64, 3)
    path = copied_run.path / "cache" / "fut-64-3.safetensors"
    whole = path.read_bytes()
    for altered in (
        whole[: len(whole) // 2],
        _flipped(whole, -9),
        _flipped(whole, len(whole) // 2),
    ):
        path.write_bytes(altered)
        again = open_store(copied_run, 64, 3)
        np.testing.assert_array_equal(again.gradients, made.gradients)
        np.testing.assert_array_equal(again.theta, made.theta)
        assert path.read_bytes() == whole
    assert caplog.text.count("computed again") == 3
    open_store(copied_run, 64, 3)
    assert caplog.text.count("computed again") == 3, "a whole one is read"


def _flipped(content: bytes, at: int) -> bytes:
    altered = bytearray(content)
    altered[at] ^= 1
    return bytes(altered)


def random_order(run: Run, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).permutation(run.reference_order)


def direct(run: Run, order: np.ndarray) -> torch.Tensor:
    """θ_T + δ_T of first-order FUT, in its own few lines: Γ by torch, Γ′ by autograd."""
    full = FullParameters.open(run)
    adam, theta, gamma, before = run.config.training, full.theta, full.theta, None
    ours = theirs = (full.adam.first, full.adam.second)

    def moments(memory, g):
        return (adam.beta1 * memory[0] + (1 - adam.beta1) * g,
                adam.beta2 * memory[1] + (1 - adam.beta2) * g**2)  # fmt: skip

    def big_gamma(memory, g, t):
        m, v = moments(memory, g)
        root = (v / (1 - adam.beta2**t)).sqrt() + adam.epsilon
        return m / (1 - adam.beta1**t) / root

    pairs = zip(full.rates, full.batches(order), full.batches(run.reference_order), strict=True)
    for t, (rate, batch, known) in enumerate(pairs, start=full.adam.updates + 1):
        g, h, tau = (
            full.gradient(theta, batch),
            torch.zeros_like(theta),
            FutEstimator.damping * rate,
        )
        if before is not None:
            move = theta - before
            h = (g - full.gradient(before, batch)) * move / (move**2 + tau**2)
        leaf = g.clone().requires_grad_(True)
        (slope,) = torch.autograd.grad(big_gamma(ours, leaf, t).sum(), leaf)
        reference = full.gradient(theta, known)
        update = big_gamma(ours, g, t) + slope.nan_to_num() * h * (gamma - theta)
        ours, step = moments(ours, g + h * (gamma - theta)), big_gamma(theirs, reference, t)
        theirs = moments(theirs, reference)
        gamma, before, theta = gamma - rate * update, theta, theta - rate * step
    return gamma - theta


def test_it_is_the_recursion_written_out(real_run: Run) -> None:
    order = random_order(real_run)
    *_, delta = FutEstimator(real_run, no_runs(real_run)).deltas(order)
    expected = direct(real_run, order)
    assert expected.norm() > 0.01
    assert (delta - expected).norm() < 1e-3 * expected.norm()


@pytest.mark.parametrize("kind", [FutEstimator, FutPlusEstimator])
def test_through_an_identity_projection_nothing_changes(copied_run: Run, kind) -> None:
    order, size = random_order(copied_run), int(copied_run.metadata("projected")["parameters"])
    *_, exact = kind(copied_run, no_runs(copied_run)).deltas(order)
    *_, stored = kind(copied_run, no_runs(copied_run), dimension=size).deltas(order)
    assert (stored - exact).norm() < 1e-2 * exact.norm()


def test_the_derivatives_of_the_update_are_those_of_autograd() -> None:
    random = np.random.default_rng(0)
    first, g, slope, bend, delta = (torch.tensor(random.normal(size=20)) for _ in range(5))
    second = torch.tensor(random.uniform(0.5, 1, 20))
    memory = Adam(TrainingConfig(beta2=0.9), first, second, 5)

    def at(shift: torch.Tensor) -> torch.Tensor:
        return memory.after(g + slope * shift + bend * shift**2 / 2).update.sum()

    zero = torch.zeros(20, dtype=torch.float64)
    first_order = torch.func.grad(at)(zero)
    second_order = torch.func.hessian(at)(zero).diagonal()
    expected = memory.after(g).update + first_order * delta + second_order * delta**2 / 2
    torch.testing.assert_close(
        expanded_update(memory, g, slope, bend, delta), expected, rtol=1e-5, atol=1e-6
    )


def test_the_projection_is_unbiased_and_the_same_each_time() -> None:
    def back(seed: int) -> np.ndarray:
        matrix = np.concatenate([part for _, part in projection(40, 16, seed)], axis=1)
        return matrix.T @ (matrix @ np.arange(40.0))

    assert np.array_equal(back(3), back(3))
    mean = np.mean([back(seed) for seed in range(3000)], axis=0)
    assert np.abs(mean - np.arange(40)).max() < 4 * np.linalg.norm(np.arange(40)) / 4 / 3000**0.5


@pytest.mark.parametrize("name", ["fut", "fut++"])
def test_the_reference_order_gives_the_reference_losses_exactly(real_run: Run, name: str) -> None:
    estimate = open_estimator(real_run, name).estimate(real_run.reference_order)
    assert np.array_equal(estimate.losses_at.samples, real_run.reference.losses_at.samples)
    assert estimate.distance == 0


def test_a_store_is_computed_once_and_names_its_origin(copied_run: Run) -> None:
    order, path = random_order(copied_run), copied_run.path / "cache" / "fut-64-5.safetensors"
    estimator = FutEstimator(copied_run, no_runs(copied_run), dimension=64, seed=5)
    first, written = estimator.estimate(order), path.stat().st_mtime_ns
    again = FutEstimator(copied_run, no_runs(copied_run), dimension=64, seed=5).estimate(order)
    assert path.stat().st_mtime_ns == written
    assert np.array_equal(first.losses_at.samples, again.losses_at.samples)
    assert estimator.bytes == pytest.approx(path.stat().st_size, rel=0.01)
    still = estimator.estimate(copied_run.reference_order)
    assert np.array_equal(still.losses_at.samples, copied_run.reference.losses_at.samples)


def test_it_ranks_real_retrainings(real_run: Run) -> None:
    runs = designed_runs(real_run)
    true = runs.final.samples
    for kind in (FutEstimator, FutPlusEstimator):
        fut = kind(real_run, no_runs(real_run))
        found = np.array([fut.estimate(order).final.samples for order in runs.orders])
        assert rho_sample(found, true) > 0.7  # when written: 0.926 and 0.904


def test_the_reconstructed_model_can_be_taken_away(real_run: Run, tmp_path: Path) -> None:
    fut = FutPlusEstimator(real_run, no_runs(real_run))
    folder = fut.materialize(random_order(real_run), tmp_path / "model")
    assert {"model.safetensors", "config.json"} <= {path.name for path in folder.iterdir()}
