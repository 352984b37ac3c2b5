"""Weight decay of matrices only, as people train: oracles, a real run, a recording, refusals."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from real import tiny_real_config
from test_taylor import Quadratics, Sgd, followed

from reorder_core.building.build import build_run
from reorder_core.building.checks import refuse_contradictions
from reorder_core.config import ModelConfig, TrainingConfig, parse_config
from reorder_core.errors import ConfigError
from reorder_core.estimators import open_estimator
from reorder_core.estimators.projected import ProjectedEstimator
from reorder_core.estimators.replay.gradients import open_stored
from reorder_core.judge.fidelity import measure
from reorder_core.orders.order import make_order
from reorder_core.store.files import file_digest
from reorder_core.store.run import Run, open_run
from reorder_core.training.loop import TrainState, make_batch, open_trainable, retrain, train
from reorder_core.training.model import build_model

STRONG: dict[str, Any] = {"optimizer": "adamw", "weight_decay": 2.0}


@pytest.fixture(scope="module")
def decaying(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose decay is strong enough to be seen, of matrices only."""
    config = tiny_real_config(name="decay", training=STRONG | {"decayed": "matrices"},
                              projection={"coordinates": 20000})  # fmt: skip
    return open_run(build_run(config, tmp_path_factory.mktemp("decay") / "run"))


@pytest.mark.parametrize("decay", [0.3, np.array([0.5, 0, 0.5, 0, 0, 2.0])])
def test_on_quadratic_losses_the_expansion_with_decay_is_exact(decay: Any) -> None:
    losses, rates = Quadratics(), [0.02] * 6
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(12)
        true = np.ones(6) * 0
        for batch in order.reshape(-1, 2):
            true = (1 - 0.02 * decay) * true - 0.02 * losses.gradient(true, batch)
        theta, delta = followed(losses, Sgd(decay=decay), rates, order)
        assert np.abs(delta).max() > 1e-2
        np.testing.assert_allclose(theta + delta, true, atol=1e-12)


def test_training_is_torchs_with_two_groups() -> None:
    """As Transformers' Trainer groups parameters: matrices decay, norms do not."""
    shape = ModelConfig(family="gpt2", hidden_size=16, layers=1, heads=2, intermediate_size=32)
    model = build_model(shape, 64, 12, 0)
    random = np.random.default_rng(0)
    batches = [
        make_batch(random.integers(2, 64, (4, 12)), np.full(4, 12, np.int64)) for _ in range(5)
    ]
    options = TrainingConfig.model_validate(
        STRONG | {"steps": 5, "learning_rate": 1e-2, "decayed": "matrices"}
    )
    state = TrainState.fresh(model.initial_parameters())
    train(model, state, batches, options, options)
    pieces = [torch.nn.Parameter(p.clone()) for p in model.initial_parameters().split(model.sizes)]
    flat = [len(s) > 1 for s in model.shapes]
    assert 0 < sum(flat) < len(flat)
    groups = [{"params": [p for p, m in zip(pieces, flat, strict=True) if m == wanted],
               "weight_decay": 2.0 * wanted} for wanted in (True, False)]  # fmt: skip
    optimizer = torch.optim.AdamW(groups, lr=1e-2, eps=options.epsilon)
    for batch in batches:
        loss = model.mean_loss(torch.cat([p.reshape(-1) for p in pieces]), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.testing.assert_close(
        state.theta, torch.cat([p.detach() for p in pieces]), rtol=1e-4, atol=1e-6
    )


def test_the_replay_knows_which_coordinates_decay(decaying: Run) -> None:
    model = open_trainable(decaying).model
    coordinates = np.array(decaying.arrays("projected")["coordinates"])
    expected = model.matrices.numpy()[coordinates]
    assert 0 < expected.mean() < 1
    np.testing.assert_array_equal(open_stored(decaying).replayer.decays, expected)


def test_taylor_at_a_reference_order_and_at_another(decaying: Run) -> None:
    taylor = open_estimator(decaying, "taylor")
    reference = taylor.estimate(decaying.reference_order).final.samples
    np.testing.assert_allclose(reference, decaying.reference.final.samples, atol=2e-4)
    order = make_order(np.random.default_rng(3).permutation(decaying.count), decaying.count)
    true = retrain(decaying, order).final.samples
    effect = np.abs(true - decaying.reference.final.samples).max()
    assert effect > 0.01
    error = np.abs(taylor.estimate(order).final.samples - true)
    assert error.max() < 0.5 * effect


def test_random_orders_are_told_and_better_than_without_the_mask(
    decaying: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """8 random orders of seed 31 really retrained, T = 12, decay 2 at a rate of .001."""
    found = measure(decaying, "random", 8, 31, ["projected", "hybrid"], lambda *_: None)
    for estimator in found.estimators.values():
        assert estimator.r2 is not None and estimator.r2 > 0.8
    order = make_order(np.random.default_rng(4).permutation(decaying.count), decaying.count)
    one = ProjectedEstimator(decaying, None)  # type: ignore[arg-type]
    with_mask = one.replayed(order).deltas[-1]
    monkeypatch.setattr("reorder_core.estimators.replay.gradients._decays", lambda *_: 1.0)
    other = ProjectedEstimator(decaying, None)  # type: ignore[arg-type]
    assert np.abs(other.replayed(order).deltas[-1] - with_mask).max() > 1e-6


def test_a_run_in_which_all_decays_is_as_it_was(tmp_path: Path) -> None:
    """The new field at its default changes neither id nor bits."""
    one = tiny_real_config(training=STRONG)
    other = tiny_real_config(training=STRONG | {"decayed": "all"})
    runs = [
        open_run(build_run(config, tmp_path / name)) for name, config in (("a", one), ("b", other))
    ]
    assert runs[0].id == runs[1].id
    assert "decayed" not in runs[0].arrays("reference")
    assert len({file_digest(run.file("reference")) for run in runs}) == 1


@pytest.mark.parametrize(
    ("training", "told"),
    [
        ("max_grad_norm: 1.0", "training.max_grad_norm: gradient clipping is not supported: where"),
        ("gradient_clipping: 1.0", "leave it out"),
        ("optimizer: sgd", "training.optimizer: only adam and adamw are supported"),
        ("momentum: 0.9", "training.momentum: only adam and adamw"),
        ("bf16: true", "train in float32"),
        ("decayed: some", "training.decayed: Input should be 'all' or 'matrices'"),
    ],
)
def test_what_is_not_followed_is_refused_with_the_reason(training: str, told: str) -> None:
    text = "name: x\ncorpus: {kind: controlled, samples: 16}\ntraining:\n  steps: 4\n"
    with pytest.raises(ConfigError, match=told):
        parse_config(f"{text}  batch_size: 4\n  {training}\n")


def test_matrices_that_decay_by_nothing_are_a_contradiction() -> None:
    config = tiny_real_config(training={"optimizer": "adamw", "decayed": "matrices"})
    with pytest.raises(ConfigError, match="nothing decays"):
        refuse_contradictions(config)
