"""What a sample's place does to it: a map of samples and the steps they are moved to."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ui.charts.template import Mode, Source, blank, colour, escaped, signed

CELL, MOST_TEXT = 40, 12
"""Pixels a row; with more columns than this the numbers are told by the pointer alone."""
FULL = 0.72
"""Opacity of the strongest colour: figures stay legible on it."""


def heat(
    frame: pd.DataFrame, reach: float, *, name: str, title: str, mode: Mode, source: Source
) -> go.Figure:
    """A map of moves from a row a cell: "sample", "step" from 1, "change" in nats per token.

    "home" cells move nothing; an unknown change is nan. "text" is the sample's
    beginning; a cell's customdata is its "hash". Colour grows with the square
    root of the change, to `reach`. Heat maps answer no click in Streamlit, so
    transparent markers lie over the cells: in SVG, as there are few of them and
    each WebGL trace costs a figure a tenth of a second to set up.
    """
    samples = list(dict.fromkeys(int(i) for i in frame["sample"]))
    steps = list(dict.fromkeys(int(i) for i in frame["step"]))
    row = np.array([samples.index(int(i)) for i in frame["sample"]])
    column = np.array([steps.index(int(i)) for i in frame["step"]])
    change = np.asarray(frame["change"], np.float64)
    home = np.asarray(frame["home"], bool)
    z = np.full((len(samples), len(steps)), np.nan)
    z[row, column] = np.sign(change) * np.sqrt(np.abs(change) / reach)
    figure = blank(name, title, mode, source, 34 + 62 + 22 + CELL * len(samples))
    figure.add_trace(
        go.Heatmap(z=z, zmin=-1, zmax=1, colorscale=_scale(mode), showscale=False, xgap=2, ygap=2,
                   hoverinfo="skip", hoverongaps=False)
    )  # fmt: skip
    told = (~home & np.isfinite(change)) if len(steps) <= MOST_TEXT else np.zeros(len(row), bool)
    _add_text(figure, column[told], row[told], [signed(v, 3) for v in change[told]], mode)
    _add_signs(figure, column, row, home, np.isfinite(change), mode)
    figure.add_trace(
        go.Scatter(
            x=column, y=row, mode="markers", name="cells", showlegend=False,
            marker={"symbol": "square", "size": CELL - 4, "opacity": 0},
            customdata=np.asarray(frame["hash"], dtype=object),
            hovertemplate="%{hovertext}<extra></extra>", hovertext=_words(frame, change, home),
        )
    )  # fmt: skip
    labels = [f"sample {i}" for i in samples]
    figure.update_yaxes(tickvals=list(range(len(samples))), ticktext=labels, autorange="reversed",
                        showgrid=False, automargin="width")  # fmt: skip
    figure.update_xaxes(tickvals=list(range(len(steps))), ticktext=[str(s) for s in steps],
                        title_text="moved to training step", showgrid=False)  # fmt: skip
    figure.update_layout(margin={"l": 20})
    return figure


def _scale(mode: Mode) -> list[list[float | str]]:
    """Blue where the loss falls, red where it rises, nothing at zero."""
    return [[0.0, colour("fall", mode, FULL)], [0.5, colour("zero", mode)],
            [1.0, colour("rise", mode, FULL)]]  # fmt: skip


def _add_text(figure: go.Figure, x: np.ndarray, y: np.ndarray, text: list[str], mode: Mode) -> None:
    shorter = [one.replace("0.", ".", 1) for one in text]
    figure.add_trace(
        go.Scatter(x=x, y=y, mode="text", text=shorter, hoverinfo="skip", showlegend=False,
                   textfont={"size": 11, "color": colour("ink", mode)})
    )  # fmt: skip


def _add_signs(
    figure: go.Figure, x: np.ndarray, y: np.ndarray, home: np.ndarray, known: np.ndarray, mode: Mode
) -> None:
    """A dot where nothing moves, a cross where the truth is not known; told in the legend."""
    for which, name, symbol, size in (
        (home, "its own place", "circle", 7),
        (~known & ~home, "not yet retrained", "x-thin", 9),
    ):
        if which.any():
            shade = colour("muted", mode)
            line = {"color": shade, "width": 1.5}
            figure.add_trace(
                go.Scatter(x=x[which], y=y[which], mode="markers", name=name, hoverinfo="skip",
                           marker={"symbol": symbol, "size": size, "color": shade, "line": line})
            )  # fmt: skip
    for role, name in (("fall", "learned better there"), ("rise", "learned worse there")):
        square = {"symbol": "square", "size": 11, "color": colour(role, mode, FULL)}
        figure.add_trace(
            go.Scatter(x=[None], y=[None], mode="markers", name=name, marker=square, legendrank=10)
        )


def _words(frame: pd.DataFrame, change: np.ndarray, home: np.ndarray) -> list[str]:
    told = []
    for i, value in enumerate(change):
        said = ("its own place: no move" if home[i] else "not yet retrained"
                if not np.isfinite(value) else f"{signed(float(value), 4)} nats/token")  # fmt: skip
        text = escaped(str(frame["text"].iat[i]))
        told.append(f"sample {frame['sample'].iat[i]} at step {frame['step'].iat[i]}"
                    f"<br>“{text}”<br>{said}")  # fmt: skip
    return told
