"""A second centre to expand around: the mean of the designed retrainings, measured as they train.

Half of what sets two orders apart is what sets the reference run apart from
all of them, so random orders lie nearer to the mean of some retrainings than
to it. And a retraining measures more than its last losses: each sample's
gradient is taken before the sample was seen, on a path that another order may
well take, at as many different steps as there are retrainings. Interpolated
over steps they are the gradients about the mean path, for nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from reorder_core.config import RunConfig
from reorder_core.orders.order import Order, steps_of
from reorder_core.records.losses import Losses
from reorder_core.training.loop import Trainable
from reorder_core.training.schedule import anchor_steps, between_anchors

Array = NDArray[np.floating]
FEWEST = 4
"""Retrainings below which there is no mean to speak of."""
SMOOTH = 1.0
"""Observations' worth of the prior that a gradient is alike at neighbouring anchors."""


@dataclass(frozen=True, slots=True, eq=False)
class MeanPath:
    """What M retrainings told of the training, on s coordinates."""

    gradients: Array
    """(K − 1, N, s) as if unseen, about the mean path at the anchors after the first."""
    end: Array
    """(n,) θ_T, mean over the spread ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What one designed retraining told."""

    own: Array
    """(N, s) each sample's gradient at the step that trained it, before the update."""
    theta: Array
    """(n,) θ_T."""
    losses: Losses
    """(N,) and (D,) final ones."""

    @property
    def is_finite(self) -> bool:
        """False for a training that diverged."""
        return bool(np.isfinite(self.theta).all()) and bool(np.isfinite(self.own).all())


def train_designed(trainable: Trainable, index: Tensor, order: Order) -> Told:
    """Trains in a designed order; gradients on the coordinates `index` (s,)."""
    path = _Path(trainable, index, order)
    trainable.train(order, path.on_step, path.gradient)
    return Told(path.own, path.theta.numpy(), trainable.evaluate(path.theta))


class Measuring:
    """Sums up what designed retrainings told, one after another; one that diverged told nothing."""

    def __init__(self, config: RunConfig, at_start: Array, spread: int) -> None:
        """`at_start` (N, s) are the gradients at θ_0; the first `spread` orders set the centre."""
        self._at_start, self._spread = at_start, spread
        self._batch_size, self._told, self._ends = config.training.batch_size, 0, 0
        anchors = anchor_steps(config.training.steps, config.projection.anchors)
        self._weights = between_anchors(anchors, config.training.steps)  # (T, K)
        self._sums = np.zeros((len(anchors) - 1, *at_start.shape), np.float32)
        self._grams = np.zeros((len(at_start), len(anchors), len(anchors)))
        self._end = np.zeros(0)

    def add(self, number: int, order: Order, told: Told) -> None:
        """Take in the retraining of that number."""
        if not told.is_finite:
            return
        at = self._weights[steps_of(order[None], self._batch_size)[0]]  # (N, K)
        for knot in range(1, at.shape[1]):
            met = np.flatnonzero(at[:, knot])
            self._sums[knot - 1, met] += at[met, knot, None].astype(np.float32) * told.own[met]
        self._grams += at[:, :, None] * at[:, None, :]
        self._told += 1
        if number < self._spread:
            theta = told.theta.astype(np.float64)
            self._end = self._end + theta if self._ends else theta
            self._ends += 1

    def measured(self) -> MeanPath | None:
        """What they told together; None where too few ended."""
        if self._told < FEWEST or not self._ends:
            return None
        gradients = fitted_gradients(self._grams, self._sums, self._at_start)
        return MeanPath(gradients, (self._end / self._ends).astype(np.float32))


def fitted_gradients(grams: Array, sums: Array, at_start: Array) -> Array:
    """(K − 1, N, s) gradients at the anchors after the first, where they are `at_start` (N, s).

    A ridge regression for each sample, of gradients on the shares (K,) with
    which the anchors stand for their steps: grams (N, K, K) are the sums of
    the shares' outer products, sums (K − 1, N, s) of shares times gradients.
    """
    apart = np.diff(np.eye(grams.shape[1]), axis=0)
    fitted = np.empty_like(sums)
    for sample, gram in enumerate(grams + SMOOTH * apart.T @ apart):
        right = sums[:, sample] - np.outer(gram[1:, 0], at_start[sample])
        fitted[:, sample] = np.linalg.solve(gram[1:, 1:], right)
    return fitted


class _Path:
    """One retraining's own gradients."""

    def __init__(self, trainable: Trainable, index: Tensor, order: Order) -> None:
        options = trainable.config.training
        self._trainable, self._index = trainable, index
        self._batches = order.reshape(options.steps, options.batch_size)
        self.own = np.empty((len(order), len(index)), np.float32)
        self.theta = trainable.start.theta

    def on_step(self, step: int, theta: Tensor) -> None:
        self.theta = theta.clone() if step == len(self._batches) else theta

    def gradient(self, step: int, theta: Tensor) -> tuple[float, Tensor]:
        """Of the batch's mean loss, from its samples' own."""
        ids = self._batches[step]
        batch = self._trainable.samples.take(ids.tolist())
        losses, total, own = self._trainable.model.summed_gradients(
            theta.detach(), batch, lambda rows: rows[:, self._index]
        )
        self.own[ids] = own.numpy()
        return float(losses.mean()), total / len(ids)
