"""90 % intervals from real retrainings that the estimate never saw.

An error is divided by the order's distance from the reference, so that the
interval closes at the reference order, and by the spread that the sample's
own errors show; the 90 % point of what is left, over all calibration orders,
is the width (split conformal prediction with a normalized score).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
LEVEL = 0.9
PRIOR = 4.0
"""How many orders' worth of pooled spread each sample's own spread is shrunk with."""


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Half widths per unit of distance; none where nothing was calibrated."""

    sample: Array | None = None
    """(N,)"""
    probe: Array | None = None
    """(D,)"""

    def around(
        self, sample_loss: Array, probe_loss: Array, distance: float
    ) -> tuple[Array | None, Array | None]:
        """(2, N) and (2, D) lower and upper ends around final losses."""
        return (
            _around(sample_loss, self.sample, distance),
            _around(probe_loss, self.probe, distance),
        )


def fit_intervals(sample_error: Array, probe_error: Array, distance: Array) -> Intervals:
    """Intervals from errors (C, N) and (C, D) of C retrainings at `distance` (C,) > 0."""
    return Intervals(_half_width(sample_error, distance), _half_width(probe_error, distance))


def _half_width(error: Array, distance: Array) -> Array:
    score = error / distance[:, None]
    total = np.square(score).sum(0)  # (M,)
    pooled, count = np.square(score).mean(), len(score)
    # Each order is judged by a spread from the others: its own error would flatter it.
    others = np.sqrt((total - np.square(score) + PRIOR * pooled) / (count - 1 + PRIOR))
    rank = min(1.0, LEVEL * (1 + 1 / score.size))
    reach = np.quantile(np.abs(score) / others, rank)
    spread = np.sqrt((total + PRIOR * pooled) / (count + PRIOR))
    return (reach * spread).astype(np.float32)


def _around(loss: Array, half_width: Array | None, distance: float) -> Array | None:
    if half_width is None:
        return None
    return np.stack([loss - half_width * distance, loss + half_width * distance])
