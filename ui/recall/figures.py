"""The Extraction page's figures: frames → plotly figures, without Streamlit."""

from typing import Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from reorder_core.analysis.attack import FPR, Roc
from reorder_core.analysis.frames import column, lines, records
from reorder_core.store.run import Run
from ui.app import words
from ui.charts import marks, theme
from ui.charts.dots import Axis, dots
from ui.charts.template import FOOT, Mode, Source, blank, colour, escaped, isolated, label

Against = Literal["step", "times"]
ACROSS: dict[Against, str] = {
    "step": "trained at step, mean over repetitions", "times": "how often it is trained",
}  # fmt: skip
BY_CHANCE = float(np.log2(20))
"""Bits: one secret in twenty that nobody planted stands as high."""
INFLUENCES = 6
"""Samples that help, and that hurt, most."""


def exposure(
    run: Run,
    measured: pd.DataFrame,
    here: pd.DataFrame | None,
    mode: Mode,
    source: Source,
    against: Against = "step",
) -> go.Figure:
    """Exposure against the canary's mean step, or against how often it is trained.

    Of the reference, of retrainings, estimated for the order on screen.
    """
    measured = measured.assign(x=_across(measured, against))
    here = None if here is None else here.assign(x=_across(here, against))
    beside = {"title": {"text": "exposure, bits"}, "rangemode": "tozero", "nticks": 7}
    below = {"title": {"text": ACROSS[against]}, "nticks": 9}
    chance = {
        "type": "line", "xref": "x domain", "x0": 0, "x1": 1, "y0": BY_CHANCE, "y1": BY_CHANCE,
        "line": {"color": colour("axis", mode), "width": 1.5, "dash": "dot"},
    }  # fmt: skip
    figure = blank(
        "exposure", "Exposure of the canaries’ secrets", mode, source, 400, shapes=[chance],
        yaxis=beside, xaxis=below | ({"dtick": 1} if against == "times" else {}),
    )  # fmt: skip
    canaries = list(dict.fromkeys(measured["sample"]))
    named = canaries if len(canaries) <= theme.OTHER + 1 else canaries[: theme.OTHER]
    for number, sample in enumerate(canaries):
        shade, name = f"domain-{min(number, theme.OTHER)}", label(words.of_sample(run, int(sample)))
        entry = name if sample in named else f"{len(canaries) - len(named)} more canaries"
        own = lines(measured, measured["sample"] == sample)
        truth, first = (lines(own, own["known"] == kind) for kind in ("retrained", "reference"))
        figure.add_trace(
            _points(
                truth,
                marks.diamond(mode, 8) | {"line": {"color": colour(shade, mode), "width": 1.5}},
                name,
                "retrained",
            ).update(showlegend=False, legendgroup=entry)
        )
        figure.add_trace(
            _points(first, marks.dot(colour(shade, mode), mode, 13), name, "reference").update(
                showlegend=number <= len(named), legendgroup=entry, name=entry
            )
        )
        if here is not None:
            part = lines(here, here["sample"] == sample)
            figure.add_trace(_estimate(part, colour(shade, mode), name).update(legendgroup=entry))
    figure.add_trace(marks.key("retrained", marks.diamond(mode, 8)))
    extracted = lines(measured, measured["extractable"])
    if len(extracted):
        ring = {"symbol": "circle-open", "size": 19,
                "line": {"width": 2, "color": colour("ink", mode)}}  # fmt: skip
        figure.add_trace(go.Scatter(x=extracted["x"], y=extracted["exposure"],
                                    mode="markers", marker=ring, hoverinfo="skip",
                                    name="extractable"))  # fmt: skip
    return figure


def _across(frame: pd.DataFrame, against: Against) -> np.ndarray:
    """Where lines stand: steps count from 1, repetitions are spread a little by canary."""
    if against == "step":
        return column(frame, "step") + 1
    known = list(dict.fromkeys(frame["sample"]))
    place = np.array([known.index(sample) for sample in frame["sample"]])
    return column(frame, "times") + 0.5 * (place - (len(known) - 1) / 2) / max(1, len(known))


