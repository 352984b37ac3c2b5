"""A mean loss over training: reference, estimate, retraining; below, the difference, enlarged."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from ui.charts import marks
from ui.charts.template import Mode, Source, blank, colour

Array = NDArray[np.floating]
HEIGHT = 330
LEAST = 0.004
"""The axis of differences is at least so high, in nats per token."""
SERIES = {"reference": "reference order", "estimate": "estimate", "retrained": marks.RETRAINED}
_DASH = {"reference": "dash", "estimate": "solid", "retrained": "dot"}
_COLOUR = {"reference": "reference", "estimate": "estimate", "retrained": "truth"}


def trajectory(frame: pd.DataFrame, mode: Mode, source: Source) -> go.Figure:
    """A figure of a row an evaluation step: "step", "reference", "estimate", "retrained".

    Mean losses in nats per token; "retrained" is nan where the order was not retrained.
    """
    figure = blank("trajectory", "Loss during training", mode, source, HEIGHT)
    known = {key: frame[key].to_numpy(float) for key in SERIES}
    levels = {key: values for key, values in known.items() if np.isfinite(values).any()}
    steps = frame["step"].tolist()
    for key, values in levels.items():
        figure.add_trace(_curve(steps, values, key, mode, "y"))
    differences = {key: levels[key] - levels["reference"] for key in list(levels)[1:]}
    for key, values in differences.items():
        figure.add_trace(_curve(steps, values, key, mode, "y2"))
    axis = {"zeroline": True, "zerolinecolor": colour("axis", mode), "nticks": 4}
    figure.update_layout(
        yaxis={"domain": [0.56, 1], "title": {"text": "nats/token"}, "nticks": 4,
               "range": _ends([*levels.values()], 0.0)},
        yaxis2=axis | {"domain": [0, 0.44], "title": {"text": "difference"}, "tickformat": "+~g",
                       "range": _ends([*differences.values(), np.zeros(1)], LEAST)},
    )  # fmt: skip
    figure.update_xaxes(range=[-0.02 * steps[-1], 1.02 * steps[-1]], tickvals=_spread(steps),
                        title_text=f"steps trained; measured {len(steps)} times", anchor="y2",
                        showgrid=False)  # fmt: skip
    return figure


def _curve(steps: list[int], values: Array, key: str, mode: Mode, axis: str) -> go.Scatter:
    shade = colour(_COLOUR[key], mode)
    marker = marks.diamond(mode, 7) if key == "retrained" else {"size": 6, "color": shade}
    return go.Scatter(
        x=steps, y=values, name=SERIES[key], yaxis=axis,
        mode="lines+markers", marker=marker, line={"color": shade, "width": 2, "dash": _DASH[key]},
        legendgroup=key, showlegend=axis == "y",
        hovertemplate=f"after step %{{x}}<br>{SERIES[key]} "
        + ("%{y:.4f}" if axis == "y" else "%{y:+.4f}") + "<extra></extra>",
    )  # fmt: skip


def _spread(steps: list[int], most: int = 12) -> list[int]:
    """At most about so many of the steps, the last among them."""
    every = -(-len(steps) // most)
    return steps[::-1][::every][::-1]


def _ends(curves: list[Array], least: float) -> list[float]:
    known = np.concatenate(curves)
    low, high = float(np.nanmin(known)), float(np.nanmax(known))
    room = max(0.0, least - (high - low)) / 2
    margin = 0.08 * (high - low + 2 * room)
    return [low - room - margin, high + room + margin]
