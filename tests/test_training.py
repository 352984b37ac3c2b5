"""The build side for real: the same bits each time, gradients against autograd."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from real import tiny_real_config

from reorder_core.building.build import build_run
from reorder_core.building.curvature import (
    draws,
    leading_vectors,
    pooled_rows,
    sampled_fisher,
    turned,
)
from reorder_core.config import ModelConfig
from reorder_core.errors import StoreError
from reorder_core.orders.order import make_order
from reorder_core.store.files import file_digest
from reorder_core.store.run import Run, open_run
from reorder_core.training.loop import retrain
from reorder_core.training.model import Batch, build_model

LENGTH = 12


def digests(path: Path) -> dict[str, str]:
    return {str(f.relative_to(path)): file_digest(f) for f in path.rglob("*.safetensors")}


def small_batch(count: int) -> Batch:
    random = np.random.default_rng(0)
    tokens = torch.tensor(random.integers(2, 50, (count, LENGTH)))
    lengths = torch.tensor(random.integers(5, LENGTH + 1, count))
    return Batch(tokens, lengths)


def test_reference_order_reproduces_the_reference_run_bit_for_bit(real_run: Run) -> None:
    again = retrain(real_run, real_run.reference_order)
    assert np.array_equal(again.losses_at.samples, real_run.reference.losses_at.samples)
    assert np.array_equal(again.losses_at.probes, real_run.reference.losses_at.probes)


def test_another_order_gives_other_losses(real_run: Run) -> None:
    order = make_order(real_run.reference_order[::-1], real_run.count)
    changed = retrain(real_run, order).final.samples - real_run.reference.final.samples
    assert np.abs(changed).mean() > 0.005


KILLED_AFTER = ("base_tokens", "reference", "projected", "calibration", "measured", "centre")


def test_a_build_killed_again_and_again_ends_with_the_bits_of_an_undisturbed_one(
    real_run: Run, tmp_path: Path
) -> None:
    config = tmp_path / "tiny.yaml"
    config.write_text(yaml.safe_dump(tiny_real_config().model_dump(mode="json")))
    out = tmp_path / "run"
    command = [sys.executable, "-m", "reorder_core", "build", str(config), "--out", str(out)]
    root = Path(__file__).parents[1]
    for after in KILLED_AFTER:
        assert not (out / f"{after}.safetensors").exists()
        with subprocess.Popen(command, cwd=root, stderr=subprocess.DEVNULL) as process:
            while not (out / f"{after}.safetensors").exists():
                assert process.poll() is None, f"the build ended before {after}"
                time.sleep(0.002)
            os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(StoreError, match="build"):
            open_run(out)
    finished = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert digests(out) == digests(real_run.path)
    assert open_run(out).id == real_run.id


def test_a_second_build_into_a_finished_run_changes_nothing(real_run: Run) -> None:
    before = digests(real_run.path)
    build_run(tiny_real_config(), real_run.path)
    assert digests(real_run.path) == before


@pytest.mark.parametrize("family", ["llama", "gpt2", "gpt_neox"])
def test_sample_gradients_average_to_the_gradient_of_the_mean_loss(family: str) -> None:
    config = ModelConfig.model_validate(
        {"family": family, "hidden_size": 16, "layers": 1, "heads": 2, "intermediate_size": 32}
    )
    model, batch = build_model(config, 50, LENGTH, seed=1), small_batch(5)
    theta = model.initial_parameters()
    rows = model.sample_gradients(theta, batch)
    leaf = theta.clone().requires_grad_()
    mean = torch.autograd.grad(model.mean_loss(leaf, batch), leaf)[0]
    assert rows.std(0).max() > 1e-3  # samples differ
    torch.testing.assert_close(rows.mean(0), mean, rtol=1e-4, atol=1e-6)


def test_each_sample_can_have_parameters_of_its_own() -> None:
    model, batch = build_model(ModelConfig(hidden_size=16, heads=2), 50, LENGTH, 1), small_batch(3)
    thetas = model.initial_parameters() + 0.1 * torch.randn(3, 1)
    together = model.sample_gradients(thetas, batch)
    alone = [model.sample_gradients(thetas[i], batch.take([i]))[0] for i in range(3)]
    torch.testing.assert_close(together, torch.stack(alone), rtol=1e-4, atol=1e-6)


def test_padding_does_not_count() -> None:
    model, batch = build_model(ModelConfig(hidden_size=16, heads=2), 50, LENGTH, 1), small_batch(4)
    theta = model.initial_parameters()
    changed = batch.tokens.clone()
    changed[torch.arange(LENGTH) >= batch.lengths[:, None]] = 7
    assert not torch.equal(changed, batch.tokens)
    torch.testing.assert_close(
        model.losses(theta, batch), model.losses(theta, Batch(changed, batch.lengths))
    )


def test_sampled_fisher_approaches_the_gauss_newton_matrix_as_rank_grows() -> None:
    model = build_model(
        ModelConfig(hidden_size=8, layers=1, heads=2, intermediate_size=8), 12, 6, 1
    )
    tokens = torch.tensor(np.random.default_rng(0).integers(2, 12, (4, 6)))
    batch, theta = Batch(tokens, torch.full((4,), 6)), model.initial_parameters() * 20
    index = torch.arange(0, model.size, 7)
    exact = _gauss_newton(model, theta, batch)[index][:, index].numpy()

    def error(rank: int) -> float:
        factor = sampled_fisher(model, theta, batch, rank, index, [rank])
        return float(np.linalg.norm(factor.T @ factor - exact) / np.linalg.norm(exact))

    assert error(4096) < 0.15  # 0.07 when written
    assert error(4096) < 0.5 * error(64)


def test_drawn_targets_of_padding_do_not_count() -> None:
    model, batch = build_model(ModelConfig(hidden_size=16, heads=2), 50, LENGTH, 1), small_batch(4)
    theta, chances = model.initial_parameters(), torch.rand(4, 3, LENGTH - 1)
    changed = batch.tokens.clone()
    changed[torch.arange(LENGTH) >= batch.lengths[:, None]] = 7
    drawn = model.drawn_gradients(theta, batch, chances, lambda rows: rows)
    assert drawn.shape == (12, model.size)
    assert (drawn[0] - drawn[1]).norm() > 0.1 * drawn[0].norm()  # draws of one sequence differ
    padded = Batch(changed, batch.lengths)
    torch.testing.assert_close(drawn, model.drawn_gradients(theta, padded, chances, lambda g: g))


def test_the_fewest_sequences_are_passed_forward_for_their_draws() -> None:
    assert draws(0, 256) == (0, 0)
    assert draws(96, 256) == (96, 1)
    assert draws(512, 256) == (256, 2)
    assert draws(1280, 512) == (426, 3)  # 1,278 rows: never more than asked for


def pooled_factor(drawn: list[np.ndarray], kept: int, weight: np.ndarray) -> np.ndarray:
    rows = pooled_rows(drawn)
    return leading_vectors(rows, kept, weight)[0].T @ rows


def test_turned_rows_are_the_same_curvature_and_diagonal_in_each_domain() -> None:
    random = np.random.default_rng(1)
    of, count = np.repeat([0, 1, 2], [9, 6, 5]), 6
    blocks = [np.linalg.qr(random.normal(size=(n, 2)))[0] for n in (9, 6, 5)]
    vectors = np.zeros((20, count), np.float32)
    for k, block in enumerate(blocks):  # each domain bends two directions of its own, …
        vectors[of == k, 2 * k : 2 * k + 2] = block
    mixed = vectors @ np.linalg.qr(random.normal(size=(count, count)))[0].astype(np.float32)
    found, diagonal = turned(mixed, np.arange(1.0, count + 1), of, 3)
    np.testing.assert_allclose(found @ found.T, mixed @ mixed.T, atol=1e-5)
    np.testing.assert_allclose(diagonal.sum(0), 1, atol=1e-5)
    np.testing.assert_allclose(np.sort(diagonal, 0)[-1], 1, atol=1e-5)  # … and these are found
    own = [(found[of == k].T @ found[of == k]) for k in range(3)]
    np.testing.assert_allclose(own, [np.diag(row) for row in diagonal], atol=1e-5)


def test_a_pooled_factor_keeps_the_leading_directions_of_all_draws() -> None:
    random, weight = np.random.default_rng(0), np.array([1, 4, 1, 9, 1, 2], np.float32)
    drawn = [random.normal(size=(5, 6)).astype(np.float32) for _ in range(3)]
    every = np.concatenate(drawn)
    mean = 1.4 * every.T @ every / 3  # the mean of three factors' matrices, scaled to the Hessian
    whole = pooled_factor(drawn, 6, weight)
    np.testing.assert_allclose(whole.T @ whole, mean, rtol=1e-4, atol=1e-4)
    root = np.sqrt(weight)
    values = np.linalg.eigvalsh(root[:, None] * mean * root)
    kept = pooled_factor(drawn, 2, weight)
    left = root[:, None] * (mean - kept.T @ kept) * root
    assert np.linalg.norm(left, 2) == pytest.approx(values[-3], rel=1e-3)


def _gauss_newton(model, theta: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Mean over sequences and targets of Jᵀ (diag p − p pᵀ) J, by brute force."""
    jacobian = torch.func.jacrev(lambda t: model.logits(t, batch))(theta)  # (B, L−1, V, n)
    chances = model.logits(theta, batch).softmax(-1).detach()
    total = torch.zeros(model.size, model.size)
    for j, p in zip(jacobian.flatten(0, 1), chances.flatten(0, 1), strict=True):
        total += j.T @ (torch.diag(p) - torch.outer(p, p)) @ j
    return total / len(chances.flatten(0, 1))
