"""What retrainings tell of the errors of estimates: one process for the mean, one for the width.

The second is the first but for coherent orders: few retrainings tell of them, and what makes
the best correction (much is alike among coherent orders) makes too narrow an interval (each
errs in its own way). Near the reference the first process's width counts as well.
"""

import numpy as np
from numpy.typing import NDArray

from reorder_core.estimators.learning.alike import (
    Alikeness,
    Covariances,
    Described,
    apart,
    wider,
)
from reorder_core.estimators.learning.gaussian import Posterior, condition
from reorder_core.estimators.replay.error_law import Z90
from reorder_core.estimators.replay.exchange import NEAR

Array = NDArray[np.floating]
Target = tuple[Array, Array]
"""Mean and standard deviation."""
EXCESSES, EXCESSES_PROBES = (2.0, 1.0, 0.5), (2.0, 1.0, 0.5, 4.0)
"""Sizes of what coherent orders err beyond the rest; the first where no retraining tells."""
WIDE_SAMPLES, WIDE_PROBES = (4.0, 2.0, 8.0), (12.0, 6.0, 24.0)
"""The width's own sizes of it; errors stop growing with coherence, at these times the distance."""
TELLING = 32
"""Samples whose losses choose the size: more would cost time and say the same."""


class ErrorProcess:
    """Errors of N samples' and D probes' values under any order, from those under M orders."""

    def __init__(self, alike: Alikeness, units: tuple[Array, Array]) -> None:
        """`units` (N,) and (D,): what a value errs by where an order moves it by the length 1."""
        self._alike, self._units = alike, units
        self.learned: tuple[Posterior, Posterior] | None = None
        self.reach = (Z90, Z90)
        """Standard deviations to either side that hold 90 %, of samples and of probes."""
        self.excess: tuple[float, float] = EXCESSES[0], EXCESSES_PROBES[0]
        self.wide: tuple[float, ...] = WIDE_SAMPLES[0], WIDE_PROBES[0]

    def learn(
        self,
        seen: Described,
        known: Covariances,
        sample_error: Array,
        probe_error: Array,
        excess: float,
    ) -> None:
        """From errors (N, M) and (D, M) in units; `excess` is `best_excess` of the samples'."""
        own, pooled, inner = known.own, known.pooled, known.inner
        some = telling(sample_error)
        self._seen = seen
        self.excess = (
            excess,
            max(
                EXCESSES_PROBES,
                key=lambda size: _likelihood(pooled + apart(seen, seen, inner, size), probe_error),
            ),
        )
        self.learned = (
            condition(own + apart(seen, seen, inner, excess), 0.0, sample_error),
            condition(pooled + apart(seen, seen, inner, self.excess[1]), 0.0, probe_error),
        )
        self.wide = tuple(
            max(sizes, key=lambda size: _likelihood(alike + wider(seen, seen, inner, size), error))
            for sizes, alike, error in (
                (WIDE_SAMPLES, own[some], sample_error[some]), (WIDE_PROBES, pooled, probe_error),
            )
        )  # fmt: skip
        self.width = (
            condition(own + wider(seen, seen, inner, self.wide[0]), 0.0, sample_error),
            condition(pooled + wider(seen, seen, inner, self.wide[1]), 0.0, probe_error),
        )
        self.reach = self.width[0].reach(0.9), self.width[1].reach(0.9)

    def errors(self, seen: Described, sign: Array) -> tuple[Target, Target]:
        """What to add to Σ sign · value of a few orders, samples and probes, and what is uncertain.

        sign (A,): 1 for an order's own values, 1 and −1 for a difference.
        """
        found = self._alike.between(seen, seen)
        own, pooled, inner = found.own, found.pooled, found.inner
        narrow = [
            _variance(alike + apart(seen, seen, inner, size), sign)
            for alike, size in zip((own, pooled), self.excess, strict=True)
        ]
        wide = [
            _variance(alike + wider(seen, seen, inner, size), sign)
            for alike, size in zip((own, pooled), self.wide, strict=True)
        ]
        if self.learned is None:
            zeros = [np.zeros_like(unit) for unit in self._units]
            sample, probe = (np.sqrt(v) * u for v, u in zip(wide, self._units, strict=True))
            return (zeros[0], sample), (zeros[1], probe)
        found = self._alike.between(seen, self._seen)
        inner = found.inner
        # What was learned far away says little of how far a move's estimate may be off.
        near = np.exp(-np.square(seen.distance.max() / NEAR))
        sample, probe = (
            self._target(
                side, sign,
                (alike + apart(seen, self._seen, inner, self.excess[side]),
                 alike + wider(seen, self._seen, inner, self.wide[side])),
                (narrow[side], wide[side]), near,
            )
            for side, alike in enumerate((found.own, found.pooled))
        )  # fmt: skip
        return sample, probe

    def _target(
        self,
        side: int,
        sign: Array,
        crosses: tuple[Array, Array],
        variances: tuple[Array, Array],
        near: float,
    ) -> Target:
        """Samples (side 0) or probes: the mean of the first process, the width of the second;
        near the reference at least `near` of the first one's."""
        assert self.learned is not None
        first, second = (np.einsum("a,zam->zm", sign, cross) for cross in crosses)
        mean, sd = self.learned[side].predict(first, variances[0])
        wide = self.width[side].predict(second, variances[1])[1]
        return mean * self._units[side], np.maximum(wide, near * sd) * self._units[side]


def telling(error: Array) -> slice:
    """Which of the targets (N, M) choose sizes."""
    return slice(None, None, -(-len(error) // TELLING))


def best_excess(seen: Described, known: Covariances, sample_error: Array) -> float:
    """The size that makes the samples' errors (N, M) most likely."""
    some = telling(sample_error)
    return max(
        EXCESSES,
        key=lambda size: _likelihood(
            known.own[some] + apart(seen, seen, known.inner, size), sample_error[some]
        ),
    )


def _variance(covariance: Array, sign: Array) -> Array:
    """(Z,) of Σ sign · error, from (Z, A, A)."""
    return np.maximum(np.einsum("a,zab,b->z", sign, covariance, sign), 0)


def _likelihood(covariance: Array, errors: Array) -> float:
    """Log likelihood of errors (Z, M) of the retrainings."""
    return condition(covariance, 0.0, errors).log_likelihood
