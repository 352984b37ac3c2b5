"""What every sample at every step does to a loss, near an order: one replay, run backwards.

The forward replay is that of `replayer`; its adjoint carries the loss's
derivative from the end to every step's mean gradient Ḡ_t. A sample i at step t
adds g_i(t)/b to that gradient, so its effect there is Ḡ_t · g_i(t) / b, to first
order and around this very order: a table over (sample, step) that is exact
where the additive table of a build is a mean over random orders.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reorder_core.estimators.replay.adam import Adam
from reorder_core.estimators.replay.pulled import Pulled, root_floor
from reorder_core.estimators.replay.replayer import Replayer
from reorder_core.orders.order import Order
from reorder_core.training.schedule import between_anchors, learning_rates

Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Forward:
    """What one order's replay leaves for its adjoint."""

    order: Order
    delta: Array
    """(1, s) γ_T − θ_T."""
    steps: list[tuple[Array, Adam]]
    """Each step's gradient (s,) and Adam's memory once it has been seen."""
    before: list[Array]
    """γ_t − θ_t (s,) before each step's update."""


def effects(replayer: Replayer, forward: Forward, slope: Array) -> NDArray[np.float64]:
    """(V, T) what visit v does at step t to a loss, nats, to first order around the order.

    slope (s,): the loss's derivative by γ_T − θ_T. Columns beyond T are those of the bench: 0.
    """
    at_gradient = _backwards(replayer, forward, slope)  # (T, s)
    found = of_samples(replayer, at_gradient) + _of_domains(replayer, forward, at_gradient)
    return found if replayer.visits.is_plain else _of_visits(replayer, forward, at_gradient, found)


def effects_of_samples(replayer: Replayer, forward: Forward, slope: Array) -> NDArray[np.float64]:
    """(N, T) the same of the samples, each at its first visit."""
    at_gradient = _backwards(replayer, forward, slope)
    return of_samples(replayer, at_gradient) + _of_domains(replayer, forward, at_gradient)


def _of_domains(
    replayer: Replayer, forward: Forward, at_gradient: Array
) -> NDArray[np.float64] | float:
    """(N, T) what a sample does by the curvature of its domain; 0 where nothing was displaced."""
    factor, domains = replayer.factor, replayer.domains
    if factor.lean is None or domains is None or not any(delta.any() for delta in forward.before):
        return 0.0
    found = [factor.leans(replayer.weight * at, replayer.weight * delta)[domains]
             for at, delta in zip(at_gradient, forward.before, strict=True)]  # fmt: skip
    return np.stack(found, axis=1).astype(np.float64) / replayer.training.batch_size


def of_samples(replayer: Replayer, at_gradient: Array) -> NDArray[np.float64]:
    """(N, T) from derivatives (T, s) by the steps' mean gradients."""
    rows = [effects_at(replayer, step, found) for step, found in enumerate(at_gradient)]
    return np.stack(rows, axis=1)


def effects_at(replayer: Replayer, step: int, at_gradient: Array) -> NDArray[np.float64]:
    """(…, N) what each sample does at a step, from derivatives (…, s) by its mean gradient.

    The derivatives have the coordinates' weights in them.
    """
    shares = between_anchors(replayer.anchors, replayer.training.steps)[step]  # (K,)
    found = sum(
        share * (at_gradient @ replayer.gradients[anchor].T)
        for anchor, share in enumerate(shares) if share
    )  # fmt: skip
    return np.asarray(found, np.float64) / replayer.training.batch_size


def _of_visits(
    replayer: Replayer, forward: Forward, at_gradient: Array, table: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(V, places) the same of every visit, from that of the samples at their first one."""
    visits, steps = replayer.visits, replayer.training.steps
    found = np.zeros((visits.count, visits.places))
    found[:, :steps] = table[visits.sample_of]
    if replayer.own is None:
        return found
    own = np.asarray(replayer.own @ at_gradient.T, np.float64) / visits.batch_size  # (N, T)
    at = visits.steps_of(forward.order[None])[0]
    step = np.arange(steps)
    for visit, sample in enumerate(visits.sample_of):
        for other in visits.of_sample[sample]:
            if other == visit or at[other] >= steps:
                continue
            # A visit meets what earlier ones left, and changes what later ones meet.
            found[visit, :steps] += np.where(step > at[other], own[sample], own[sample, at[other]])
            found[visit, at[other]] -= own[sample, at[other]]  # within a step neither is earlier
    return found


def forward(replayer: Replayer, order: Order, updates: Sequence[Array]) -> Forward:
    """The replay of an order; updates (T, s) are those of the centre."""
    state, adam, seen, deltas = replayer.begin(1), replayer.training, [], []
    for step, batch in enumerate(replayer.batches_of(order)):
        before = state.first
        deltas.append(state.delta[0])
        state, _ = replayer.advance(state, step, [batch], updates[step])
        gradient = (state.first - adam.beta1 * before) / np.float32(1 - adam.beta1)
        after = Adam(adam, state.first[0], state.second[0], replayer.updates + step + 1,
                     replayer.decays)  # fmt: skip
        seen.append((gradient[0], after))
    return Forward(order, state.delta, seen, deltas)


def _backwards(replayer: Replayer, forward: Forward, slope: Array) -> NDArray[np.float32]:
    """(T, s) derivatives by each step's mean gradient."""
    seen, batches = forward.steps, replayer.batches_of(forward.order)
    rates = learning_rates(replayer.training)
    # Adapters begin at 0, and half of their gradients with them: the first anchor's tell nothing
    # where Adam has no memory yet.
    known = replayer.gradients if not replayer.updates else replayer.gradients[:1]
    floor = root_floor(replayer.training, np.abs(known).max((0, 1)))
    pulled = Pulled.of_losses(np.array(slope, np.float32))
    found = np.empty((len(seen), len(slope)), np.float32)
    for step in reversed(range(len(seen))):
        gradient, after = seen[step]
        pulled, found[step] = pulled.before(after, rates[step], gradient, floor)
        if len(replayer.factor) and step:  # nothing is displaced before the first update
            shares = replayer.shares(batches[step][None])
            bent = replayer.factor.product(found[step][None], shares)[0]
            pulled = pulled.moved(replayer.weight * bent)
    return found
