"""Lines with the band that 90 % of the cases lie in, one series a colour."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from reorder_core.analysis.frames import records
from ui.charts import marks
from ui.charts.bent import bent, bent_axis
from ui.charts.template import FOOT, Mode, Source, blank, colour, escaped, label, others, signed
from ui.charts.theme import OTHER


@dataclass(frozen=True, slots=True)
class Axes:
    """The names of the two axes, with units, and what `x` means to the pointer."""

    x: str
    y: str
    digits: int = 4
    line: float | None = 0.0
    """A heavy horizontal line: no effect."""
    since: float | None = None
    """A vertical line: where something began."""
    bend: float | None = None
    """Where the y axis turns logarithmic, both ways; None for a plain one."""

    def at(self, values: ArrayLike) -> NDArray[np.float64]:
        """Where values lie on the y axis."""
        if self.bend is None:
            return np.asarray(values, dtype=np.float64)
        return bent(values, self.bend)


def ranges(
    frame: pd.DataFrame, colours: Mapping[str, str], axes: Axes, *, name: str, title: str,
    mode: Mode, source: Source, height: int = 400,
) -> go.Figure:  # fmt: skip
    """A line a series with its band; frame: "series", "x", "value", "lo", "hi", "hover"; by x.

    "lo" and "hi" may be nan. `colours`: series → a name that `template.colour`
    knows. A "retrained" column holds diamonds (nan: none).
    """
    figure = blank(name, title, mode, source, height, **_layout(frame, axes, mode))
    for series, part in frame.groupby("series", sort=False):
        _add(figure, str(series), part, colours[str(series)], axes, mode)
    _share_entry(figure, colours)
    known = frame.dropna(subset="retrained") if "retrained" in frame else frame.head(0)
    if len(known):
        figure.add_trace(
            go.Scatter(
                x=known["x"], y=axes.at(known["retrained"]), mode="markers", name=marks.RETRAINED,
                marker=marks.diamond(mode), cliponaxis=False,
                hovertext=[f"{escaped(str(s))}<br>retrained {signed(v, axes.digits)}"
                           for s, v in zip(known["series"], known["retrained"], strict=True)],
                hovertemplate="%{hovertext}<extra></extra>",
            )
        )  # fmt: skip
    return figure


def _layout(frame: pd.DataFrame, axes: Axes, mode: Mode) -> dict[str, Any]:
    vertical = {"title": {"text": axes.y}, "nticks": 7}
    if axes.bend is not None:
        ends = frame[["value", "lo", "hi"]].to_numpy(np.float64)
        low, high = np.nanmin(ends), np.nanmax(ends)
        vertical |= bent_axis(1.1 * min(low, 0), 1.1 * max(high, 0), axes.bend, 8)
    return {
        "xaxis": {"title": {"text": axes.x}, "nticks": 9}, "yaxis": vertical,
        "margin": {"b": FOOT + 4}, "shapes": _heavy_lines(axes, mode),
    }  # fmt: skip


def _heavy_lines(axes: Axes, mode: Mode) -> list[dict[str, Any]]:
    """Of no effect, across; of where something began, upright."""
    look = {"type": "line", "line": {"color": colour("axis", mode), "width": 1.5}}
    across = {"xref": "x domain", "x0": 0, "x1": 1, "y0": axes.line, "y1": axes.line}
    upright = {"yref": "y domain", "y0": 0, "y1": 1, "x0": axes.since, "x1": axes.since}
    return [look | lies for at, lies in ((axes.line, across), (axes.since, upright))
            if at is not None]  # fmt: skip


def _add(
    figure: go.Figure, series: str, part: pd.DataFrame, shade: str, axes: Axes, mode: Mode
) -> None:
    group, known = escaped(series), part.dropna(subset=["lo", "hi"])
    if len(known):
        figure.add_trace(
            go.Scatter(
                x=np.concatenate([known["x"], known["x"][::-1]]),
                y=axes.at(np.concatenate([known["hi"], known["lo"][::-1]])),
                mode="lines", line={"width": 0}, fill="toself", hoverinfo="skip",
                fillcolor=colour(shade, mode, 0.2), legendgroup=group, showlegend=False,
            )
        )  # fmt: skip
    drawn = part.dropna(subset="value")
    figure.add_trace(
        go.Scatter(
            x=drawn["x"], y=axes.at(drawn["value"]), mode="lines+markers", name=label(series),
            legendgroup=group,
            line={"color": colour(shade, mode), "width": 2},
            marker=marks.dot(colour(shade, mode), mode, 7),
            hovertext=[_words(row, axes) for row in records(drawn)],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    )  # fmt: skip


def _share_entry(figure: go.Figure, colours: Mapping[str, str]) -> None:
    """Domains without a colour of their own are thin lines with one entry in the legend."""
    few = [escaped(series) for series, shade in colours.items() if shade == f"domain-{OTHER}"]
    if len(few) < 2:
        return
    traces: Any = figure.data
    lines = [trace for trace in traces if trace.legendgroup in few]
    for trace in lines:
        trace.update(legendgroup="other", opacity=0.5, legendrank=2000)
    drawn = [trace for trace in lines if trace.showlegend is not False]
    for place, trace in enumerate(drawn):
        trace.update(name=others(len(few)), showlegend=place == 0, line_width=1, marker_size=5)
    figure.data = lines + [trace for trace in traces if trace not in lines]


def _words(row: dict, axes: Axes) -> str:
    told = signed(row["value"], axes.digits)
    if row["lo"] == row["lo"]:
        told += f" [{signed(row['lo'], axes.digits)}, {signed(row['hi'], axes.digits)}]"
    head = f"<b>{escaped(str(row['series']))}</b>, {escaped(str(row.get('hover', row['x'])))}"
    return f"{head}<br>{told}"
