"""A figure for the browser: plain dicts of traces and layout, colours by their names.

`plotly.graph_objects` check every property, which takes half a second for four
figures; a drop takes a fifth of one. The theme is the browser's, so colours are
written by name (mode "named") and filled in there.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.floating]
Plot = dict[str, Any]
"""{"data": traces, "layout": layout}"""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure, and the numbers it draws."""

    plot: Plot
    table: Callable[[], pd.DataFrame]
    """One row a thing, for whoever reads it by keyboard or takes it away."""


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """(N,) each, in nats per token against some base; nan where there is none."""

    value: Array
    low: Array
    high: Array
    retrained: Array

    def of(self, rows: NDArray[np.integer]) -> "Changes":
        """Of these alone."""
        return Changes(self.value[rows], self.low[rows], self.high[rows], self.retrained[rows])


def changes(base: Array, value: ArrayLike, interval: Any = None, retrained: Any = None) -> Changes:
    """Final losses, (2, N) ends of their intervals and real ones, all minus `base`."""
    nothing = np.full(len(base), np.nan)
    low, high = (nothing, nothing) if interval is None else (end - base for end in interval)
    truth = nothing if retrained is None else retrained - base
    return Changes(np.asarray(value) - base, low, high, truth)


def ends(values: list[ArrayLike], least: float) -> list[float]:
    """A range around all that is known of `values`, with a margin; at least `least` wide."""
    known = np.concatenate([np.ravel(np.asarray(part, dtype=np.float64)) for part in values])
    low, high = float(np.nanmin(known)), float(np.nanmax(known))
    room = max(0.0, least - (high - low)) / 2
    margin = 0.08 * (high - low + 2 * room)
    return [low - room - margin, high + room + margin]


def written(plot: Plot) -> str:
    """The figure as JSON that plotly.js reads: arrays as base64 of float32 or int32."""
    return json.dumps(plot, default=_packed, separators=(",", ":"))


def _packed(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if value.dtype.kind in "OU":
        return value.tolist()
    kind = "f4" if value.dtype.kind == "f" else "i4"
    packed = np.ascontiguousarray(value, dtype=f"<{kind}")
    shape = {"shape": ",".join(map(str, value.shape))} if value.ndim > 1 else {}
    return {"dtype": kind, "bdata": base64.b64encode(packed.tobytes()).decode()} | shape
