"""How alike two orders are in what an estimate of them gets wrong: covariances over orders.

Of orders' displacements, of the steps that train each sample, and of the estimated changes
themselves; see `hybrid` for why these.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from reorder_core.estimators.learning.gaussian import step_covariance
from reorder_core.estimators.replay.error_law import POWER
from reorder_core.store.run import Run

Array = NDArray[np.floating]
OWN, OTHERS = 0.04, 0.1
"""Variances of the effects of the own step and of all samples' steps, relative to ⟨δ, δ'⟩."""
SLOPE = 0.12
"""Standard deviation of the part by which a sample's effects are off throughout."""
MOST = 5.0
"""Where what coherent orders err stops growing with coherence. A training without a memory of
Adam's has orders of coherence 10; one growing on let the correction of a milder order be
magnified for these."""
RANGE = 0.5
"""Distance within which that is alike."""
WIDE_RANGE, SOON = 0.2, 2.5
"""Distance within which the width's own is alike; how soon with coherence it is all there."""
SCALE = 2.0
"""Log of the ratio of distances over which errors are alike: far runs tell less of moves."""
LENGTH = 0.3
"""Steps over which effects of a step are alike, as a share of the training."""


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """What covariances between B orders are made of."""

    delta: Array
    """(B, s) γ_T − θ_T."""
    distance: Array
    """(B,) its length."""
    coherence: Array
    """(B,)"""
    step: NDArray[Any]
    """(B, N) the step that trains each sample; of a run with visits (B, N, T + 1), how often each
    step does, less the reference order's, the bench last."""
    sample: Array
    """(B, N) the prior's changes of the samples' values, in their error units."""
    probe: Array
    """(B, D) and of the probes'."""

    def row(self, row: int) -> "Described":
        """One of its orders alone."""
        return Described(*(getattr(self, name)[row : row + 1] for name in Described.__slots__))


@dataclass(frozen=True, slots=True, eq=False)
class Covariances:
    """Between A and B orders, of whatever coherence."""

    own: Array
    """(N, A, B) of the samples' errors, 0 at the reference."""
    pooled: Array
    """(D, A, B) of the probes'."""
    inner: Array
    """(A, B) the displacements' inner products."""


class Metric(Protocol):
    """Lengths of displacements δ, as the replay's estimator has them."""

    def distance(self, delta: Array) -> Array: ...

    def similarity(self, a: Array, b: Array) -> Array: ...


class Alikeness:
    """Covariances between a run's orders."""

    def __init__(self, run: Run, metric: Metric) -> None:
        self._run, self._metric = run, metric
        self.covariance = step_covariance(run.steps, LENGTH)
        reference = run.reference_order[None]
        self._origin = run.visits.steps_of(reference)[0]
        self._at_reference = None if run.visits.is_plain else run.visits.visits_at(reference)
        if self._at_reference is not None:  # the bench is like no step
            self.covariance = np.pad(self.covariance, (0, 1))
            self.covariance[-1, -1] = 1.0

    def describe(
        self,
        orders: NDArray[np.int32],
        deltas: Array,
        changes: tuple[Array, Array],
        coherence: Sequence[float],
    ) -> Described:
        """B orders with their displacements (B, s) and their changes (B, N), (B, D) in units."""
        deltas = deltas.astype(np.float64)  # differences of neighbours cancel many digits
        return Described(
            deltas, self._metric.distance(deltas), np.array(coherence), self._steps(orders),
            *changes,
        )  # fmt: skip

    def between(self, a: Described, b: Described) -> Covariances:
        """What does not depend on coherence."""
        moved = self._moved(a, b)
        inner = self._metric.similarity(a.delta, b.delta)
        near = as_far(a.distance, b.distance)
        alike = inner + OTHERS * moved.mean(2)
        own = alike + OWN * moved.transpose(2, 0, 1)
        return Covariances(
            near * (own + SLOPE**2 * np.einsum("am,bm->mab", a.sample, b.sample)),
            near * (alike + SLOPE**2 * np.einsum("am,bm->mab", a.probe, b.probe)),
            inner,
        )

    def _steps(self, orders: NDArray[np.int32]) -> NDArray[Any]:
        if self._at_reference is None:
            return self._run.visits.steps_of(orders)
        return self._run.visits.visits_at(orders) - self._at_reference

    def _moved(self, a: Described, b: Described) -> Array:
        """(A, B, N) covariance of the effects of each sample's own steps, 0 at the reference."""
        steps, origin = self.covariance, self._origin
        if self._at_reference is not None:
            return np.einsum("anp,bnp->abn", a.step @ steps, b.step, optimize=True)
        return (
            steps[a.step[:, None], b.step[None]] - steps[a.step, origin][:, None]
            - steps[origin, b.step][None] + steps[origin, origin]
        )  # fmt: skip


def apart(a: Described, b: Described, inner: Array, size: float) -> Array:
    """(A, B) covariance of what displacement does not explain of coherent orders' errors.

    Only a coherent order close by tells of it: half the reference run's length away.
    """
    excess = [np.clip(x.coherence**POWER - 1, 0, MOST) for x in (a, b)]
    sizes = np.outer(a.distance * excess[0], b.distance * excess[1])
    return size**2 * sizes * _close(a, b, inner, RANGE)


def wider(a: Described, b: Described, inner: Array, size: float) -> Array:
    """(A, B) covariance of coherent orders' errors beyond the rest, as the width has it."""
    excess = [x.distance * (1 - np.exp(-SOON * np.maximum(x.coherence - 1, 0))) for x in (a, b)]
    return size**2 * np.outer(*excess) * _close(a, b, inner, WIDE_RANGE)


def as_far(a: Array, b: Array) -> Array:
    """(A, B) 1 for orders equally far from the reference, less the further apart the scales."""
    logs = [np.log(np.maximum(distance, 1e-9)) for distance in (a, b)]
    return np.exp(-np.square(np.subtract.outer(*logs)) / (2 * SCALE**2))


def _close(a: Described, b: Described, inner: Array, within: float) -> Array:
    """(A, B) 1 for the same displacement, 0 for ones much further apart than `within`."""
    gap = np.add.outer(np.square(a.distance), np.square(b.distance)) - 2 * inner
    return np.exp(-np.maximum(gap, 0) / (2 * within**2))
