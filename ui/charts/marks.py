"""The marks that mean the same in every figure, as plotly properties.

A dot is an estimate; the thick bar through it its interval; a hollow diamond a
real retraining, filled where the interval leaves it out; hatching lies where
no retraining has yet shown how far to trust.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from ui.charts.template import Mode, colour

INTERVAL, RETRAINED, MISSED, BEYOND = (
    "90 % interval",
    "retrained",
    "retrained, outside its interval",
    "beyond what retraining has shown",
)


def dot(shade: Any, mode: Mode, size: float = 10) -> dict[str, Any]:
    """The marker of an estimate."""
    edge = {"color": colour("panel", mode), "width": 1}
    return {"symbol": "circle", "size": size, "color": shade, "line": edge, "opacity": 1}


def diamond(mode: Mode, size: float = 10) -> dict[str, Any]:
    """The marker of a real retraining."""
    return {
        "symbol": "diamond",
        "size": size,
        "color": colour("panel", mode),
        "line": {"color": colour("truth", mode), "width": 2},
    }


def missed(mode: Mode, size: float = 11) -> dict[str, Any]:
    """The marker of a real retraining that its interval leaves out: filled, with an edge."""
    return diamond(mode, size) | {"color": colour("domain-5", mode)}


def outside(retrained: ArrayLike, lo: ArrayLike, hi: ArrayLike) -> NDArray[np.bool_]:
    """Whether the interval leaves the retrained value out; False where either is unknown."""
    value, low, high = (np.asarray(v, dtype=np.float64) for v in (retrained, lo, hi))
    return (value < low) | (value > high)  # nan compares False


def bars(
    lo: ArrayLike, hi: ArrayLike, at: ArrayLike, shade: str, width: float = 6
) -> dict[str, Any]:
    """A line trace of horizontal bars from `lo` to `hi` at heights `at`; unknown ends draw none."""
    low, high, y = (np.asarray(v, dtype=np.float64) for v in (lo, hi, at))
    gap = np.full_like(low, np.nan)
    return {
        "x": np.stack([low, high, gap], axis=1).ravel(),
        "y": np.stack([y, y, gap], axis=1).ravel(),
        "mode": "lines",
        "line": {"color": shade, "width": width},
        "hoverinfo": "skip",
    }


def key(name: str, marker: dict[str, Any], group: str = "") -> go.Scatter:
    """A legend entry for a mark that is drawn in several colours."""
    return go.Scatter(
        x=[None], y=[None], mode="markers", name=name, marker=marker,
        legendgroup=group or name, hoverinfo="skip",
    )  # fmt: skip


def key_bar(mode: Mode, name: str = INTERVAL) -> dict[str, Any]:
    """The legend entry of intervals, a line trace."""
    line = {"color": colour("reference", mode, 0.6), "width": 6}
    return {
        "type": "scatter", "x": [None], "y": [None], "mode": "lines", "name": name, "line": line,
        "legendgroup": name, "hoverinfo": "skip",
    }  # fmt: skip


def hatched(x: Sequence[float], y: Sequence[float], mode: Mode, name: str = BEYOND) -> go.Scatter:
    """A hatched rectangle over the ranges `x` and `y`: outside trust."""
    (left, right), (low, high) = x, y
    return go.Scatter(
        x=[left, right, right, left, left], y=[low, low, high, high, low],
        mode="lines", line={"width": 0}, fill="toself", hoverinfo="skip", name=name,
        fillcolor="rgba(0,0,0,0)",
        fillpattern={"shape": "/", "size": 7, "solidity": 0.18, "fillmode": "overlay",
                     "fgcolor": colour("reference", mode)},
    )  # fmt: skip
