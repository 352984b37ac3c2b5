"""Error of estimates against what they say of themselves: one point an order."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ui.charts import marks
from ui.charts.points import FAMILY_COLOURS
from ui.charts.template import Mode, Source, blank, colour, escaped

AXES = {
    "distance": "distance of the estimated weights from the reference run’s",
    "expected": "error that the estimate expects of itself, nats/token",
}


def trust(
    frame: pd.DataFrame, axis: str, *, focus: str | None, mode: Mode, source: Source
) -> go.Figure:
    """Mean absolute error over AXES[axis], in nats per token.

    `frame` has a row an order: "family", "hash", "error", "change" (real, mean
    absolute), "distance", "expected"; a point's customdata is its row. Hatched:
    farther than any order that was retrained.
    """
    x, error = (np.asarray(frame[key], np.float64) for key in (axis, "error"))
    good = np.isfinite(x) & np.isfinite(error)
    last, high = (float(v[good].max()) if good.any() else 1.0 for v in (x, error))
    right, top = 1.12 * max(last, 1e-6), 1.08 * max(high, 1e-6)
    beside = {"title": {"text": "mean absolute error, nats/token"}, "range": [0, top], "nticks": 7}
    figure = blank(
        "trust-ends", "Where trust ends", mode, source, 470, f"trust {axis}", yaxis=beside,
        xaxis={"title": {"text": AXES[axis]}, "range": [0, right], "nticks": 7},
    )  # fmt: skip
    family = np.asarray(frame["family"], dtype=object)
    for name in sorted(FAMILY_COLOURS, key=lambda one: one == focus):
        at = np.flatnonzero(good & (family == name))
        if not len(at):
            continue
        marker = marks.dot(colour(FAMILY_COLOURS[name], mode), mode, 11 if name == focus else 8)
        marker["opacity"] = 0.35 if focus is not None and name != focus else 1
        figure.add_trace(
            go.Scatter(
                x=x[at], y=error[at], mode="markers", name=escaped(name), marker=marker,
                legendrank=10 + list(FAMILY_COLOURS).index(name),
                customdata=at, hovertemplate="%{hovertext}<extra></extra>",
                hovertext=[_words(frame, int(i)) for i in at],
            )
        )  # fmt: skip
    if axis == "expected":
        both = min(right, top)
        figure.add_trace(
            go.Scatter(x=[0, both], y=[0, both], mode="lines", name="as expected",
                       line={"color": colour("truth", mode), "width": 1, "dash": "dash"},
                       hoverinfo="skip")
        )  # fmt: skip
    figure.add_trace(marks.hatched((last, right), (0, top), mode))
    return figure


def _words(frame: pd.DataFrame, i: int) -> str:
    row = {str(key): value for key, value in frame.iloc[i].items()}
    lines = [f"order {row['hash'][:8]}, {row['family']}", f"error {row['error']:.4f} nats/token"]
    if np.isfinite(row["distance"]):
        lines.append(f"distance {row['distance']:.3f}")
    if np.isfinite(row["expected"]):
        lines.append(f"expected error {row['expected']:.4f}")
    lines.append(f"samples moved by {row['change']:.4f}")
    return "<br>".join(escaped(line) for line in lines)
