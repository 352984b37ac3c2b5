"""Exposure of a secret: how far up it stands among all secrets of its form.

Carlini et al. (2019), *The Secret Sharer*: log2 |R| − log2 rank, the rank being that of the
planted secret's loss among those of all |R| secrets of the form. |R| is too many to look at, so
the losses of some drawn ones are taken, and the rank is read off a skew-normal law fitted to
them (their section 4.3): exposure = −log2 P(an alternative has a loss as low).
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import kstest, skewnorm

Array = NDArray[np.float64]


def fitted(losses: ArrayLike) -> Array:
    """(4,) shape, location and scale of the law, by maximum likelihood, and the test's p-value.

    losses (M,), those that are finite count; nan where they do not differ.
    """
    known = np.asarray(losses, np.float64)
    known = known[np.isfinite(known)]
    if len(known) < 8 or np.ptp(known) == 0:
        return np.full(4, np.nan)
    middle, size = known.mean(), known.std()
    shape, at, scale = skewnorm.fit((known - middle) / size)
    at, scale = middle + size * at, size * scale
    return np.array([shape, at, scale, kstest(known, skewnorm(shape, at, scale).cdf).pvalue])


def exposure(loss: ArrayLike, fit: Array, space: float) -> Any:
    """Bits; between 0 and `space` = log2 |R|. loss (…), fit (4,) as `fitted` gives it."""
    if not np.isfinite(fit[:3]).all():
        return np.full(np.shape(loss), np.nan)[()]
    with np.errstate(divide="ignore"):
        bits = -skewnorm.logcdf(np.asarray(loss, np.float64), *fit[:3]) / np.log(2)
    return np.where(np.isfinite(loss), np.clip(np.nan_to_num(bits, posinf=space), 0, space),
                    np.nan)[()]  # fmt: skip


def exposure_by_rank(loss: float, losses: ArrayLike) -> float:
    """Bits, by counting among drawn alternatives; at most log2 (M + 1)."""
    known = np.asarray(losses, np.float64)
    return float(np.log2(len(known) + 1) - np.log2(1 + (known <= loss).sum()))


def moved(loss: ArrayLike, mean: ArrayLike, spread: ArrayLike, losses: ArrayLike) -> Any:
    """Where a loss would stand among `losses` (M,), were their mean and spread other ones.

    For a law that keeps its shape: an estimated order's loss against its alternatives' estimated
    mean and standard deviation, on the scale of the reference run's.
    """
    known = np.asarray(losses, np.float64)
    score = (np.asarray(loss) - np.asarray(mean)) / np.asarray(spread)
    return known.mean() + known.std() * score