def _points(part: pd.DataFrame, marker: dict, name: str, kind: str) -> go.Scatter:
    return go.Scatter(
        x=part["x"], y=part["exposure"], mode="markers", marker=marker, name=name,
        cliponaxis=False,
        customdata=part[["order", "sample"]].to_numpy().tolist(),
        hovertext=[
            f"<b>{name}</b>, {kind}<br>{one['exposure']:.2f} bits of {one['space']:.1f}, "
            f"trained {one['times']}×, loss {one['loss']:.3f}"
            + ("<br>extractable" if one["extractable"] else "")
            for one in part.to_dict("records")
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip


def _estimate(part: pd.DataFrame, shade: str, name: str) -> go.Scatter:
    known = bool(np.isfinite(column(part, "lo")).all())
    error = {
        "type": "data",
        "symmetric": False,
        "array": part["hi"] - part["exposure"],
        "arrayminus": part["exposure"] - part["lo"],
        "color": shade,
        "thickness": 2,
    }
    return go.Scatter(
        x=part["x"], y=part["exposure"], mode="markers", showlegend=False,
        marker={"symbol": "square", "size": 10, "color": shade},
        error_y=error if known else None, name=name,
        hovertext=[f"<b>{name}</b>, estimated for the order on screen<br>{one['exposure']:.2f} "
                   f"bits" + (f" [{one['lo']:.2f}, {one['hi']:.2f}]" if known else "")
                   for one in records(part)],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip


def influence(
    run: Run, found: pd.DataFrame, sample: int, mode: Mode, source: Source
) -> tuple[go.Figure, pd.DataFrame]:
    """The samples whose training helps and hurts a sample most; with the lines drawn."""
    others = lines(found, found["sample"] != sample).groupby("sample", as_index=False).agg(
        effect=("effect", "sum"), step=("step", "min")
    )  # fmt: skip
    ranked = others.sort_values("effect")
    part = pd.concat([ranked.head(INFLUENCES), ranked.tail(INFLUENCES)]).drop_duplicates("sample")
    frame = pd.DataFrame({
        "label": [words.of_sample(run, int(i)) + f" · {isolated(run.samples[int(i)].text[:24])}"
                  for i in part["sample"]],
        "series": "effect", "value": part["effect"], "lo": np.nan, "hi": np.nan,
        "retrained": np.nan,
        "colour": np.where(part["effect"] < 0, "fall", "rise"),
        "hover": [f"trained at step {step + 1}" for step in part["step"]],
        "sample": part["sample"],
    })  # fmt: skip
    figure = dots(frame, Axis("change of the sample’s final loss, nats/token", 5), above=True,
                  name="influence", title="Whose training helps it (left) and hurts it (right)",
                  mode=mode, source=source)  # fmt: skip
    return figure, frame


def roc(curves: dict[str, Roc], mode: Mode, source: Source) -> go.Figure:
    """Members found against others taken for members, a line a score; no better than chance."""
    chance = {"color": colour("axis", mode), "width": 1.5, "dash": "dot"}
    strict = {"color": colour("line", mode), "width": 1.5}
    figure = blank(
        "roc", "Members found against others taken for members", mode, source, 420,
        xaxis={"title": {"text": "share of others taken for members"}, "range": [-0.01, 1.01]},
        yaxis={"title": {"text": "share of members found"}, "range": [-0.01, 1.02]},
        margin={"b": FOOT + 4},
        shapes=[
            {"type": "line", "x0": 0, "y0": 0, "x1": 1, "y1": 1, "line": chance},
            {"type": "line", "yref": "y domain", "y0": 0, "y1": 1, "x0": FPR, "x1": FPR,
             "line": strict},
        ],
    )  # fmt: skip
    for number, (name, one) in enumerate(curves.items()):
        figure.add_trace(
            go.Scatter(
                x=one.false, y=one.true, mode="lines", name=escaped(name),
                line={"color": colour(f"domain-{number}", mode), "width": 2, "shape": "hv",
                      "dash": "dot" if "estimated" in name else "solid"},
                hovertemplate=f"<b>{escaped(name)}</b><br>%{{y:.3f}} found at %{{x:.3f}}"
                              "<extra></extra>",
            )
        )  # fmt: skip
    return figure


def roc_table(curves: dict[str, Roc]) -> pd.DataFrame:
    """What each curve comes to."""
    return pd.DataFrame([
        {"score": name, "AUC": one.area, "AUC from": one.area_ends[0], "AUC to": one.area_ends[1],
         "found at 1 %": one.caught, "found from": one.caught_ends[0],
         "found to": one.caught_ends[1]}
        for name, one in curves.items()
    ])  # fmt: skip
