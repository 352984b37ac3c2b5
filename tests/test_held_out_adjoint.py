"""The exact adjoint of held-out loss: against autograd, real training and runs without it."""

import shutil
from pathlib import Path as Folder
from typing import Any

import numpy as np
import pytest
import torch

from reorder_core.building.build import build_run
from reorder_core.building.sweep import Path, pulled_back
from reorder_core.config import TrainingConfig
from reorder_core.estimators import open_estimator
from reorder_core.estimators.full_parameters import FullParameters
from reorder_core.estimators.position import open_position_table
from reorder_core.estimators.replay.adam import Adam
from reorder_core.estimators.replay.exchange import Exchange, has_adjoint, open_effects
from reorder_core.estimators.replay.pulled import root_floor
from reorder_core.orders.order import move, steps_of
from reorder_core.orders.visits import plain_visits
from reorder_core.store.files import file_digest
from reorder_core.store.run import Run, open_run
from reorder_core.training.loop import retrain

STEPS, SIZE = 9, 6
ADAM = TrainingConfig(
    steps=STEPS, optimizer="adamw", weight_decay=0.1, beta2=0.95, learning_rate=0.05
)


def _quadratic() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    root = torch.randn(STEPS, SIZE, SIZE, generator=random, dtype=torch.float64)
    pull = torch.randn(STEPS, SIZE, generator=random, dtype=torch.float64)
    start = torch.randn(SIZE, generator=random, dtype=torch.float64)
    return root @ root.mT / SIZE, pull, start


SOME = torch.tensor([1.0, 0, 1, 1, 0, 0], dtype=torch.float64)
"""Half of the coordinates decay."""


def _swept(stretch: int, decays: Any = 1.0) -> torch.Tensor:
    hessian, pull, start = _quadratic()
    rates = [0.05 / (1 + step) for step in range(STEPS)]
    path = Path(
        rates,
        lambda step, theta: hessian[step] @ theta + pull[step],
        lambda step, theta: (hessian[step] @ theta + pull[step], lambda d: d @ hessian[step]),
    )
    memory = Adam(ADAM, 0.1 * start, start.square(), 3, decays)
    found = torch.empty(STEPS, 2, SIZE, dtype=torch.float64)
    none = torch.zeros(SIZE, dtype=torch.float64)
    slopes = lambda theta: torch.stack([theta, torch.ones_like(theta)])  # noqa: E731
    for step, at in pulled_back(path, start, memory, lambda: none, slopes, stretch):
        found[step] = at
    return found


