"""After how many steps half of what training on a sample did is gone."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from reorder_core.analysis.cohorts import BINS, DRAWS, Excess, by_bin, drawn_again, since_edges

Array = NDArray[Any]


def half_lives(found: Excess, checkpoint: int, bins: int = BINS) -> pd.DataFrame:
    """One line a domain: half_life, lo, hi (steps, 90 % over orders), peak (nats), reached, told.

    Counted from where the effect is largest, since Adam's momentum spreads an
    update over the steps that follow it. Infinite where half is left at the
    longest time seen ("seen": steps after the peak that were looked at). `told`
    is False where the effect is not above 0 to begin with: nothing to forget.
    """
    place = found.checkpoints.tolist().index(checkpoint)
    since = checkpoint - 1 - found.step_of
    edges = since_edges(found.steps, checkpoint, bins)
    edges = edges[edges >= 0]
    middle = (edges[:-1] + edges[1:] - 1) / 2
    lines = []
    for index, domain in enumerate(found.domains):
        members = found.domain_of == index
        sums, counts = by_bin(found.of[:, place][:, members], since[:, members], edges)
        lines.append({"domain": domain, **_of_cells(sums, counts, middle)})
    return pd.DataFrame(lines)


def half_life(value: Array, at: Array, weight: Array | None = None) -> tuple[float, float, float]:
    """Half-life after the peak, the peak's height, and how long after it was looked.

    value (K,) at times `at` (K,), rising; from its peak on it is made to fall
    (isotonic regression), and read between times in straight lines. inf where
    it stays above half; nan where nothing is above 0.
    """
    known = np.isfinite(value)
    value, at = value[known], at[known]
    if not len(value) or value.max() <= 0:
        return float("nan"), float("nan"), float("nan")
    start = int(value.argmax())
    weights = None if weight is None else np.maximum(weight[known][start:], 1e-9)
    fit = isotonic_regression(value[start:], weights=weights, increasing=False).x
    after, peak = at[start:] - at[start], float(value[start])
    below = np.flatnonzero(fit <= peak / 2)
    if not len(below):
        return float("inf"), peak, float(after[-1])
    end = int(below[0])  # at least 1: the first is the peak itself, or the mean of a flat top
    if end == 0:
        return 0.0, peak, float(after[-1])
    share = (fit[end - 1] - peak / 2) / (fit[end - 1] - fit[end])
    return float(after[end - 1] + share * (after[end] - after[end - 1])), peak, float(after[-1])


def _of_cells(sums: Array, counts: Array, middle: Array) -> dict[str, Any]:
    """A domain's half-life from what each order (M, K) adds to bins of steps since."""
    if not counts.any():
        return {"half_life": np.nan, "lo": np.nan, "hi": np.nan, "peak": np.nan, "seen": np.nan,
                "told": False, "reached": False}  # fmt: skip
    with np.errstate(divide="ignore", invalid="ignore"):
        found, peak, seen = half_life(sums.sum(0) / counts.sum(0), middle, counts.sum(0))
        weights = drawn_again(len(sums), 0, DRAWS)
        again = (weights @ sums) / (weights @ counts)
    drawn = np.array([half_life(row, middle, counts.sum(0))[0] for row in again])
    top = int(np.nanargmax(sums.sum(0) / np.maximum(1, counts.sum(0))))
    told = bool(len(sums) > 1 and np.nanpercentile(again[:, top], 5) > 0)
    drawn = np.sort(drawn[~np.isnan(drawn)])
    ends = (np.nan, np.nan)
    if len(sums) > 1 and len(drawn) * 2 > DRAWS:
        ends = drawn[int(0.05 * len(drawn))], drawn[min(len(drawn) - 1, int(0.95 * len(drawn)))]
    return {"half_life": found, "lo": float(ends[0]), "hi": float(ends[1]), "peak": peak,
            "seen": seen, "told": told, "reached": bool(np.isfinite(found))}  # fmt: skip
