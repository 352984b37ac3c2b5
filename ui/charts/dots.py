"""Label, dot, interval, retrained: one row a thing, one dot a series; drawn the same everywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ui.charts import marks
from ui.charts.template import (
    FOOT,
    LONGEST,
    Mode,
    Source,
    colour,
    escaped,
    label,
    layout,
    signed,
    template,
)

COLUMNS = ("label", "series", "value", "lo", "hi", "retrained", "colour")
PITCH, MORE_PITCH, ABOVE, HEAD = 30, 13, 22, 34
"""Pixels of a row, of each further series in it, of a label above it, above all."""

UNDER, OVER = 0.16, 0.34
"""How far under its row's middle a dot lies whose label stands above, and that label over it."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Axis:
    """The axis that all rows share."""

    name: str
    """With its unit."""
    digits: int = 3
    signed: bool = True
    """Whether values are differences and carry a plus."""
    suffix: str = ""
    line: float | None = 0.0
    """Where a heavy line stands: no change, or what was promised."""
    least: float = 0.0
    """The axis is at least so wide, so that nothing looks like much."""
    limits: tuple[float, float] | None = None
    """Its ends, where they are given; a value beyond is an arrow at the end."""

    def told(self, value: float) -> str:
        if value != value:
            return "–"
        shown = signed(value, self.digits) if self.signed else f"{value:.{self.digits}f}"
        return shown.replace("-", "−") + self.suffix


def dots(
    frame: pd.DataFrame,
    axis: Axis,
    *,
    name: str,
    title: str,
    mode: Mode,
    source: Source,
    interval: str = marks.INTERVAL,
    above: bool = False,
) -> go.Figure:
    """A figure of COLUMNS: rows in the frame's order, from above; series side by side in a row.

    "lo", "hi", "retrained" may be nan; "colour" is a name that `template.colour`
    knows; "series" is told in the legend if there are several; a "hover" column
    is told beside the numbers. The first series' value stands at the right.
    Each dot's customdata is its label. Long labels want to stand `above` their rows.
    """
    rows: list[Row] = [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]
    plot = plot_of(rows, axis, name=name, title=title, mode=mode, source=source,
                   interval=interval, above=above)  # fmt: skip
    plot["layout"]["template"] = template(mode)
    return go.Figure(plot)


def height_of(rows: int, series: int = 1, above: bool = False) -> int:
    """Pixels of a figure of so many rows."""
    return HEAD + FOOT + max(2, rows) * (PITCH + MORE_PITCH * (series - 1) + ABOVE * above)


def plot_of(
    rows: list[Row],
    axis: Axis,
    *,
    name: str,
    title: str,
    mode: Mode,
    source: Source,
    interval: str = marks.INTERVAL,
    above: bool = False,
    least: int = 2,
) -> dict[str, Any]:
    """Traces and layout of `dots`, without a template; there is room for `least` rows."""
    labels = list(dict.fromkeys(row["label"] for row in rows))
    series = list(dict.fromkeys(row["series"] for row in rows))
    _place(rows, labels, series, above)
    ends = axis.limits or _ends(rows, axis)
    data: list[Row] = []
    for rank, one in reversed(list(enumerate(series, 1))):  # the first on top
        data += _of_series([r for r in rows if r["series"] == one], axis, ends, mode, rank)
    data += _retrained(rows, axis, mode)
    if any(row["lo"] == row["lo"] for row in rows):
        data.append(marks.key_bar(mode, interval))
    room = max(least, len(labels))
    drawn = layout(name, title, mode, source, height_of(room, len(series), above))
    drawn["meta"]["names"] = None if above else labels
    drawn["annotations"][0]["xshift"] = 66
    drawn["annotations"] += _over(labels, mode) if above else []
    drawn["annotations"] += [
        _tell(row, -labels.index(row["label"]) - UNDER * above, axis)
        for row in rows
        if row["series"] == series[0]
    ]
    drawn |= {
        "margin": {"t": HEAD, "l": 20, "r": 74},
        "xaxis": {"title": {"text": axis.name}, "range": list(ends), "nticks": 7,
                  "ticksuffix": axis.suffix, "tickformat": "+~g" if axis.signed else "~g"},
        "yaxis": {"tickvals": [-row for row in range(len(labels))],
                  "ticktext": [_shown(one, above) for one in labels],
                  "showticklabels": not above, "range": [0.6 - room, 0.6],
                  "showgrid": False, "fixedrange": True, "automargin": "width",
                  "tickfont": {"size": 13, "color": colour("ink", mode)}},
    }  # fmt: skip
    if axis.suffix:  # a few percent have room side by side; upright they would meet the axis's name
        drawn["xaxis"]["tickangle"] = 0
    if axis.line is not None:
        drawn["shapes"] = [{
            "type": "line", "x0": axis.line, "x1": axis.line, "y0": 0, "y1": 1, "xref": "x",
            "yref": "y domain", "line": {"color": colour("axis", mode), "width": 1.5},
        }]  # fmt: skip
    return {"data": data, "layout": drawn}


