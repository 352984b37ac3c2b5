"""Deterministic training: the base phase, the reference run, and retraining.

Every run goes through `train`, so a retraining in the reference order is the
reference run, bit for bit, on the same machine with the same thread count.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from reorder_core.config import PretrainedModel, RunConfig, ScheduleConfig, TrainingConfig
from reorder_core.orders.order import Order, order_hash
from reorder_core.orders.visits import Visits, reference_order
from reorder_core.quantities import MEASURED
from reorder_core.quantities.quantity import Told
from reorder_core.records.losses import Losses
from reorder_core.records.values import Values
from reorder_core.store.ledger import Retrained
from reorder_core.store.run import Run
from reorder_core.training.measuring import measure
from reorder_core.training.model import Batch, FlatModel, build_model
from reorder_core.training.pretrained import check_weights
from reorder_core.training.schedule import anchor_steps, learning_rate

OnStep = Callable[[int, Tensor], None]
Gradient = Callable[[int, Tensor], tuple[float, Tensor]]
"""(t, θ_t) → the loss of batch t and its gradient (n,)."""


@dataclass(slots=True)
class TrainState:
    """Parameters and Adam's moments, each (n,) float32."""

    theta: Tensor
    first_moment: Tensor
    second_moment: Tensor
    updates: int
    """Updates behind the moments, for bias correction."""

    @classmethod
    def fresh(cls, theta: Tensor) -> "TrainState":
        """A state before any update."""
        return cls(theta.clone(), torch.zeros_like(theta), torch.zeros_like(theta), 0)

    def clone(self) -> "TrainState":
        """A copy that training may change."""
        return TrainState(
            self.theta.clone(), self.first_moment.clone(), self.second_moment.clone(), self.updates
        )


def train(
    model: FlatModel,
    state: TrainState,
    batches: Sequence[Batch],
    schedule: ScheduleConfig,
    adam: TrainingConfig,
    on_step: OnStep = lambda step, theta: None,
    gradient: Gradient | None = None,
) -> list[float]:
    """Updates `state` with one Adam step a batch; returns the batches' losses, nats per token.

    `on_step(t, θ_t)` is called before update t, and once more with θ_T.
    `gradient` is for who takes the batches' gradients in another way.
    """

    def of_batch(step: int, theta: Tensor) -> tuple[float, Tensor]:
        loss = model.mean_loss(theta, batches[step])
        return loss.item(), torch.autograd.grad(loss, theta)[0]

    gradient = gradient or of_batch
    parameter = torch.nn.Parameter(state.theta)
    decay = adam.weight_decay if adam.optimizer == "adamw" else 0.0
    kind = torch.optim.AdamW if adam.optimizer == "adamw" else torch.optim.Adam
    optimizer = kind(
        [parameter], betas=(adam.beta1, adam.beta2), eps=adam.epsilon,
        weight_decay=decay if adam.decayed == "all" else 0.0, foreach=False,
    )  # fmt: skip
    optimizer.state[parameter] = {
        "step": torch.tensor(float(state.updates)),
        "exp_avg": state.first_moment,
        "exp_avg_sq": state.second_moment,
    }
    losses = []
    for step in range(len(batches)):
        on_step(step, parameter.detach())
        loss, parameter.grad = gradient(step, parameter)
        rate = optimizer.param_groups[0]["lr"] = learning_rate(schedule, step)
        if decay and adam.decayed == "matrices":  # θ is one tensor, which has no groups
            with torch.no_grad():
                parameter.mul_(1 - rate * decay * model.matrices)
        optimizer.step()
        losses.append(loss)
    on_step(len(batches), parameter.detach())
    state.theta = parameter.detach()
    state.updates += len(batches)
    return losses


