"""Stages that train: the base phase, and the reference run with its checkpoints at the anchors."""

import json
import logging

import numpy as np
import torch

from reorder_core.building.from_recording import (
    compare_with_recording,
    is_recorded,
    recorded_start,
)
from reorder_core.building.stages import BuildContext
from reorder_core.config import PretrainedModel, RunConfig
from reorder_core.orders.order import order_hash
from reorder_core.quantities import MEASURED
from reorder_core.records.losses import Losses
from reorder_core.store import costs
from reorder_core.training.loop import (
    Trainable,
    TrainState,
    make_batch,
    make_trainable,
    train,
    use_one_thread,
)
from reorder_core.training.measuring import measure
from reorder_core.training.model import build_model
from reorder_core.training.pretrained import open_folder
from reorder_core.training.schedule import learning_rates

log = logging.getLogger(__name__)
CHECKPOINTS = "checkpoints/anchors"


def train_base(context: BuildContext) -> float:
    """start.safetensors: θ_0 and Adam's moments after the base phase."""
    use_one_thread()
    config, base = context.config, context.config.training.base
    vocab_size = int(context.metadata("base_tokens")["vocab_size"])
    model = build_model(config.model, vocab_size, config.corpus.sequence_length, config.seed)
    if is_recorded(config):
        state = recorded_start(config, model.size)
    else:
        state = TrainState.fresh(model.initial_parameters())
    arrays = context.load("base_tokens")
    samples = make_batch(arrays["tokens"], arrays["lengths"], arrays.get("base_starts"))
    random = np.random.default_rng([config.seed, 1])
    epochs = -(-base.steps * base.batch_size // max(1, len(samples)))
    order = np.concatenate([random.permutation(len(samples)) for _ in range(max(1, epochs))])
    batches = [
        samples.take(order[step * base.batch_size : (step + 1) * base.batch_size].tolist())
        for step in range(base.steps)
    ]
    losses = train(
        model, state, batches, base, config.training,
        lambda step, theta: context.on_progress("base phase", step, base.steps),
    )  # fmt: skip
    if config.training.optimizer_state == "fresh":
        state = TrainState.fresh(state.theta)
    moments = {
        "first_moment": state.first_moment.numpy(), "second_moment": state.second_moment.numpy(),
    }  # fmt: skip
    context.save(
        "start",
        {"theta": state.theta.numpy(), **(moments if state.updates else {})},
        {
            "updates": state.updates, "vocab_size": vocab_size, "parameters": model.size,
            "base_loss": json.dumps(losses[-1:]), **_weights(config),
        },
    )  # fmt: skip
    return costs.base_rre(base.steps, base.batch_size, trained_slots(config))


def train_reference(context: BuildContext) -> float:
    """reference.safetensors and the checkpoints at the anchors."""
    trainable = trainable_of(context)
    steps, kept, losses = trainable.config.training.steps, [], []

    def on_step(step: int, theta: torch.Tensor) -> None:
        if step in trainable.eval_steps:
            kept.append(theta.numpy().copy())
            losses.append(trainable.evaluate(theta))
        context.on_progress("reference run", step, steps)

    order = trainable.reference_order
    loss = trainable.train(order, on_step)
    if is_recorded(trainable.config):
        followed = dict(zip(trainable.eval_steps, kept, strict=True))
        share = compare_with_recording(trainable.config, followed)
        log.info("followed the recorded training to within %.2g of its way", share)
    losses_at = Losses.stacked(losses)
    context.save(
        "reference",
        {
            "order": order, "loss": np.array(loss, np.float32),
            "learning_rate": np.array(learning_rates(trainable.config.training), np.float32),
            "eval_steps": np.array(trainable.eval_steps, np.int32),
            "sample_loss_at": losses_at.samples, "probe_loss_at": losses_at.probes,
            **_decayed(trainable),
        },
    )  # fmt: skip
    (context.path / CHECKPOINTS).parent.mkdir(exist_ok=True)
    context.save(CHECKPOINTS, {"theta": np.stack(kept)})
    return costs.reference_rre(
        len(trainable.eval_steps), len(trainable.samples), len(trainable.probes),
        trainable.visits.trained,
    )  # fmt: skip


def _decayed(trainable: Trainable) -> dict[str, np.ndarray]:
    """Where in θ lies what decays, for the replay; nothing where all does."""
    if trainable.config.training.decayed == "all":
        return {}
    return {"decayed": np.array(trainable.model.spans(), np.int64).reshape(-1, 2)}


def measure_reference(context: BuildContext) -> float:
    """What only the reference run's last parameters tell, kept beside the run."""
    trainable, run = trainable_of(context), context.run()
    context.on_progress("measuring", 0, 1)
    theta = torch.tensor(context.load(CHECKPOINTS)["theta"][-1])
    run.measured.keep(order_hash(run.reference_order), measure(trainable, theta, MEASURED))
    return costs.measuring_rre(
        len(trainable.samples), len(trainable.probes), trainable.visits.trained
    )


def trainable_of(context: BuildContext) -> Trainable:
    """The training side of a run that is being built."""
    metadata = context.metadata("start")
    return make_trainable(
        context.config, int(metadata["vocab_size"]), context.load("tokens"),
        context.load("start"), int(metadata["updates"]), context.run().visits,
    )  # fmt: skip


def trained_slots(config: RunConfig) -> int:
    """T · b, what a cost is counted in."""
    return config.training.steps * config.training.batch_size


def _weights(config: RunConfig) -> dict[str, str]:
    """What names the frozen and the pretrained weights behind θ_0."""
    if not isinstance(config.model, PretrainedModel):
        return {}
    return {"weights_digest": open_folder(config.model).digest()}
