"""Figures of a search for an order: how it went, what was verified, its front, what went where."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from ui.charts import marks
from ui.charts.template import Mode, Source, blank, colour, domain_groups, escaped

Z90 = 1.6449


def progress(
    frame: pd.DataFrame,
    random: tuple[float, float],
    name: str,
    unit: str,
    *,
    mode: Mode,
    source: Source,
) -> go.Figure:
    """Verified values and the best so far, over retrainings, on the 90 % band of random orders.

    Columns: "number" from 1, "value", "best", "source". random: mean and standard deviation.
    """
    figure = blank("curriculum-progress", "Best order so far", mode, source, 340)
    mean, sd = random
    figure.add_hrect(
        mean - Z90 * sd, mean + Z90 * sd, fillcolor=colour("reference", mode, 0.16), line_width=0,
        annotation_text="90 % of random orders, estimated", annotation_position="top right",
        annotation_font={"size": 12, "color": colour("muted", mode)},
    )  # fmt: skip
    figure.add_hline(mean, line={"color": colour("reference", mode), "width": 1, "dash": "dot"})
    figure.add_trace(
        go.Scatter(
            x=frame["number"], y=frame["best"], mode="lines", name="best so far",
            line={"color": colour("estimate", mode), "width": 2, "shape": "hv"}, hoverinfo="skip",
        )
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=frame["number"], y=frame["value"], mode="markers", name=marks.RETRAINED,
            marker=marks.diamond(mode), hovertext=[escaped(text) for text in frame["source"]],
            hovertemplate="%{hovertext}<br>retrained %{y:.4f}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(title_text="retraining", tickformat="d", rangemode="tozero")
    figure.update_yaxes(title_text=escaped(f"{name}, {unit}"), nticks=6)
    return figure


def agreement(
    frame: pd.DataFrame, name: str, unit: str, *, mode: Mode, source: Source
) -> go.Figure:
    """Estimate against truth of all that was verified; on the line both are equal.

    Columns: "estimated", "lo", "hi", "realised", "source", "kind": found or proposal.
    """
    figure = blank("curriculum-agreement", "Estimate against retraining", mode, source, 340)
    values = frame[["estimated", "realised"]].to_numpy()
    ends = [float(values.min()), float(values.max())]
    figure.add_trace(
        go.Scatter(
            x=ends, y=ends, mode="lines", hoverinfo="skip", showlegend=False,
            line={"color": colour("axis", mode), "width": 1.5},
        )
    )  # fmt: skip
    for kind, shade in (("found", "estimate"), ("proposal", "domain-1")):
        part = frame[frame["kind"] == kind]
        if not len(part):
            continue
        bars = {
            "type": "data", "symmetric": False, "array": part["hi"] - part["estimated"],
            "arrayminus": part["estimated"] - part["lo"], "thickness": 1.5, "width": 0,
            "color": colour(shade, mode, 0.45),
        }  # fmt: skip
        figure.add_trace(
            go.Scatter(
                x=part["estimated"], y=part["realised"], mode="markers", error_x=bars,
                name="found by the search" if kind == "found" else "proposals",
                marker=marks.dot(colour(shade, mode), mode),
                hovertext=[escaped(text) for text in part["source"]],
                hovertemplate="%{hovertext}<br>estimated %{x:.4f}, retrained %{y:.4f}"
                "<extra></extra>",
            )
        )  # fmt: skip
    figure.update_xaxes(
        title_text=escaped(f"{name}, estimated before, with 90 % interval"), nticks=6
    )
    figure.update_yaxes(title_text=escaped(f"retrained, {unit}"), nticks=6)
    return figure


def pareto(frame: pd.DataFrame, names: Sequence[str], *, mode: Mode, source: Source) -> go.Figure:
    """Two objectives of verified orders; those that no other beats are joined by a line.

    Columns: "x", "y", "source", "front", "hash"; a point's customdata is its hash.
    """
    figure = blank("curriculum-front", "Compromises", mode, source, 380)
    best = frame.loc[frame["front"]].sort_values(by="x")
    figure.add_trace(
        go.Scatter(
            x=best["x"], y=best["y"], mode="lines", hoverinfo="skip", showlegend=False,
            line={"color": colour("estimate", mode), "width": 1.5, "dash": "dot"},
        )
    )  # fmt: skip
    for part, label, marker in (
        (frame[~frame["front"]], "beaten in both", marks.diamond(mode, 8)),
        (best, "best compromises", marks.diamond(mode, 11) | {"color": colour("estimate", mode)}),
    ):
        figure.add_trace(
            go.Scatter(
                x=part["x"], y=part["y"], mode="markers", name=label, marker=marker,
                customdata=part["hash"], hovertext=[escaped(text) for text in part["source"]],
                hovertemplate="%{hovertext}<br>%{x:.4f}, %{y:.4f}<extra></extra>",
            )
        )  # fmt: skip
    figure.update_xaxes(title_text=escaped(names[0]), nticks=6)
    figure.update_yaxes(title_text=escaped(names[1]), nticks=6)
    return figure


def whereabouts(
    shares: pd.DataFrame, of: Sequence[str], *, mode: Mode, source: Source
) -> go.Figure:
    """Which domain is trained when: stacked shares of stretches of training.

    Rows are stretches, indexed by the share of training at their middle; columns
    domains. `of`: every sample's domain. Domains that share a colour are one bar.
    """
    figure = blank("curriculum-domains", "What comes when", mode, source, 320)
    for name, shade, names in domain_groups(of):
        whole = escaped(names[0]) if len(names) == 1 else name
        figure.add_trace(
            go.Bar(
                x=shares.index, y=shares[list(names)].sum(axis=1), name=name,
                marker={"color": colour(shade, mode), "line": {"width": 0}},
                hovertemplate=f"{whole}: %{{y:.0%}}<extra></extra>",
            )
        )  # fmt: skip
    figure.update_layout(barmode="stack", bargap=0.06)
    figure.update_xaxes(title_text="share of training", tickformat=".0%", range=[0, 1])
    figure.update_yaxes(title_text="share of samples", tickformat=".0%", range=[0, 1])
    return figure
