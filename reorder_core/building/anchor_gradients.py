"""The stage that takes every sample's gradient at the anchors, on the sampled coordinates."""

from collections.abc import Callable

import numpy as np
import torch

from reorder_core.building.reference_run import CHECKPOINTS, trainable_of
from reorder_core.building.stages import BuildContext
from reorder_core.config import TrainingConfig, has_lora
from reorder_core.estimators.replay.packing import pack
from reorder_core.estimators.replay.projection import choose_coordinates
from reorder_core.estimators.replay.pulled import root_floor
from reorder_core.store import costs
from reorder_core.training.loop import Trainable
from reorder_core.training.schedule import learning_rates


def take_gradients(context: BuildContext) -> float:
    """projected.safetensors: per-sample gradients at the anchors on random coordinates.

    `gradients` are those at the reference run's parameters, for reading out
    losses; `unseen` those at parameters without the sample's own contribution,
    for the replay, where a sample has not been trained when its turn comes.
    """
    trainable, projection = trainable_of(context), context.config.projection
    model, start = trainable.model, trainable.start
    thetas = torch.tensor(context.load(CHECKPOINTS)["theta"])  # (K, n)
    # Importance: the gradients' root mean square over the corpus at θ_0; of adapters at the end,
    # too: half of them begin at 0, and the other half's gradients with them.
    squares = torch.zeros(model.size, dtype=torch.float64)

    def add_squares(rows: torch.Tensor) -> torch.Tensor:
        squares.add_(rows.double().square().sum(0))
        return rows[:, :0]

    for theta in thetas[[0, -1]] if has_lora(context.config) else thetas[:1]:
        model.sample_gradients(theta, trainable.samples, add_squares)
    index, weight = choose_coordinates(
        squares.sqrt().numpy(), projection.coordinates, context.config.seed
    )
    kept = torch.tensor(index)
    gradients, probes = [], []
    for anchor, theta in enumerate(thetas):
        context.on_progress("gradients", anchor, len(thetas))
        samples, domains = read_gradients(trainable, theta, kept)
        gradients.append(samples)
        probes.append(domains)
    seen = torch.tensor(np.stack(gradients))
    unseen, own = unseen_gradients(
        trainable,
        thetas,
        seen,
        kept,
        lambda step: context.on_progress(
            "gradients as if unseen", step, context.config.training.steps
        ),
    )
    context.save(
        "projected",
        {
            "coordinates": index, "weight": weight,
            "first_moment": start.first_moment[kept].numpy(),
            "second_moment": start.second_moment[kept].numpy(),
            # At the first anchor nothing has been seen: one copy serves both.
            **pack("gradients", seen[1:].numpy(), projection.bits),
            **pack("unseen", unseen.numpy(), projection.bits),
            **pack("probe_gradients", np.stack(probes), projection.bits),
            **({} if own is None else pack("own", own.numpy(), projection.bits)),
        },
        {"updates": context.metadata("start")["updates"], "parameters": model.size},
    )  # fmt: skip
    sizes = len(trainable.samples), len(trainable.probes), trainable.visits.trained
    found = costs.gradients_rre(trainable.eval_steps, *sizes)
    return found + has_lora(context.config)


