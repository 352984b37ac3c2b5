"""A mean loss over training: reference, estimate, retraining; below, the difference, enlarged."""

from typing import Any

import numpy as np
import pandas as pd

from ui.charts import marks
from ui.charts.template import Mode, Source, colour, layout
from ui.charts.timeline.plot import Array, Drawn, ends

HEIGHT = 330
LEAST = 0.004
"""The axis of differences is at least so high, in nats per token."""
SERIES = {"reference": "reference order", "estimate": "estimate", "retrained": marks.RETRAINED}
_DASH = {"reference": "dash", "estimate": "solid", "retrained": "dot"}
_COLOUR = {"reference": "reference", "estimate": "estimate", "retrained": "truth"}


def trajectory(
    steps: list[int], curves: dict[str, Array], whose: str, mode: Mode, source: Source
) -> Drawn:
    """A figure of SERIES' losses after so many steps, in nats per token; of those there are.

    `whose` says of what the losses are, such as "held-out text".
    """
    title = f"Loss during training, {whose}"
    differences = {key: curves[key] - curves["reference"] for key in list(curves)[1:]}
    axis = {"zeroline": True, "zerolinecolor": colour("axis", mode), "nticks": 4,
            "uirevision": whose}  # fmt: skip
    drawn = layout("trajectory", title, mode, source, HEIGHT) | {
        "xaxis": {"range": [-0.02 * steps[-1], 1.02 * steps[-1]], "tickvals": _spread(steps),
                  "title": {"text": f"steps trained; measured {len(steps)} times"},
                  "anchor": "y2", "showgrid": False},
        "yaxis": {"domain": [0.56, 1], "title": {"text": "nats/token"}, "nticks": 4,
                  "range": ends([*curves.values()], 0.0), "uirevision": whose},
        "yaxis2": axis | {"domain": [0, 0.44], "title": {"text": "difference"},
                          "tickformat": "+~g",
                          "range": ends([*differences.values(), np.zeros(1)], LEAST)},
    }  # fmt: skip
    data = [_curve(steps, values, key, mode, "y") for key, values in curves.items()]
    data += [_curve(steps, values, key, mode, "y2") for key, values in differences.items()]
    return Drawn({"data": data, "layout": drawn}, lambda: _table(steps, curves))


def _table(steps: list[int], curves: dict[str, Array]) -> pd.DataFrame:
    return pd.DataFrame({"step": steps} | {SERIES[key]: curves[key] for key in curves})


def _curve(steps: list[int], values: Array, key: str, mode: Mode, axis: str) -> dict[str, Any]:
    shade = colour(_COLOUR[key], mode)
    marker = marks.diamond(mode, 7) if key == "retrained" else {"size": 6, "color": shade}
    return {
        "type": "scatter", "x": steps, "y": values, "name": SERIES[key], "yaxis": axis,
        "mode": "lines+markers", "marker": marker,
        "line": {"color": shade, "width": 2, "dash": _DASH[key]},
        "legendgroup": key, "showlegend": axis == "y",
        "hovertemplate": f"after step %{{x}}<br>{SERIES[key]} "
        + ("%{y:.4f}" if axis == "y" else "%{y:+.4f}") + "<extra></extra>",
    }  # fmt: skip


def _spread(steps: list[int], most: int = 12) -> list[int]:
    """At most about so many of the steps, the last among them."""
    every = -(-len(steps) // most)
    return steps[::-1][::every][::-1]
