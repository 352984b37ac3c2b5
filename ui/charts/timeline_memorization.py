"""Every sample at the step that trains it: what an order changes of its loss, or all it learned."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from ui.charts import marks
from ui.charts.bent import bend_of, bent, bent_axis
from ui.charts.template import Mode, Source, blank, colour, domain_groups, escaped, signed

Array = NDArray[np.floating]
HEIGHT, SIZE, SPREAD = 330, 6, 0.72
"""Pixels of the figure and of a dot; of a step's room, what its samples share."""
MANY = 1000
"""Samples from which dots are drawn with WebGL."""
LEAST = 0.02
"""The axis is at least so high, in nats per token: nothing then looks like much."""
NAMES = {"change": "change of final loss, nats/token", "learned": "memorization, nats/token"}


@dataclass(frozen=True, slots=True)
class Shown:
    """What the height of a dot means."""

    measure: Literal["change", "learned"] = "change"
    """Final loss against the reference order; or memorization, loss before training minus after."""
    bent: bool = False
    """On an axis that is logarithmic away from zero."""


AS_OPENED = Shown()


def memorization(
    frame: pd.DataFrame,
    steps: int,
    batch: int,
    mode: Mode,
    source: Source,
    shown: Shown = AS_OPENED,
) -> go.Figure:
    """A figure of `results_table`'s samples: a trace a domain, then the real retrainings.

    Whiskers are drawn where the interval leaves out zero. customdata is the sample's id.
    """
    rows = pd.DataFrame(frame[frame.kind == "sample"]).astype({"step": float, "place": float})
    sign, base = (1, rows.reference) if shown.measure == "change" else (-1, rows.before)
    ends = [sign * (rows[key] - base) for key in ("low_90", "high_90")][::sign]
    low, high = (end.to_numpy(float) for end in ends)
    value, truth = (
        (sign * (rows[key] - base)).to_numpy(float) for key in ("estimate", "retrained")
    )
    clear = ((low > 0) | (high < 0)) & (shown.measure == "change")
    drawn = _Drawn(value, np.where(clear, low, np.nan), np.where(clear, high, np.nan), truth)
    bend = bend_of(value) if shown.bent else None
    figure = blank("memorization", "Memorization", mode, source, HEIGHT)
    at = rows.step + ((rows.place - 1) / max(1, batch - 1) - 0.5) * SPREAD
    known = {"x": at.to_numpy(), "customdata": rows.sample_id.to_numpy(int), "words": words(rows)}
    for name, shade, names in domain_groups(rows.domain):
        chosen = rows.domain.isin(names).to_numpy()
        figure.add_trace(_dots(name, shade, mode, known, drawn, chosen, bend))
    missed = marks.outside(rows.retrained, rows.low_90, rows.high_90)
    for out, marker, name in ((False, marks.diamond(mode, SIZE + 1), marks.RETRAINED),
                              (True, marks.missed(mode, SIZE + 2), marks.MISSED)):  # fmt: skip
        chosen = np.isfinite(truth) & (missed == out)
        if chosen.any():
            trace = _points(known, truth, chosen, bend)
            figure.add_trace(go.Scatter(trace, name=escaped(name), marker=marker))
    every = max(1, round(steps / 8))
    figure.update_xaxes(range=[0.25, steps + 0.75], title_text="training step in this order",
                        tickvals=[1, *range(every, steps + 1, every)], showgrid=False)  # fmt: skip
    figure.update_yaxes(title_text=NAMES[shown.measure], tickformat="+~g", zeroline=True,
                        zerolinecolor=colour("axis", mode), **_ends(drawn, bend))  # fmt: skip
    return figure


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Heights, in nats per token; nan where nothing is drawn."""

    value: Array
    low: Array
    high: Array
    truth: Array


def _points(known: dict[str, Array], height: Array, chosen: Any, bend: float | None) -> Any:
    return {
        "x": known["x"][chosen],
        "y": height[chosen] if bend is None else bent(height[chosen], bend),
        "mode": "markers",
        "customdata": known["customdata"][chosen],
        "hovertext": known["words"][chosen],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _dots(
    name: str, shade: str, mode: Mode, known: Any, drawn: _Drawn, chosen: Any, bend: float | None
) -> go.Scatter | go.Scattergl:
    trace = _points(known, drawn.value, chosen, bend)
    low, high = (end[chosen] if bend is None else bent(end[chosen], bend)
                 for end in (drawn.low, drawn.high))  # fmt: skip
    trace |= {
        "name": name,
        "marker": marks.dot(colour(shade, mode), mode, SIZE),
        "error_y": {
            "type": "data", "symmetric": False, "width": 0, "thickness": 1.25,
            "color": colour(shade, mode, 0.6),
            "array": high - trace["y"],  # nan where there is none: one of length zero is drawn, too
            "arrayminus": trace["y"] - low,
        },
    }  # fmt: skip
    return (go.Scattergl if len(drawn.value) > MANY else go.Scatter)(trace)


def _ends(drawn: _Drawn, bend: float | None) -> dict[str, Any]:
    """The range that holds everything drawn and zero, with a margin; its ticks where bent."""
    known = np.concatenate([drawn.value, drawn.low, drawn.high, drawn.truth, [0.0]])
    low, high = np.nanmin(known), np.nanmax(known)
    room = max(0.0, LEAST - (high - low)) / 2
    margin = 0.08 * (high - low + 2 * room)
    low, high = float(low - room - margin), float(high + room + margin)
    return {"range": [low, high]} if bend is None else bent_axis(low, high, bend)


def words(rows: pd.DataFrame) -> NDArray[np.object_]:
    """(N,) what the pointer is told of each sample."""
    found = []
    for row in rows.to_dict("records"):
        change = signed(row["estimate"] - row["reference"])
        learned = row["before"] - row["estimate"]
        lines = [
            f"<b>sample {row['sample_id']}</b>, {escaped(row['domain'])}",
            f"change of final loss {change}",
            f"memorization {signed(learned)}: loss {row['before']:.3f} before training, "
            f"{row['estimate']:.3f} after",
        ]
        if row["retrained"] == row["retrained"]:
            lines.insert(1, f"retrained {signed(row['retrained'] - row['reference'])}")
        found.append("<br>".join(lines))
    return np.array(found, dtype=object)
