"""The stage that takes the exact adjoint of held-out loss along the reference run."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from reorder_core.building.reference_run import trainable_of
from reorder_core.building.stages import BuildContext
from reorder_core.building.sweep import Path, Product, pulled_back
from reorder_core.estimators.replay import adjoint
from reorder_core.estimators.replay.adam import Adam
from reorder_core.estimators.replay.gradients import open_stored, with_curvature
from reorder_core.estimators.replay.pulled import root_floor
from reorder_core.estimators.replay.replayer import ReferenceReplay, Replayer
from reorder_core.orders.order import Order
from reorder_core.store import costs
from reorder_core.store.run import Run
from reorder_core.training.loop import Trainable
from reorder_core.training.schedule import learning_rates

HELD = 300_000_000
"""Numbers of the training's states held at once; beyond it the training is followed twice."""


def take_adjoint(context: BuildContext) -> float:
    """adjoint.safetensors: what each sample at each step does to each held-out domain's loss.

    `effects` (D, T, N) exactly, to first order around the reference run; `replayed`
    what the replay's own adjoint says there, `replayed_leading` with the rows of
    the factor that `projected` reads, where these are fewer. One row for the mean
    over domains where there are many (`costs.swept_domains`). Nothing where the configuration
    wants none.
    """
    if not context.config.projection.adjoint:
        context.save("adjoint", {"none": np.empty(0, np.float32)})
        return 0.0
    run, trainable = context.run(), trainable_of(context)
    replayer = open_stored(run).replayer
    index = torch.tensor(np.array(context.load("projected")["coordinates"]))
    domains = costs.swept_domains(len(run.probe_domains))
    effects = np.empty((domains, run.steps, run.count), np.float32)
    order = trainable.reference_order
    for step, found in _swept(trainable, order, domains):
        context.on_progress("held-out adjoint", run.steps - step, run.steps)
        weighted = found[:, index].numpy() * replayer.weight
        effects[:, step] = adjoint.effects_at(replayer, step, weighted)
    context.save("adjoint", {"effects": effects, **_replayed(run, replayer, domains)})
    twice = stretch(run.steps, trainable.model.size) < run.steps
    return costs.adjoint_rre(domains, run.count, len(run.probes), run.visits.trained, twice)


def _swept(trainable: Trainable, order: Order, domains: int) -> Iterator[tuple[int, Tensor]]:
    """(t, (D, n) derivatives by step t's mean gradient), t from T − 1 down to 0."""
    options, model = trainable.config.training, trainable.model
    # As `Trainable.train` has them.
    batches = [trainable.samples.take(ids.tolist()) for ids in trainable.visits.batches(order)]
    largest = torch.zeros(model.size)

    def own_largest(rows: Tensor) -> Tensor:
        torch.maximum(largest, rows.abs().amax(0), out=largest)
        return rows[:, :0]

    def gradient(step: int, theta: Tensor) -> Tensor:
        _, total, _ = model.summed_gradients(theta, batches[step], own_largest)
        return total / len(batches[step])

    def linearized(step: int, theta: Tensor) -> tuple[Tensor, Product]:
        theta = theta.detach().requires_grad_(True)
        loss = model.mean_loss(theta, batches[step])
        (found,) = torch.autograd.grad(loss, theta, create_graph=True)

        def product(directions: Tensor) -> Tensor:
            kept = [torch.autograd.grad(found, theta, d, retain_graph=True)[0] for d in directions]
            return torch.stack(kept)

        return found.detach(), product

    start = trainable.start
    yield from pulled_back(
        Path(learning_rates(options), gradient, linearized),
        start.theta,
        Adam(
            options,
            start.first_moment,
            start.second_moment,
            start.updates,
            model.matrices if options.decayed == "matrices" else 1.0,
        ),
        lambda: root_floor(options, largest),
        lambda theta: _slopes(trainable, theta, domains),
        stretch(options.steps, model.size),
    )


def _slopes(trainable: Trainable, theta: Tensor, domains: int) -> Tensor:
    """(D, n) gradients of the domains' held-out losses; (1, n) of their mean."""
    found = []
    for domain in range(int(trainable.probe_domain.max()) + 1):
        at = theta.detach().requires_grad_(True)
        part = trainable.probes.take((trainable.probe_domain == domain).nonzero()[:, 0].tolist())
        found.append(torch.autograd.grad(trainable.model.mean_loss(at, part), at)[0])
    slopes = torch.stack(found)
    return slopes if domains > 1 else slopes.mean(0, keepdim=True)


def stretch(steps: int, parameters: int) -> int:
    """Steps whose states are held at once: all, or about the root of their number."""
    return steps if 3 * steps * parameters <= HELD else int(np.ceil(np.sqrt(steps)))


def _replayed(run: Run, replayer: Replayer, domains: int) -> dict[str, np.ndarray]:
    """What the replay's adjoint says around the reference run, (D, T, N) with each factor."""
    rows = open_stored(run).probe_gradients[-1]  # (D, s)
    slopes = replayer.weight * (rows if domains > 1 else rows.mean(0, keepdims=True))
    followed = ReferenceReplay(replayer, run.reference_order)
    forward = adjoint.forward(replayer, run.reference_order, followed.updates)
    bent, projection = with_curvature(replayer, run), run.config.projection
    factors = {"replayed": bent.factor}
    if projection.leading < len(bent.factor):
        factors["replayed_leading"] = bent.factor.last(projection.leading)
    return {
        name: np.stack(
            [
                adjoint.effects_of_samples(replace(bent, factor=factor), forward, slope).T.astype(
                    np.float32
                )
                for slope in slopes
            ]
        )
        for name, factor in factors.items()
    }