def unseen_gradients(
    trainable: Trainable,
    thetas: torch.Tensor,
    seen: torch.Tensor,
    kept: torch.Tensor,
    on_step: Callable[[int], None],
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """(K, N, s) gradients at the anchors, as if the sample had not been trained yet.

    The reference run is followed once more. A sample of step t moved θ_a by
    about −c P_t g_i / b, with P_t Adam's preconditioner, c the sum over steps
    t ≤ u < a of η_u (1 − β₁) β₁^(u−t), and g_i its gradient at θ_t; its gradient
    at the anchor is taken with that undone. What other samples did because of
    it is left. Of several visits each is undone by itself and the differences are added up.

    Also (N, s), of a run with visits: what a visit does to its sample's own gradient. Of the
    trained samples it is the last anchor's difference, a visit; a reserve one is moved there
    as a visit would.
    """
    adam, model, visits = trainable.config.training, trainable.model, trainable.visits
    order = trainable.reference_order
    batches, before = visits.batches(order), visits.seen_before(order)
    rates, unseen = learning_rates(adam), seen.clone()
    second, updates = trainable.start.second_moment.clone(), trainable.start.updates
    largest = torch.zeros(model.size)

    def follow(step: int, theta: torch.Tensor) -> tuple[float, torch.Tensor]:
        nonlocal second, largest
        on_step(step)
        ids = batches[step].tolist()
        part = trainable.samples.take(ids)
        losses, total, own = model.summed_gradients(theta.detach(), part)  # (b,), (n,), (b, n)
        gradient = total / len(ids)
        second = adam.beta2 * second + (1 - adam.beta2) * gradient.square()
        largest = torch.maximum(largest, own.abs().amax(0))
        root = roots(adam, second, updates + step + 1, None if updates else largest)
        moved = own / (root + adam.epsilon) / len(ids)
        for anchor, at in enumerate(trainable.eval_steps):
            if at <= step:
                continue
            share = sum(
                rates[u] * (1 - adam.beta1) * adam.beta1 ** (u - step)
                / (1 - adam.beta1 ** (updates + u + 1))
                for u in range(step, at)
            )  # fmt: skip
            undone = thetas[anchor] + share * moved
            found = model.sample_gradients(undone, part, lambda g: g[:, kept])
            again = torch.tensor(before[step] > 0)
            apart = unseen[anchor, ids] + found - seen[anchor, ids]
            unseen[anchor, ids] = torch.where(again[:, None], apart, found)
        return float(losses.mean()), gradient

    trainable.train(order, gradient=follow)
    if visits.is_plain:
        return unseen, None
    times = torch.tensor(visits.times(order[None])[0])
    own = (seen[-1] - unseen[-1]) / times.clamp(min=1)[:, None]
    reserve = torch.nonzero(times == 0).flatten().tolist()
    if reserve:
        corrected = second / (1 - adam.beta2 ** (updates + adam.steps))
        scale = sum(rates) / len(rates) / (corrected.sqrt() + adam.epsilon) / adam.batch_size
        for chosen in np.array_split(reserve, -(-len(reserve) // adam.batch_size)):
            part = trainable.samples.take(chosen.tolist())
            rows = model.sample_gradients(thetas[-1], part)
            done = model.sample_gradients(thetas[-1] - scale * rows, part, lambda g: g[:, kept])
            own[chosen] = done - seen[-1, chosen]
    return unseen, own


def roots(
    adam: TrainingConfig, second: torch.Tensor, updates: int, largest: torch.Tensor | None
) -> torch.Tensor:
    """(n,) √v̂ that a sample's own share of an update is divided by.

    `largest` (n,), the largest gradient of one sample so far, of a training that began without
    memory: a batch whose gradients all but cancel has a root near 0 there, and no sample's share
    is larger than the update.
    """
    bias = 1 - adam.beta2**updates
    root = (second / bias).sqrt()
    return root if largest is None else torch.maximum(root, root_floor(adam, largest) / bias**0.5)


def read_gradients(
    trainable: Trainable, theta: torch.Tensor, index: torch.Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """(N, s) of the samples and (D, s) of the probe domains' means, at θ on coordinates."""
    model = trainable.model
    samples = model.sample_gradients(theta, trainable.samples, lambda g: g[:, index])
    rows = model.sample_gradients(theta, trainable.probes, lambda g: g[:, index])
    return samples.numpy(), domain_rows(trainable, rows).numpy()


def domain_rows(trainable: Trainable, rows: torch.Tensor) -> torch.Tensor:
    """(D, s) means over each domain's probes of rows (P, s)."""
    domain = trainable.probe_domain
    return torch.stack([rows[domain == d].mean(0) for d in range(int(domain.max()) + 1)])
