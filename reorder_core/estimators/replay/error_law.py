"""How far to trust an estimate: what predicts its error before anything is retrained.

Two figures do. The distance ‖γ_T − θ_T‖ in Adam's metric, since a derivative
taken at θ is used at γ. And the coherence of the order's batches: a gradient's
deviation from the corpus mean is noise in a random order and averages out,
while sorted or blocked orders keep a direction for many steps and take the
model where one mean Hessian fits less well. The error of a loss is modelled as

    sd = u · distance · coherence^POWER,  u² = SPREAD² Σ_j g_j² / √v_j,

the root of that sum being what a displacement of unit length does to the loss.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from reorder_core.estimators.replay.replayer import Replayer
from reorder_core.orders.order import Order
from reorder_core.records.losses import Losses

Array = NDArray[np.floating]
POWER = 2.0
"""Fitted to errors on python-docs over four families of orders: 2.2, correlation .90."""
SPREAD = 0.018
"""Error over what the displacement could do at most: .014 on python-docs, .02 on the demo."""
Z90 = 1.6449
_COORDINATES = 4096
"""Enough for an energy."""


class Coherence:
    """How alike an order's consecutive batches are; 1 at the reference order."""

    def __init__(self, replayer: Replayer, reference_order: Order) -> None:
        stride = -(-len(replayer.weight) // _COORDINATES)
        self._replayer = replace(
            replayer,
            gradients=np.ascontiguousarray(replayer.gradients[..., ::stride]),
            weight=replayer.weight[::stride],
            own=None if replayer.own is None else np.ascontiguousarray(replayer.own[:, ::stride]),
        )
        every = np.arange(self._replayer.gradients.shape[1], dtype=np.int32)
        steps = range(replayer.training.steps)
        self._corpus = [self._replayer.mean_gradient(step, every) for step in steps]
        self._reference = self._energy(reference_order)

    def of(self, order: Order) -> float:
        """Energy of the momentum of the batches' deviations, in units of the reference order's."""
        return self._energy(order) / self._reference

    def _energy(self, order: Order) -> float:
        beta, momentum, energy = np.float32(self._replayer.training.beta1), np.float32(0), 0.0
        for step, batch in enumerate(self._replayer.batches_of(order)):
            apart = self._replayer.mean_gradient(step, batch) - self._corpus[step]
            momentum = beta * momentum + (1 - beta) * apart
            energy += float(np.square(momentum) @ self._replayer.weight)
        return energy


def error_unit(gradients: Array, weight: Array, metric: Array) -> Array:
    """(M,) u of losses with gradients (M, s), for inner products with weight · δ.

    `metric` (s,) is Adam's, the inverse inclusion probabilities within: the
    square root of the second moment times `weight`.
    """
    used = metric > 0
    inverse = np.zeros_like(metric)
    inverse[used] = weight[used] ** 2 / metric[used]
    return SPREAD * np.sqrt(np.square(gradients) @ inverse)


def interval(around: Losses, half_widths: tuple[Array, Array]) -> Losses:
    """(2, N) and (2, D) lower and upper ends around losses (N,) and (D,)."""
    samples, probes = half_widths
    return Losses(ends(around.samples, samples), ends(around.probes, probes))


def ends(loss: Array, half_width: Array) -> Array:
    """(2, M) lower and upper end around `loss` (M,)."""
    return np.stack([loss - half_width, loss + half_width]).astype(np.float32)


def expected_error(deviation: Array) -> float:
    """Mean absolute error of normal errors with these standard deviations."""
    return float(np.sqrt(2 / np.pi) * deviation.mean())
