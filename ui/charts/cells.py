"""A map of cells: rows × steps, coloured by a signed change; faint where it is not told from zero.

Plotly's heat map gives no selection, so an unseen square marker lies over each
cell; it carries the hover text and, in customdata, the cell's number: see `Grid.cell`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from ui.charts import marks
from ui.charts.bent import bend_of, bent, bent_axis
from ui.charts.template import FOOT, Mode, Source, blank, colour, escaped, label, signed

HEAD, PITCH, LEAST = 52, 15, 150
"""Pixels above the cells, of a row, and of all rows at least."""
LEGEND = 30
"""Pixels under the footer for the marks; two of its lines on a narrow screen."""
FAINT = 0.22
"""Opacity of a cell that is not told from zero."""
HOME = "where the reference trains it"
Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """K rows × C columns of changes."""

    rows: Sequence[str]
    """K labels, from above."""
    edges: Array
    """(C + 1,) where columns begin, in steps from 0; the last is where they end."""
    value: Array
    """(K, C) nats per token"""
    sd: Array
    """(K, C) of its error, for the 90 % interval that the pointer is told"""
    told: Array
    """(K, C) whether it is told from zero"""
    untrusted: Array | None = None
    """(K, C) whether it lies beyond what retraining has shown; hatched"""
    home: Array | None = None
    """(K,) the reference step of each row, −1 where it has none"""

    @property
    def middle(self) -> Array:
        """(C,) of each column, in steps from 1."""
        return (self.edges[:-1] + self.edges[1:] + 1) / 2

    def cell(self, number: int) -> tuple[int, int]:
        """Row and column of a cell, counted along the rows."""
        return divmod(number, len(self.edges) - 1)

    def step_of(self, column: int) -> int:
        """The step, from 0, in the middle of a column."""
        return int((self.edges[column] + self.edges[column + 1] - 1) // 2)


def cells(
    grid: Grid, *, name: str, title: str, what: str, mode: Mode, source: Source,
    truth: pd.DataFrame | None = None, axis: str = "trained at step",
) -> go.Figure:  # fmt: skip
    """The map; `what` names the change in its colour bar.

    `truth` has a line a retrained cell: "row" (place), "step" (from 0),
    "retrained", "estimated": a diamond of the retrained value's colour.
    """
    height = HEAD + FOOT + LEGEND + max(LEAST, PITCH * len(grid.rows)) + 20
    bend, limit = bend_of(grid.value), _limit(grid.value)
    figure = blank(
        name, title, mode, source, height,
        **_layout(grid, axis), coloraxis=_colours(limit, bend, what, mode),
    )  # fmt: skip
    for told, opacity in ((True, 1.0), (False, FAINT)):
        shown = np.where(grid.told == told, bent(grid.value, bend), np.nan)
        figure.add_trace(
            go.Heatmap(
                z=shown.astype(np.float32), x=_x_edges(grid), y=np.arange(len(grid.rows)),
                coloraxis="coloraxis", opacity=opacity, hoverinfo="skip", xgap=0.5, ygap=0.5,
            )
        )  # fmt: skip
    _hatch(figure, grid, mode)
    _homes(figure, grid, mode)
    figure.add_trace(_touched(grid))
    if truth is not None and len(truth):
        figure.add_trace(_truth(truth, len(grid.edges) - 1, bend, mode))
    return figure


def _x_edges(grid: Grid) -> Array:
    return grid.edges + 0.5  # columns are centred on steps counted from 1


def _limit(value: Array) -> float:
    """Where colours end: few cells lie beyond, and the rest can still be told apart."""
    sizes = np.abs(value[np.isfinite(value)])
    return float(np.percentile(sizes, 99.5)) or 1.0 if len(sizes) else 1.0


def _colours(limit: float, bend: float, what: str, mode: Mode) -> dict[str, Any]:
    axis = bent_axis(-limit, limit, bend, 6)
    low, high = axis["range"]
    return {
        "cmin": low,
        "cmax": high,
        "colorscale": [[0, colour("fall", mode)], [0.5, colour("zero", mode)],
                       [1, colour("rise", mode)]],
        "colorbar": {
            "orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom",
            "len": 0.62, "lenmode": "fraction", "thickness": 8, "outlinewidth": 0, "xpad": 0,
            "title": {"text": what, "side": "top", "font": {"size": 12}},
            "tickvals": axis["tickvals"], "ticktext": axis["ticktext"],
            "tickfont": {"size": 11, "color": colour("muted", mode)}, "ypad": 4,
        },
    }  # fmt: skip


def _touched(grid: Grid) -> go.Scatter:
    """The unseen squares that the pointer meets, of which one is drawn: that costs nothing, and
    the pointer meets them all. (In WebGL they took a fifth of a second to set up.)
    """
    rows, columns = np.indices(grid.value.shape)
    width = np.diff(grid.edges)
    names = [escaped(name) for name in grid.rows]
    texts = [
        f"{names[r]}, {_steps(int(grid.edges[c]), int(width[c]))}<br>"
        + _told(float(grid.value[r, c]), float(grid.sd[r, c]), bool(grid.told[r, c]))
        for r, c in zip(rows.ravel(), columns.ravel(), strict=True)
    ]
    unseen = {"marker": {"opacity": 0}}
    return go.Scatter(
        x=np.tile(grid.middle, len(grid.rows)).astype(np.float32),
        y=rows.ravel().astype(np.float32), mode="markers",
        marker={"symbol": "square", "size": PITCH - 2, "opacity": 0, "color": "#808080",
                "maxdisplayed": 1},
        selected=unseen, unselected=unseen, showlegend=False, name="cells",
        customdata=np.arange(rows.size),  # arrays: plotly would look into each part of a list
        hovertext=np.array(texts, dtype=object), hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip


def _steps(first: int, width: int) -> str:
    return f"step {first + 1}" if width == 1 else f"steps {first + 1} to {first + width}"


def _told(value: float, sd: float, told: bool) -> str:
    if value != value:
        return "unknown"
    digits = 5 if abs(value) < 0.005 else 3
    ends = ""
    if sd > 0:
        low, high = value - 1.6449 * sd, value + 1.6449 * sd
        ends = f" [{signed(low, digits)}, {signed(high, digits)}]"
    return signed(value, digits) + ends + ("" if told else ", not told from zero")


def _hatch(figure: go.Figure, grid: Grid, mode: Mode) -> None:
    """Runs of untrusted cells, hatched row by row, as one trace."""
    if grid.untrusted is None or not grid.untrusted.any():
        return
    x: list[float | None] = []
    y: list[float | None] = []
    at = _x_edges(grid)
    for row, untrusted in enumerate(grid.untrusted):
        turns = np.flatnonzero(np.diff(np.concatenate([[False], untrusted, [False]]).astype(int)))
        for first, end in zip(turns[::2], turns[1::2], strict=True):
            left, right = float(at[first]), float(at[end])
            x += [left, right, right, left, left, None]
            y += [row - 0.5, row - 0.5, row + 0.5, row + 0.5, row - 0.5, None]
    trace = marks.hatched((0, 0), (0, 0), mode)
    trace.x, trace.y = x, y
    figure.add_trace(trace)


def _homes(figure: go.Figure, grid: Grid, mode: Mode) -> None:
    if grid.home is None or not (grid.home >= 0).any():
        return
    rows = np.flatnonzero(grid.home >= 0)
    column = np.searchsorted(grid.edges, grid.home[rows], side="right") - 1
    figure.add_trace(
        go.Scatter(
            x=grid.middle[column], y=rows, mode="markers", name=HOME, hoverinfo="skip",
            marker={"symbol": "circle", "size": 5, "color": colour("muted", mode)},
        )
    )  # fmt: skip


def _truth(truth: pd.DataFrame, columns: int, bend: float, mode: Mode) -> go.Scatter:
    marker = marks.diamond(mode, 10) | {
        "color": bent(truth["retrained"], bend), "coloraxis": "coloraxis",
    }  # fmt: skip
    texts = [
        f"retrained {signed(r)}<br>estimated {signed(e)}"
        for r, e in zip(truth["retrained"], truth["estimated"], strict=True)
    ]
    return go.Scatter(
        x=truth["step"] + 1, y=truth["row"], mode="markers", name=marks.RETRAINED, marker=marker,
        hovertext=texts, hovertemplate="%{hovertext}<extra></extra>",
        customdata=(truth["row"] * columns + truth["column"]).to_numpy(),
    )  # fmt: skip


def _layout(grid: Grid, axis: str) -> dict[str, Any]:
    count = len(grid.rows)
    ends = [grid.edges[0] + 0.5, grid.edges[-1] + 0.5]
    return {
        "xaxis": {"title": {"text": axis}, "range": ends, "showgrid": False, "nticks": 9},
        "yaxis": {
            "range": [count - 0.5, -0.5], "tickvals": list(range(count)), "showgrid": False,
            "ticktext": [label(name) for name in grid.rows], "automargin": "width",
        },
        "margin": {"t": HEAD + 20, "l": 20, "b": FOOT + LEGEND},
        "legend": {"y": (4 - FOOT) / max(LEAST, PITCH * count), "yanchor": "top", "x": 0},
    }  # fmt: skip