@pytest.mark.parametrize("decays", [1.0, SOME], ids=["all decay", "some decay"])
def test_on_a_quadratic_the_sweep_is_the_derivative_through_the_whole_training(
    decays: Any,
) -> None:
    hessian, pull, start = _quadratic()
    added = torch.zeros(STEPS, SIZE, dtype=torch.float64, requires_grad=True)
    theta, memory = start, Adam(ADAM, 0.1 * start, start.square(), 3, decays)
    for step in range(STEPS):
        rate = 0.05 / (1 + step)
        memory = memory.after(hessian[step] @ theta + pull[step] + added[step])
        theta = (1 - rate * memory.decay) * theta - rate * memory.update
    losses = (0.5 * theta.square().sum(), theta.sum())
    true = torch.stack(
        [torch.autograd.grad(loss, added, retain_graph=True)[0] for loss in losses], 1
    )
    assert float(true.abs().min(0).values.max()) > 1e-6
    torch.testing.assert_close(_swept(STEPS, decays), true, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("stretch", [1, 4, 5])
def test_the_sweep_is_the_same_however_few_states_are_held(stretch: int) -> None:
    torch.testing.assert_close(_swept(stretch), _swept(STEPS), rtol=0, atol=0)


def test_a_coordinate_that_met_no_gradient_does_not_explode() -> None:
    options = TrainingConfig(steps=2, batch_size=4)
    memory = Adam(options, torch.tensor([1e-12, 0.1]), torch.tensor([1e-24, 1.0]), 9)
    path = Path([0.1, 0.1], lambda *_: 0 * memory.first,
                lambda *_: (0 * memory.first, lambda d: 0 * d))  # fmt: skip
    for floor, most in ((root_floor(options, torch.ones(2)), 300.0), (torch.zeros(2), np.inf)):
        found = [
            at.abs().max() for _, at in pulled_back(
                path, torch.zeros(2), memory, lambda floor=floor: floor,
                lambda _: torch.ones(1, 2), 2,
            )
        ]  # fmt: skip
        assert max(found) < most
    assert max(found) > 1e3, "nothing exploded without a floor: the test says nothing"


def test_effects_are_what_a_little_of_a_sample_at_a_step_really_does(real_run: Run) -> None:
    """Finite differences of the training itself, in float64, for whole steps' own gradients."""
    full = FullParameters.open(real_run, "float64")
    trainable, rates = full.trainable, full.rates
    batches = full.batches(real_run.reference_order)
    _, gradients = full.trajectory

    def ended(at: int, share: float) -> np.ndarray:
        theta, memory = full.theta, full.adam
        for step, batch in enumerate(batches):
            gradient = full.gradient(theta, batch)
            memory = memory.after(gradient + share * gradients[step] * (step == at))
            theta = theta - rates[step] * memory.update
        return np.asarray(trainable.evaluate(theta).probes, np.float64)

    path = Path(
        rates,
        lambda step, theta: full.gradient(theta, batches[step]),
        lambda step, theta: (
            full.gradient(theta, batches[step]),
            lambda d: torch.stack([full.linearized(theta, row, batches[step])[1] for row in d]),
        ),
    )
    domain = trainable.probe_domain

    def slopes(theta: torch.Tensor) -> torch.Tensor:
        parts = [trainable.probes.take((domain == d).nonzero()[:, 0].tolist()) for d in (0, 1)]
        return torch.stack([full.gradient(theta, part) for part in parts])

    none = torch.zeros_like(full.theta)
    swept = dict(pulled_back(path, full.theta, full.adam, lambda: none, slopes, real_run.steps))
    for step in (0, 5, real_run.steps - 1):
        told = (swept[step] @ gradients[step]).numpy()
        size = 1e-2  # norms are taken in float32
        true = (ended(step, size) - ended(step, -size))[:2] / (2 * size)
        assert np.abs(true).min() > 1e-7
        assert np.abs(told - true).max() < 0.01 * np.abs(true).max()


def test_the_table_foretells_what_real_moves_do_to_held_out_loss(real_run: Run) -> None:
    table, random = open_effects(real_run).mean(0), np.random.default_rng(4)  # (T, N)
    home, ids = steps_of(real_run.reference_order[None], real_run.batch_size)[0], np.arange(48)
    told, true = [], []
    for _ in range(12):
        moved, slot = random.integers(48, size=2).tolist()
        order = move(real_run.reference_order, moved, slot, "swap")
        steps = steps_of(order[None], real_run.batch_size)[0]
        told.append((table[steps, ids] - table[home, ids]).sum())
        real = retrain(real_run, order, evaluate_at=[real_run.steps]).final
        true.append(real.held_out - real_run.reference.final.held_out)
    assert np.std(true) > 1e-4
    assert np.corrcoef(told, true)[0, 1] > 0.8


def test_the_correction_is_nothing_at_the_reference_and_on_average_far_from_it() -> None:
    random = np.random.default_rng(0)
    table, reference = random.normal(size=(2, 5, 10)), np.arange(10, dtype=np.int32)
    exchange = Exchange.of(table, reference, plain_visits(len(reference), 2))
    assert (exchange.near(reference[None], np.zeros(1)) == 0).all()
    assert (exchange.far(reference[None], np.zeros(1)) == 0).all()
    orders = np.stack([random.permutation(10) for _ in range(4000)]).astype(np.int32)
    far = exchange.far(orders, np.ones(4000))
    assert far.std() > 1
    assert np.abs(far.mean(0)).max() < 0.2


def test_one_sample_far_away_is_corrected_as_near_and_all_samples_are_not() -> None:
    random = np.random.default_rng(0)
    table, reference = random.normal(size=(2, 32, 256)), np.arange(256, dtype=np.int32)
    exchange = Exchange.of(table, reference, plain_visits(256, 8))
    one = move(reference, 3, 200, "swap")[None]
    every = random.permutation(reference)[None].astype(np.int32)
    far = np.full(1, 0.3)
    kept, lost = (
        exchange.near(orders, far) / exchange.near(orders, np.zeros(1)) for orders in (one, every)
    )
    assert kept.min() > 0.7
    assert lost.max() < 0.1
    assert np.abs(exchange.far(one, far)).max() < 0.01 * np.abs(exchange.far(every, far)).max()


def test_a_run_built_before_gains_the_adjoint_and_nothing_else_changes(
    real_run: Run, tmp_path: Folder
) -> None:
    path, gained = tmp_path / "run", "adjoint.safetensors"
    shutil.copytree(real_run.path, path)
    without_adjoint(path)
    old = open_run(path)
    assert not has_adjoint(old)
    order = np.random.default_rng(1).permutation(old.reference_order).astype(np.int32)
    before = {f.name: file_digest(f) for f in path.glob("*.*") if f.suffix != ".json"}
    plain = open_estimator(old, "hybrid").estimate(order)
    build_run(old.config, path)
    after = {f.name: file_digest(f) for f in path.glob("*.*") if f.suffix != ".json"}
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {gained, "run.yaml"}
    assert after[gained] == file_digest(real_run.path / gained)
    new = open_run(path)
    assert new.id == old.id
    assert new.costs["adjoint"]["rre"] > 1
    exchanged = open_estimator(new, "hybrid").estimate(order)
    assert (exchanged.final.samples == plain.final.samples).all()
    assert (exchanged.final.probes != plain.final.probes).any()
    table = open_position_table(new)
    np.testing.assert_allclose(table.held_out, open_effects(new).mean(0).T, atol=1e-7)


def test_building_a_run_that_has_it_does_nothing(real_run: Run) -> None:
    stamp = (real_run.path / "run.yaml").stat().st_mtime_ns
    build_run(real_run.config, real_run.path)
    assert (real_run.path / "run.yaml").stat().st_mtime_ns == stamp


def without_adjoint(path: Folder) -> None:
    """Make a published run one of before the adjoint."""
    from reorder_core.store.files import read_json, write_json
    from reorder_core.store.manifest import BUILD_FILE, STAGES_KEY, read_manifest, write_manifest

    (path / "adjoint.safetensors").unlink()
    manifest = read_manifest(path)
    del manifest.costs["adjoint"], manifest.files["adjoint.safetensors"]
    write_manifest(path, manifest)
    state = read_json(path / BUILD_FILE)
    state["planned"].remove("adjoint")
    del state[STAGES_KEY]["adjoint"]
    write_json(path / BUILD_FILE, state, indent=1)
