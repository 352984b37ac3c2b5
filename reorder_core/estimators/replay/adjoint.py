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

from reorder_core.estimators.replay.replayer import Replayer
from reorder_core.orders.order import Order
from reorder_core.training.schedule import between_anchors, learning_rates

Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Forward:
    """What one order's replay leaves for its adjoint."""

    delta: Array
    """(1, s) γ_T − θ_T."""
    steps: list[tuple[Array, Array, Array]]
    """Each step's gradient and the moments after it, all (s,)."""


def effects(replayer: Replayer, forward: Forward, slope: Array) -> NDArray[np.float64]:
    """(N, T) what sample i does at step t to a loss, nats, to first order around the order.

    slope (s,): the loss's derivative by γ_T − θ_T.
    """
    at_gradient = _backwards(replayer, forward.steps, slope)  # (T, s)
    shares = between_anchors(replayer.anchors, replayer.training.steps)  # (T, K)
    table = sum(
        shares[:, anchor] * (replayer.gradients[anchor] @ at_gradient.T)
        for anchor in range(len(replayer.gradients))
    )
    return np.asarray(table, np.float64) / replayer.training.batch_size


def forward(replayer: Replayer, order: Order, updates: Sequence[Array]) -> Forward:
    """The replay of an order; updates (T, s) are those of the centre."""
    state, adam, seen = replayer.begin(1), replayer.training, []
    for step, batch in enumerate(replayer.batches_of(order)):
        before = state.first
        state, _ = replayer.advance(state, step, [batch], updates[step])
        gradient = (state.first - adam.beta1 * before) / np.float32(1 - adam.beta1)
        seen.append((gradient[0], state.first[0], state.second[0]))
    return Forward(state.delta, seen)


def _backwards(
    replayer: Replayer, seen: list[tuple[Array, Array, Array]], slope: Array
) -> NDArray[np.float32]:
    """(T, s) derivatives by each step's mean gradient."""
    adam, rates = replayer.training, learning_rates(replayer.training)
    decay = adam.weight_decay if adam.optimizer == "adamw" else 0.0
    moved = np.array(slope, np.float32)
    first, second = np.zeros_like(moved), np.zeros_like(moved)
    found = np.empty((len(seen), len(moved)), np.float32)
    for step in reversed(range(len(seen))):
        gradient, after_first, after_second = seen[step]
        done = replayer.updates + step + 1
        unbias = np.float32(1 - adam.beta1**done), np.float32(1 - adam.beta2**done)
        root = np.sqrt(after_second / unbias[1])
        scale = root + np.float32(adam.epsilon)
        update = -np.float32(rates[step]) * moved
        first = first + update / (unbias[0] * scale)
        by_scale = -update * after_first / (unbias[0] * np.square(scale))
        second = second + _over(by_scale, 2 * root * unbias[1])
        found[step] = (1 - adam.beta1) * first + 2 * (1 - adam.beta2) * gradient * second
        first, second = adam.beta1 * first, adam.beta2 * second
        moved = moved * np.float32(1 - rates[step] * decay)
        if len(replayer.factor) and step:  # nothing is displaced before the first update
            bent = (replayer.factor @ found[step]) @ replayer.factor
            moved = moved + replayer.weight * bent
    return found


def _over(a: Array, b: Array) -> Array:
    """a / b, 0 where b is: a coordinate without a second moment does not move."""
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0)
