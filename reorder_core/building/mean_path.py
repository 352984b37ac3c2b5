"""A second centre to expand around: the mean of the designed retrainings, measured as they train.

Half of what sets two orders apart is what sets the reference run apart from
all of them, so random orders lie nearer to the mean of some retrainings than
to it. And a retraining measures more than its last losses: each sample's
gradient is taken before the sample was seen, on a path that another order may
well take, at as many different steps as there are retrainings. Interpolated
over steps they are the gradients about the mean path, for nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from reorder_core.config import RunConfig
from reorder_core.orders.order import Order
from reorder_core.orders.visits import Visits
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
    times: Array | None
    """(N,) how often these trained each sample, on average; None where all of them did once."""

    def arrays(self) -> dict[str, Array]:
        """As they are kept."""
        found = {"gradients": self.gradients, "end": self.end}
        return found if self.times is None else found | {"times": self.times}


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What one designed retraining told."""

    own: Array
    """(T, b, s) gradients of the samples of each step, before its update."""
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

    def __init__(
        self, config: RunConfig, visits: Visits, at_start: Array, spread: int,
        own: Array | None = None,
    ) -> None:  # fmt: skip
        """`at_start` (N, s) are the gradients at θ_0; the first `spread` orders set the centre.

        `own` (N, s): what a visit does to its sample's gradient, in a run with visits.
        """
        self._at_start, self._spread, self._visits = at_start, spread, visits
        self._own, self._times = own, np.zeros(len(at_start))
        self._told, self._ends = 0, 0
        anchors = anchor_steps(config.training.steps, config.projection.anchors)
        self._weights = between_anchors(anchors, config.training.steps)  # (T, K)
        self._sums = np.zeros((len(anchors) - 1, *at_start.shape), np.float32)
        self._grams = np.zeros((len(at_start), len(anchors), len(anchors)))
        self._end = np.zeros(0)

    def add(self, number: int, order: Order, told: Told) -> None:
        """Take in the retraining of that number."""
        if not told.is_finite:
            return
        for met in _visited(self._visits, order, told.own):
            at = self._weights[met.step]  # (N', K)
            own = met.gradient
            if self._own is not None:  # as if unseen: what earlier visits left is taken off
                own = own - met.before[:, None] * self._own[met.samples]
            for knot in range(1, at.shape[1]):
                near = np.flatnonzero(at[:, knot])
                weight = at[near, knot, None].astype(np.float32)
                self._sums[knot - 1, met.samples[near]] += weight * own[near]
            self._grams[met.samples] += at[:, :, None] * at[:, None, :]
        self._told += 1
        if number < self._spread:
            theta = told.theta.astype(np.float64)
            self._end = self._end + theta if self._ends else theta
            self._times += self._visits.times(order[None])[0]
            self._ends += 1

    def measured(self) -> MeanPath | None:
        """What they told together; None where too few ended."""
        if self._told < FEWEST or not self._ends:
            return None
        gradients = fitted_gradients(self._grams, self._sums, self._at_start)
        times = None if self._own is None else self._times / self._ends
        return MeanPath(gradients, (self._end / self._ends).astype(np.float32), times)


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


@dataclass(frozen=True, slots=True, eq=False)
class _Visited:
    """Samples that a retraining has trained as often before, and met again."""

    samples: NDArray[np.integer]
    """(N',), each once."""
    step: NDArray[np.integer]
    """(N',)"""
    before: Array
    """(N',) how often they had been trained."""
    gradient: Array
    """(N', s)"""


class _Path:
    """One retraining's own gradients."""

    def __init__(self, trainable: Trainable, index: Tensor, order: Order) -> None:
        self._trainable, self._index = trainable, index
        self._batches = trainable.visits.batches(order)
        self.own = np.empty((*self._batches.shape, len(index)), np.float32)
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
        self.own[step] = own.numpy()
        return float(losses.mean()), total / len(ids)


def _visited(visits: Visits, order: Order, own: Array) -> Iterator[_Visited]:
    """First visits, second ones … of an order, with own gradients (T, b, s)."""
    batches, before = visits.batches(order), visits.seen_before(order)
    step, place = np.indices(batches.shape)
    turn = _turns(batches)
    for number in range(int(turn.max()) + 1):
        at = np.flatnonzero(turn.ravel() == number)
        at = at[np.argsort(batches.ravel()[at])]
        steps, places = step.ravel()[at], place.ravel()[at]
        yield _Visited(
            batches[steps, places], steps,
            before[steps, places].astype(np.float32), own[steps, places],
        )  # fmt: skip


def _turns(batches: NDArray[np.integer]) -> NDArray[np.integer]:
    """(T, b) the number of the visit of a sample, from 0; within a step one after the other."""
    found, done = np.zeros_like(batches), np.zeros(int(batches.max()) + 1, int)
    for step, batch in enumerate(batches):
        for place, sample in enumerate(batch):
            found[step, place] = done[sample]
            done[sample] += 1
    return found
