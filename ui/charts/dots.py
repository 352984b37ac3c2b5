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
    blank,
    colour,
    escaped,
    label,
    signed,
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
    labels = list(dict.fromkeys(row["label"] for row in rows))
    series = list(dict.fromkeys(row["series"] for row in rows))
    _place(rows, labels, series, above)
    pitch = PITCH + MORE_PITCH * (len(series) - 1) + ABOVE * above
    height = HEAD + FOOT + max(2, len(labels)) * pitch
    figure = blank(name, title, mode, source, height)
    ends = axis.limits or _ends(rows, axis)
    if axis.line is not None:
        figure.add_vline(axis.line, line={"color": colour("axis", mode), "width": 1.5})
    for rank, one in reversed(list(enumerate(series, 1))):  # the first on top
        _add_series(figure, [r for r in rows if r["series"] == one], axis, ends, mode, rank)
    _add_retrained(figure, rows, axis, mode)
    if any(row["lo"] == row["lo"] for row in rows):
        figure.add_trace(marks.key_bar(mode, interval))
    figure.update_layout(margin={"t": HEAD, "l": 20, "r": 74})
    figure.update_annotations(selector={"name": "footer"}, xshift=66)
    _name_rows(figure, labels, mode, above)
    for row in rows:
        if row["series"] == series[0]:
            _tell(figure, row, -labels.index(row["label"]) - UNDER * above, axis)
    figure.update_xaxes(title_text=axis.name, range=ends, ticksuffix=axis.suffix, nticks=7,
                        tickformat="+~g" if axis.signed else "~g")  # fmt: skip
    return figure


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


def _add_series(
    figure: go.Figure, rows: Sequence[Row], axis: Axis, ends: tuple[float, float], mode: Mode,
    rank: int,
) -> None:  # fmt: skip
    name = escaped(str(rows[0]["series"]))
    for shade in dict.fromkeys(row["colour"] for row in rows):
        part = [r for r in rows if r["colour"] == shade and r["hi"] > ends[0] and r["lo"] < ends[1]]
        lo, hi = (np.clip([r[end] for r in part], *ends) for end in ("lo", "hi"))
        bar = marks.bars(lo, hi, [r["at"] for r in part], colour(shade, mode, 0.4))
        figure.add_trace(go.Scatter(bar, legendgroup=name, showlegend=False))
    marker = marks.dot([colour(row["colour"], mode) for row in rows], mode, 11)
    marker["symbol"] = [_symbol(row["value"], ends) for row in rows]
    drawn = _points(rows, "value", axis, marker)
    drawn["x"] = np.clip(drawn["x"], *ends)
    drawn |= {"name": name, "legendgroup": name, "legendrank": rank, "cliponaxis": False}
    figure.add_trace(go.Scatter(drawn, showlegend=rows[0]["several"]))


def _symbol(value: float, ends: tuple[float, float]) -> str:
    return "triangle-left" if value < ends[0] else "triangle-right" if value > ends[1] else "circle"


def _add_retrained(figure: go.Figure, rows: Sequence[Row], axis: Axis, mode: Mode) -> None:
    """Diamonds; those outside their interval are another trace, with a name of its own."""
    known = [row for row in rows if row["retrained"] == row["retrained"]]
    for out, marker, name in (
        (False, marks.diamond(mode), marks.RETRAINED),
        (True, marks.missed(mode), marks.MISSED),
    ):
        part = [row for row in known if _out(row) == out]
        if part:
            figure.add_trace(go.Scatter(_points(part, "retrained", axis, marker), name=name))


def _points(rows: Sequence[Row], which: str, axis: Axis, marker: dict[str, Any]) -> Row:
    return {
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


def _name_rows(figure: go.Figure, labels: Sequence[str], mode: Mode, above: bool) -> None:
    """Labels at the left of their rows, or over them."""
    shown = [label(one, *((2 * LONGEST, 34) if above else (LONGEST + 8,))) for one in labels]
    figure.update_yaxes(
        tickvals=[-row for row in range(len(labels))], ticktext=shown, showticklabels=not above,
        range=[0.6 - max(2, len(labels)), 0.6], showgrid=False, fixedrange=True,
        automargin="width", tickfont={"size": 13, "color": colour("ink", mode)},
    )  # fmt: skip
    if not above:
        return
    for row, text in enumerate(shown):
        figure.add_annotation(
            text=text, showarrow=False, xref="paper", x=0, xanchor="left", y=OVER - row,
            bgcolor=colour("panel", mode), borderpad=1,
        )  # fmt: skip


def _tell(figure: go.Figure, row: Row, at: float, axis: Axis) -> None:
    """The row's number at the right."""
    figure.add_annotation(
        text=f"<b>{axis.told(row['value'])}</b>", showarrow=False, align="left",
        xref="paper", x=1, xanchor="left", xshift=8, y=at,
    )  # fmt: skip