def _place(rows: Sequence[Row], labels: list[str], series: list[str], above: bool) -> None:
    """Give each row its height "at": labels one apart, series spread within, under a label."""
    apart = 0.0 if len(series) == 1 else 0.44 / (len(series) - 1)
    for row in rows:
        within = series.index(row["series"]) - (len(series) - 1) / 2
        row["at"] = -labels.index(row["label"]) - within * apart - UNDER * above
        row["several"] = len(series) > 1


def _ends(rows: Sequence[Row], axis: Axis) -> tuple[float, float]:
    values = [row[key] for row in rows for key in ("value", "lo", "hi", "retrained")]
    known = [float(v) for v in values if np.isfinite(v)]
    known += [] if axis.line is None else [axis.line]
    low, high = (min(known), max(known)) if known else (-1.0, 1.0)
    room = max(0.0, axis.least - (high - low)) / 2
    margin = 0.08 * (high - low + 2 * room) or 1.0
    return low - room - margin, high + room + margin


def _of_series(
    rows: Sequence[Row], axis: Axis, ends: tuple[float, float], mode: Mode, rank: int
) -> list[Row]:
    name = escaped(str(rows[0]["series"]))
    traces: list[Row] = []
    for shade in dict.fromkeys(row["colour"] for row in rows):
        part = [r for r in rows if r["colour"] == shade and r["hi"] > ends[0] and r["lo"] < ends[1]]
        lo, hi = (np.clip([r[end] for r in part], *ends) for end in ("lo", "hi"))
        bar = marks.bars(lo, hi, [r["at"] for r in part], colour(shade, mode, 0.4))
        traces.append(bar | {"type": "scatter", "legendgroup": name, "showlegend": False})
    marker = marks.dot([colour(row["colour"], mode) for row in rows], mode, 11)
    marker["symbol"] = [_symbol(row["value"], ends) for row in rows]
    drawn = _points(rows, "value", axis, marker)
    drawn["x"] = np.clip(drawn["x"], *ends)
    drawn |= {"name": name, "legendgroup": name, "legendrank": rank, "cliponaxis": False}
    return [*traces, drawn | {"showlegend": rows[0]["several"]}]


def _symbol(value: float, ends: tuple[float, float]) -> str:
    return "triangle-left" if value < ends[0] else "triangle-right" if value > ends[1] else "circle"


def _retrained(rows: Sequence[Row], axis: Axis, mode: Mode) -> list[Row]:
    """Diamonds; those outside their interval are another trace, with a name of its own."""
    known = [row for row in rows if row["retrained"] == row["retrained"]]
    kinds = (
        (False, marks.diamond(mode), marks.RETRAINED),
        (True, marks.missed(mode), marks.MISSED),
    )
    traces: list[Row] = []
    for out, marker, name in kinds:
        part = [row for row in known if _out(row) == out]
        if part:
            traces.append(_points(part, "retrained", axis, marker) | {"name": name})
    return traces


def _points(rows: Sequence[Row], which: str, axis: Axis, marker: dict[str, Any]) -> Row:
    return {
        "type": "scatter",
        "x": [row[which] for row in rows],
        "y": [row["at"] for row in rows],
        "mode": "markers",
        "marker": marker,
        "customdata": [row["label"] for row in rows],
        "hovertext": [_words(row, axis) for row in rows],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _out(row: Row) -> bool:
    return bool(marks.outside(row["retrained"], row["lo"], row["hi"]))


def _words(row: Row, axis: Axis) -> str:
    """What the pointer is told of a row."""
    known = row["retrained"] == row["retrained"]
    head = f"<b>{escaped(str(row['label']))}</b>"
    estimate = ("estimated " if known else "") + axis.told(row["value"])
    if row["lo"] == row["lo"]:
        estimate += f" [{axis.told(row['lo'])}, {axis.told(row['hi'])}]"
    truth = f"retrained {axis.told(row['retrained'])}" if known else ""
    lines = (
        f"{head}, {escaped(str(row['series']))}" if row["several"] else head,
        truth + (", outside the interval" if known and _out(row) else ""),
        estimate,
        escaped(str(row.get("hover") or "")),
    )
    return "<br>".join(line for line in lines if line)


def _shown(name: str, above: bool) -> str:
    return label(name, *((2 * LONGEST, 34) if above else (LONGEST + 8,)))


def _over(labels: Sequence[str], mode: Mode) -> list[Row]:
    """Labels over their rows."""
    return [
        {"text": _shown(one, above=True), "showarrow": False, "xref": "paper", "x": 0,
         "xanchor": "left", "y": OVER - row, "bgcolor": colour("panel", mode), "borderpad": 1}
        for row, one in enumerate(labels)
    ]  # fmt: skip


def _tell(row: Row, at: float, axis: Axis) -> Row:
    """The row's number at the right."""
    return {
        "text": f"<b>{axis.told(row['value'])}</b>", "showarrow": False, "align": "left",
        "xref": "paper", "x": 1, "xanchor": "left", "xshift": 8, "y": at,
    }  # fmt: skip
