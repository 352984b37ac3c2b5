"""Which of many effects are told from zero, when all of them are looked at at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Array = NDArray[Any]
RATE = 0.05
"""Share of false ones that is expected among those called told from zero."""


def p_values(value: Array, sd: Array) -> Array:
    """Two-sided p of each effect against zero, its error being normal; nan where either is unknown.

    Where nothing can err (`sd` 0) the p is 1 for a zero and 0 for all else.
    """
    value, sd = np.broadcast_arrays(np.asarray(value, np.float64), np.asarray(sd, np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(value == 0, 0.0, np.abs(value) / sd)
    known = np.isfinite(value) & np.isfinite(sd)
    return np.where(known, 2 * norm.sf(z), np.nan)


def discoveries(p: Array, rate: float = RATE) -> Array:
    """Whether each p is small enough, by Benjamini and Hochberg's (1995) step-up rule.

    Of any shape; all finite ones are one family, nan is never a discovery.
    """
    p = np.asarray(p, np.float64)
    known = np.sort(p[np.isfinite(p)])
    passing = known <= rate * np.arange(1, len(known) + 1) / max(1, len(known))
    if not passing.any():
        return np.zeros(p.shape, dtype=bool)
    return p <= known[np.flatnonzero(passing)[-1]]


def told_apart(value: Array, sd: Array, rate: float = RATE) -> Array:
    """Whether each effect is told from zero, all cells of the array being one family."""
    return discoveries(p_values(value, sd), rate)
