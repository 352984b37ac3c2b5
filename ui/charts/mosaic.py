"""Which domain is trained when: one cell a sample, coloured, with a legend."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ui.charts.template import Mode, Source, blank, colour, domain_groups, escaped

SHORT, FEW, MORE = 14, 4, 12
"""Letters of a name in the legend; entries with room enough, pixels for each beyond: on a narrow
screen two stand side by side."""
CELL, FEWEST, MOST = 13, 4, 24
"""Pixels a sample of a batch; batches of fewer or more are drawn as if of so many."""


def mosaic(frame: pd.DataFrame, *, mode: Mode, source: Source) -> go.Figure:
    """A column a step, from "step", "place" in its batch, "sample" and "domain".

    The legend tells each domain's colour and how many samples it has.
    """
    of = [str(name) for name in frame["domain"]]
    groups = domain_groups(of, SHORT)
    more = MORE * max(0, len(groups) - FEW)
    shades = [colour(shade, mode) for _, shade, _ in groups]
    place_of = {name: at for at, (_, _, names) in enumerate(groups) for name in names}
    step, place, sample = (np.asarray(frame[key]) for key in ("step", "place", "sample"))
    cells = np.full((place.max(), step.max()), np.nan)
    told = np.full(cells.shape, "", dtype=object)
    cells[place - 1, step - 1] = [place_of[name] for name in of]
    told[place - 1, step - 1] = [
        f"sample {one}, {escaped(name)}" for one, name in zip(sample, of, strict=True)
    ]
    height = 34 + 62 + CELL * min(max(len(cells), FEWEST), MOST) + more
    figure = blank("mosaic", "What is trained when", mode, source, height)
    figure.add_trace(
        go.Heatmap(
            x=np.arange(1, cells.shape[1] + 1), z=cells, showscale=False, xgap=2, ygap=1.5,
            zmin=-0.5, zmax=len(shades) - 0.5, colorscale=_steps(shades), text=told,
            hovertemplate="step %{x}, %{text}<extra></extra>",
        )
    )  # fmt: skip
    for (name, _, names), shade in zip(groups, shades, strict=True):
        square = {"symbol": "square", "size": 11, "color": shade}
        figure.add_trace(
            go.Scatter(x=[None], y=[None], mode="markers", marker=square, hoverinfo="skip",
                       name=f"{name}, {sum(map(of.count, names))}")
        )  # fmt: skip
    figure.update_layout(legend={"itemclick": False, "itemdoubleclick": False},
                         margin={"l": 20, "t": 34 + more})  # fmt: skip
    figure.update_xaxes(title_text="training step", showgrid=False, nticks=12)
    figure.update_yaxes(visible=False, autorange="reversed", fixedrange=True)
    return figure


def _steps(shades: list[str]) -> list[list[float | str]]:
    """A colour scale without transitions."""
    ends = np.linspace(0, 1, len(shades) + 1)
    return [[float(end), shade] for i, shade in enumerate(shades) for end in ends[i : i + 2]]