# --- a run's own pieces --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trainable:
    """All that one training of a run needs, read back from its folder."""

    config: RunConfig
    model: FlatModel
    start: TrainState
    samples: Batch
    """The N training samples, by id."""
    probes: Batch
    probe_domain: Tensor
    """(P,) column of each probe's domain."""
    eval_steps: tuple[int, ...]
    visits: Visits
    """What an order permutes."""

    @property
    def reference_order(self) -> Order:
        """What the reference run trains."""
        config = self.config
        return reference_order(
            self.visits, config.seed, config.training.order_seed,
            config.training.reference_order == "file",
        )  # fmt: skip

    def train(
        self,
        order: Order,
        on_step: OnStep = lambda step, theta: None,
        gradient: Gradient | None = None,
    ) -> list[float]:
        """Trains from the start in `order`; the T batch losses, nats per token."""
        batches = [self.samples.take(ids.tolist()) for ids in self.visits.batches(order)]
        state, options = self.start.clone(), self.config.training
        return train(self.model, state, batches, options, options, on_step, gradient)

    def evaluate(self, theta: Tensor) -> Losses:
        """(N,) losses of the samples and (D,) mean losses of the probe domains."""
        samples = self.model.evaluate(theta, self.samples).numpy()
        means = self.domain_means(self.model.evaluate(theta, self.probes))
        return Losses(samples, means.astype(samples.dtype))

    def domain_means(self, probes: Tensor) -> np.ndarray:
        """(D,) means over each domain's probes of (P,) values."""
        domains = int(self.probe_domain.max()) + 1
        means = [probes[self.probe_domain == domain].mean().item() for domain in range(domains)]
        return np.array(means)


def make_batch(tokens: np.ndarray, lengths: np.ndarray, starts: np.ndarray | None = None) -> Batch:
    """Token arrays of the store as tensors; `starts` where not all of a text is learned."""
    if starts is None:
        starts = np.ones_like(lengths)
    return Batch(*(torch.tensor(a, dtype=torch.long) for a in (tokens, lengths, starts)))


def _stored(tokens: Mapping[str, np.ndarray], name: str, kind: str) -> Batch:
    return make_batch(tokens[name], tokens[f"{kind}_lengths"], tokens.get(f"{kind}_starts"))


def make_trainable(
    config: RunConfig,
    vocab_size: int,
    tokens: Mapping[str, np.ndarray],
    start: Mapping[str, np.ndarray],
    updates: int,
    visits: Visits,
) -> Trainable:
    """What `start` and `tokens`, two files of a run folder, say about its training."""
    use_one_thread()
    model = build_model(config.model, vocab_size, config.corpus.sequence_length, config.seed)
    theta = torch.tensor(start["theta"])
    # Before the first update Adam's moments are zeros, which are not kept.
    first, second = (
        torch.tensor(start[name]) if name in start else torch.zeros_like(theta)
        for name in ("first_moment", "second_moment")
    )
    return Trainable(
        config, model, TrainState(theta, first, second, updates),
        model.entered(_stored(tokens, "train", "train")),
        model.entered(_stored(tokens, "probes", "probe")),
        torch.tensor(tokens["probe_domain"]),
        anchor_steps(config.training.steps, config.projection.anchors), visits,
    )  # fmt: skip


def open_trainable(run: Run) -> Trainable:
    """The training side of a run, its files checked against their digests first."""
    tokens, start = run.load_checked("tokens"), run.load_checked("start")
    metadata, model = run.metadata("start"), run.config.model
    if isinstance(model, PretrainedModel):
        check_weights(model, metadata["weights_digest"])
    return make_trainable(
        run.config, int(metadata["vocab_size"]), tokens, start, int(metadata["updates"]), run.visits
    )


def use_one_thread() -> None:
    """Sums split over threads differ in their last bits; one thread always gives the same."""
    torch.set_num_threads(1)


def retrain(
    run: Run,
    order: Order,
    on_progress: Callable[[str, int, int], None] = lambda *_: None,
    trainable: Trainable | None = None,
    evaluate_at: Collection[int] | None = None,
    wanted: Sequence[Told] = MEASURED,
) -> Retrained:
    """Ground truth: the run really trained again, with its samples in `order`.

    Pass `trainable` to retrain many orders without reading the run each time,
    and `evaluate_at` to take losses at some of the evaluation steps only; the
    others are nan then. The `wanted` quantities are measured on the last parameters.
    """
    trainable = trainable or open_trainable(run)
    began = time.perf_counter()
    steps, evaluated = run.steps, trainable.eval_steps if evaluate_at is None else evaluate_at
    unknown = Losses.unknown(samples=run.count, probes=len(run.probe_domains))
    evaluations = dict.fromkeys(trainable.eval_steps, unknown)
    measured: dict[str, Values] = {}

    def on_step(step: int, theta: Tensor) -> None:
        if step in evaluated:
            evaluations[step] = trainable.evaluate(theta)
        if step == steps:
            measured.update(measure(trainable, theta, wanted))
        on_progress("training", step, steps)

    trainable.train(order, on_step)
    losses_at = Losses.stacked(evaluations[step] for step in trainable.eval_steps)
    seconds = time.perf_counter() - began
    return Retrained(run.id, order_hash(order), order, losses_at, seconds, measured=measured)
