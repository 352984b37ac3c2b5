"""A training as it went: batch loss, held-out loss, learning rate."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ui.charts import marks
from ui.charts.template import Mode, Source, blank, colour

RATE_SHARE = 0.24
"""Of the plot's height, for the learning rate under the losses."""


def loss_curve(
    steps: pd.DataFrame, held_out: pd.DataFrame, *, mode: Mode, source: Source, height: int = 408
) -> go.Figure:
    """Losses over steps, the learning rate on the same axis below.

    `steps` has a row a training step: "step" from 1, "loss" of its batch just
    before it is trained, "learning_rate". `held_out` has a row an evaluation:
    "step" steps trained, mean "loss". Nats per token.
    """
    figure = blank("loss-curve", "The run that was really trained", mode, source, height)
    step, rate = (np.asarray(steps[name]) for name in ("step", "learning_rate"))
    grey, blue = colour("reference", mode), colour("estimate", mode)
    figure.add_trace(
        go.Scatter(
            x=step - 0.5, y=steps["loss"], mode="markers", name="training batch",
            marker=marks.dot(grey, mode, 7), customdata=np.stack([step, rate], axis=1),
            hovertemplate="step %{customdata[0]}<br>batch loss %{y:.3f}<br>"
            "learning rate %{customdata[1]:.2g}<extra></extra>",
        )
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=held_out["step"], y=held_out["loss"], mode="lines+markers", name="held-out text",
            line={"color": blue, "width": 2}, marker=marks.dot(blue, mode, 7),
            hovertemplate="after step %{x}<br>held-out loss %{y:.3f}<extra></extra>",
        )
    )  # fmt: skip
    _add_rate(figure, step, rate, mode)
    figure.update_xaxes(title_text="training step", anchor="y2", range=[0, int(step.max())])
    figure.update_yaxes(nticks=6)
    figure.update_layout(
        yaxis={"title": {"text": "loss, nats/token"}, "domain": [RATE_SHARE + 0.06, 1]}
    )
    return figure


def _add_rate(figure: go.Figure, step: np.ndarray, rate: np.ndarray, mode: Mode) -> None:
    figure.add_trace(
        go.Scatter(
            x=np.append(step - 1, step[-1]), y=np.append(rate, rate[-1]), yaxis="y2",
            mode="lines", name="learning rate", fill="tozeroy", hoverinfo="skip",
            fillcolor=colour("reference", mode, 0.14),
            line={"color": colour("reference", mode), "width": 1.5, "shape": "hv"},
        )
    )  # fmt: skip
    figure.update_layout(
        yaxis2={"domain": [0, RATE_SHARE], "rangemode": "tozero", "nticks": 3, "anchor": "x"},
    )  # fmt: skip
