"""Axes that are even around zero and logarithmic beyond: plotly has none, so data are bent.

`bend` is where they turn: values far below it are drawn true to scale.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ui.charts.template import signed

_ROUND = [0.0] + [s * m * 10.0**p for p in range(-4, 4) for m in (1, 2.5, 5) for s in (1, -1)]


def bent(values: ArrayLike, bend: float) -> NDArray[np.float64]:
    """Where the values lie on a bent axis; of the same shape."""
    return np.arcsinh(np.asarray(values, dtype=np.float64) / bend)


def bend_of(values: ArrayLike) -> float:
    """Where to bend: twice the usual size, to one digit; 1 where all are 0."""
    sizes = np.abs(np.asarray(values, dtype=np.float64).ravel())
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    return float(f"{2 * np.median(sizes):.0e}") if len(sizes) else 1.0


def bent_axis(low: float, high: float, bend: float, most: int = 9) -> dict[str, Any]:
    """Range and written ticks of an axis whose data are `bent`; for `update_xaxes`.

    Ticks are round values, zero first, then from the ends inwards while there
    is room: at most about `most`.
    """
    ends = bent([low, high], bend)
    apart = (ends[1] - ends[0]) / most
    inside = [v for v in _ROUND if low <= v <= high]
    kept: list[float] = []
    for value in sorted(inside, key=lambda v: (v != 0, -abs(v))):
        if all(abs(bent(value, bend) - bent(other, bend)) >= apart for other in kept):
            kept.append(value)
    kept.sort()
    return {
        "range": ends.tolist(),
        "tickvals": bent(kept, bend).tolist(),
        "ticktext": plain(kept),
    }


def log_ticks() -> dict[str, Any]:
    """Written ticks 1, 2, 5 of each decade of a logarithmic axis, which would say 10⁻², 2, 5."""
    values = [round(m * 10.0**p, -p) for p in range(-6, 4) for m in (1, 2, 5)]
    return {
        "tickvals": values,
        "ticktext": [np.format_float_positional(v, trim="-") for v in values],
    }


def plain(values: Sequence[float]) -> list[str]:
    """Signed, with as many digits as each needs."""
    return [signed(v, len(f"{abs(v):.6f}".rstrip("0").partition(".")[2])) for v in values]
