"""Every sample at the step that trains it: what an order changes of its loss, or all it learned."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ui.charts import marks
from ui.charts.bent import bend_of, bent, bent_axis
from ui.charts.template import Mode, Source, colour, escaped, layout
from ui.charts.timeline.plot import Array, Changes, Drawn, ends

HEIGHT, SIZE, SPREAD = 330, 6, 0.72
"""Pixels of the figure and of a dot; of a step's room, what its samples share."""
MANY = 1000
"""Samples from which dots are drawn with WebGL."""
LEAST = 0.02
"""The axis is at least so high, in nats per token: nothing then looks like much."""
NAMES = {"change": "change of final loss, nats/token", "learned": "memorization, nats/token"}
_HEADS = {"low": "low 90 %", "high": "high 90 %", "retrained": "retrained", "value": "change"}


@dataclass(frozen=True, slots=True)
class Shown:
    """What the height of a dot means."""

    measure: Literal["change", "learned"] = "change"
    """Final loss against the reference order; or memorization, loss before training minus after."""
    bent: bool = False
    """On an axis that is logarithmic away from zero."""


AS_OPENED = Shown()


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """(V,) each: the visits that the order trains."""

    visit: NDArray[np.integer]
    """As the board numbers its tiles."""
    sample: NDArray[np.integer]
    domain: NDArray[np.object_]
    slot: NDArray[np.integer]
    before: Array
    """Loss before training, nats per token."""
    reference: Array
    """Final loss in the reference order."""
    changed: Changes
    """Of the final loss, against `reference`."""


def memorization(
    tiles: Tiles,
    groups: Sequence[tuple[str, str, tuple[str, ...]]],
    steps: int,
    batch: int,
    mode: Mode,
    source: Source,
    shown: Shown = AS_OPENED,
) -> Drawn:
    """A trace a domain, then the real retrainings; groups: as `domain_groups` gives them.

    Whiskers are drawn where the interval leaves out zero. customdata begins with the visit.
    """
    changed = tiles.changed
    clear = ((changed.low > 0) | (changed.high < 0)) & (shown.measure == "change")
    gained = tiles.before - tiles.reference
    value, truth = (
        part if shown.measure == "change" else gained - part
        for part in (changed.value, changed.retrained)
    )
    low, high = (np.where(clear, end, np.nan) for end in (changed.low, changed.high))
    bottom, top = ends([value, low, high, truth, [0.0]], LEAST)
    bend = bend_of(value) if shown.bent else None
    place = (lambda part: part) if bend is None else (lambda part: bent(part, bend))
    value, low, high, truth = place(value), place(low), place(high), place(truth)
    across = tiles.slot // batch + 1 + _aside(tiles.slot, batch)
    points = _Points(tiles, across, value, low, high, truth)
    kind = "scattergl" if len(value) > MANY else "scatter"
    data = [
        _dots(name, shade, mode, points, np.isin(tiles.domain, names), len(names) > 1)
        | {"type": kind}
        for name, shade, names in groups
    ]
    missed = marks.outside(changed.retrained, changed.low, changed.high)
    for out, marker, name in ((False, marks.diamond(mode, SIZE + 1), marks.RETRAINED),
                              (True, marks.missed(mode, SIZE + 2), marks.MISSED)):  # fmt: skip
        chosen = np.isfinite(truth) & (missed == out)
        if chosen.any():
            data.append(points.trace(points.truth, chosen, name, marker) | {"type": "scatter"})
    every = max(1, round(steps / 8))
    y_axis: dict[str, Any] = (
        {"range": [bottom, top]} if bend is None else bent_axis(bottom, top, bend)
    )
    drawn = layout("memorization", "Memorization", mode, source, HEIGHT) | {
        "xaxis": {"range": [0.25, steps + 0.75], "title": {"text": "training step in this order"},
                  "tickvals": [1, *range(every, steps + 1, every)], "showgrid": False},
        "yaxis": y_axis | {"title": {"text": NAMES[shown.measure]}, "tickformat": "+~g",
                           "zeroline": True, "zerolinecolor": colour("axis", mode),
                           "uirevision": f"{shown.measure} {shown.bent}"},
    }  # fmt: skip
    return Drawn({"data": data, "layout": drawn}, lambda: _table(tiles, batch))


def _aside(slot: NDArray[np.integer], batch: int) -> Array:
    """Where in its step's room a dot lies."""
    return ((slot % batch) / max(1, batch - 1) - 0.5) * SPREAD


def _table(tiles: Tiles, batch: int) -> pd.DataFrame:
    numbers = {name: getattr(tiles.changed, key) for key, name in _HEADS.items()}
    return pd.DataFrame({
        "sample_id": tiles.visit, "sample": [f"sample {sample}" for sample in tiles.sample],
        "domain": tiles.domain, "step": tiles.slot // batch + 1, "loss before": tiles.before,
        "final loss": tiles.reference + tiles.changed.value,
    } | numbers)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Points:
    """Places of the dots, as they are drawn; nan where nothing is."""

    tiles: Tiles
    x: Array
    value: Array
    low: Array
    high: Array
    truth: Array

    def trace(self, height: Array, chosen: Any, name: str, marker: Any) -> dict[str, Any]:
        tiles, changed = self.tiles, self.tiles.changed
        after = tiles.reference + changed.value
        known = np.stack([tiles.visit, tiles.sample, changed.value, tiles.before - after,
                          tiles.before, after, changed.retrained], axis=1)  # fmt: skip
        real = np.isfinite(changed.retrained).any()
        told = {name: escaped(str(name)) for name in set(tiles.domain[chosen])}
        return {
            "x": self.x[chosen], "y": height[chosen], "mode": "markers", "name": name,
            "marker": marker, "customdata": known[chosen],
            "text": [told[name] for name in tiles.domain[chosen]],
            "hovertemplate": "<b>sample %{customdata[1]}</b>, %{text}<br>"
            + ("retrained %{customdata[6]:+.3f}<br>" if real else "")
            + "change of final loss %{customdata[2]:+.3f}<br>memorization %{customdata[3]:+.3f}: "
            "loss %{customdata[4]:.3f} before training, %{customdata[5]:.3f} after"
            "<extra></extra>",
        }  # fmt: skip


def _dots(
    name: str, shade: str, mode: Mode, points: _Points, chosen: Any, several: bool
) -> dict[str, Any]:
    low, high, value = (part[chosen] for part in (points.low, points.high, points.value))
    trace = points.trace(points.value, chosen, name, marks.dot(colour(shade, mode), mode, SIZE))
    whole = escaped(str(points.tiles.domain[chosen][0])) if chosen.any() else ""
    if not several:  # one word for all of them travels once
        del trace["text"]
        trace["meta"] = whole
        trace["hovertemplate"] = trace["hovertemplate"].replace("%{text}", "%{meta}")
    trace["error_y"] = {
        "type": "data", "symmetric": False, "width": 0, "thickness": 1.25,
        "color": colour(shade, mode, 0.6),
        "array": high - value,  # nan where there is none: one of length zero is drawn, too
        "arrayminus": value - low,
    }  # fmt: skip
    return trace
