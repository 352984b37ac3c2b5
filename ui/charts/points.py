"""Estimated against retrained: one point a loss, on even or bent axes."""

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ui.charts import bent, marks
from ui.charts.template import Mode, Source, blank, colour, escaped

WHISKERS = 120
"""Intervals drawn, of an even choice of points; more would hide them."""
FAMILY_COLOURS = {
    "random": "estimate", "move": "domain-1", "blocks": "domain-2", "curriculum": "domain-3",
    "in-out": "domain-6", "repeat": "ink", "heat map": "domain-7", "by hand": "domain-4",
}  # fmt: skip
"""Family of orders → the name of its colour in every figure."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Both axes: even, or bent at `bend` so that small and large changes fit one picture."""

    bend: float | None

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return values if self.bend is None else bent.bent(values, self.bend)

    def axis(self, low: float, high: float, name: str) -> dict[str, Any]:
        if self.bend is None:
            return {"range": [low, high], "nticks": 7, "tickformat": "+~g", "title": {"text": name}}
        turned = f"{name}; logarithmic beyond ±{self.bend:g}"
        return {**bent.bent_axis(low, high, self.bend, 8), "title": {"text": turned}}


def points(
    frame: pd.DataFrame, scale: Scale, *, focus: str | None, mode: Mode, source: Source, shown: str
) -> go.Figure:
    """A scatter of changes against the reference run, in nats per token.

    `frame` has a row a loss: "family", "retrained", "estimated", "lo", "hi"
    (nan without an interval), "name" and "order" for the pointer, "row" of its
    order, which is each point's customdata. A point whose interval leaves the
    truth out is a diamond. Families other than `focus` step back; `shown` names
    what the points are, so that zoom stays while it does.
    """
    values = {
        key: np.asarray(frame[key], np.float64) for key in ("retrained", "estimated", "lo", "hi")
    }
    family = np.asarray(frame["family"], dtype=object)
    low, high = _limits(values["retrained"], values["estimated"])
    figure = blank(
        "points", "Estimated against retrained", mode, source, 470, f"points {shown}",
        xaxis=scale.axis(low, high, "retrained, nats/token"),
        yaxis=scale.axis(low, high, "estimated, nats/token"),
    )  # fmt: skip
    ends = scale(np.array([low, high]))
    figure.add_trace(
        go.Scatter(x=ends, y=ends, mode="lines", name="exact", hoverinfo="skip", legendrank=30,
                   line={"color": colour("truth", mode), "width": 1, "dash": "dash"})
    )  # fmt: skip
    chosen = np.ones(len(family), bool) if focus is None else family == focus
    _add_whiskers(figure, values, chosen, scale, mode)
    out = marks.outside(values["retrained"], values["lo"], values["hi"])
    told = np.array(words(frame), dtype=object)
    names = [name for name in FAMILY_COLOURS if (family == name).any()]
    for name in sorted(names, key=lambda one: one == focus):  # the chosen one on top
        behind = focus is not None and name != focus
        _add_family(figure, name, family == name, frame, told, values, out, scale, mode, behind)
    if out.any():
        figure.add_trace(
            marks.key(
                "truth outside its interval",
                {
                    "symbol": "diamond",
                    "size": 8,
                    "color": colour("reference", mode),
                    "line": {"width": 1, "color": colour("truth", mode)},
                },
            )
        )
    return figure


def _limits(*values: np.ndarray) -> tuple[float, float]:
    known = np.concatenate(values)
    known = np.append(known[np.isfinite(known)], [-0.001, 0.001])
    margin = 0.04 * float(known.max() - known.min())
    return float(known.min()) - margin, float(known.max()) + margin


def _add_whiskers(
    figure: go.Figure, values: dict[str, np.ndarray], chosen: np.ndarray, scale: Scale, mode: Mode
) -> None:
    """Intervals of an even choice of the chosen points, spread over the change retrained."""
    at = np.flatnonzero(chosen & np.isfinite(values["lo"]) & np.isfinite(values["retrained"]))
    at = at[np.argsort(values["retrained"][at], kind="stable")]
    if len(at) > WHISKERS:
        at = at[np.linspace(0, len(at) - 1, WHISKERS).astype(int)]
    x, lo, hi = (scale(values[key][at]) for key in ("retrained", "lo", "hi"))
    out = marks.outside(values["retrained"][at], values["lo"][at], values["hi"][at])
    for which, name, shade in (
        (~out, marks.INTERVAL, colour("reference", mode)),
        (out, "interval that misses", colour("domain-5", mode)),
    ):
        gap = np.full(int(which.sum()), np.nan)
        if len(gap):
            figure.add_trace(
                go.Scatter(
                    x=np.stack([x[which], x[which], gap], 1).ravel(),
                    y=np.stack([lo[which], hi[which], gap], 1).ravel(),
                    mode="lines", name=name, line={"color": shade, "width": 1}, hoverinfo="skip",
                    legendrank=40,
                )
            )  # fmt: skip


def _add_family(
    figure: go.Figure, name: str, which: np.ndarray, frame: pd.DataFrame, told: np.ndarray,
    values: dict[str, np.ndarray], out: np.ndarray, scale: Scale, mode: Mode, behind: bool,
) -> None:  # fmt: skip
    """Two traces, of one look each: plotly draws those much faster than looks of each point."""
    marker = {
        "color": colour(FAMILY_COLOURS[name], mode),
        "opacity": 0.25 if behind else 0.8,
        "symbol": "circle",
        "size": 5,
        "line": {"width": 0, "color": colour("truth", mode)},
    }
    beside = {"symbol": "diamond", "size": 7, "line": marker["line"] | {"width": 0.8}}
    for missed, look, called in (
        (False, marker, name),
        (True, marker | beside, f"{name}, outside"),
    ):
        at = np.flatnonzero(which & (out == missed))
        if missed and not len(at):
            continue
        figure.add_trace(
            go.Scatter(
                x=scale(values["retrained"][at]).astype(np.float32),
                y=scale(values["estimated"][at]).astype(np.float32),
                mode="markers", name=escaped(called), marker=look,
                legendgroup=name, showlegend=not missed,
                legendrank=10 + list(FAMILY_COLOURS).index(name),
                customdata=np.asarray(frame["row"])[at], hovertext=told[at],
                hovertemplate="%{hovertext}<extra></extra>",
            )
        )  # fmt: skip


def words(frame: pd.DataFrame) -> list[str]:
    """What the pointer is told of each point; from lists, since cells of a frame are slow."""
    keys = ("name", "order", "estimated", "retrained", "lo", "hi")
    named = {text: escaped(text) for key in keys[:2] for text in frame[key].unique()}
    found = []
    for name, order, *numbers in zip(*(frame[key].tolist() for key in keys), strict=True):
        estimated, retrained, lo, hi = numbers
        interval = f" [{lo:+.4f}, {hi:+.4f}]" if isfinite(lo) else ""
        told = f"estimated {estimated:+.4f}{interval}<br>retrained {retrained:+.4f}"
        found.append(f"{named[name]}<br>{named[order]}<br>{told.replace('-', '−')}")
    return found
