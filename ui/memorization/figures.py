"""Memorization's figures apart from its maps: frames → plotly figures, without Streamlit."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from reorder_core.analysis.frames import lines
from reorder_core.analysis.planted import ORDINARY
from reorder_core.analysis.position_effects import Effects
from reorder_core.store.run import Run
from ui.app import words
from ui.charts import marks
from ui.charts.bent import bend_of, bent, bent_axis, log_ticks
from ui.charts.cells import Grid
from ui.charts.ranges import Axes, ranges
from ui.charts.template import (
    Mode,
    Source,
    blank,
    colour,
    domain_colours,
    domain_groups,
    escaped,
    signed,
)

MANY = 3000
"""Dots beyond which the browser's graphics processor draws them: it takes a quarter of a second to
begin."""
CURVES = 6
"""Chosen samples whose curves are drawn; more colours cannot be told apart."""


def gain_and_swing(
    run: Run, samples: pd.DataFrame, chosen: Sequence[int], mode: Mode, source: Source
) -> go.Figure:
    """A dot a sample: what training gave it, and how much of that its step decides."""
    gain, swing = (samples[name].to_numpy(np.float64) for name in ("gain", "swing"))
    domain, ids = (samples[name].to_numpy() for name in ("domain", "sample"))
    told = np.array(_sample_words(run, samples), dtype=object)
    bend = bend_of(gain)  # canaries gain a hundred times what others do
    x, kind = bent(gain, bend), "scattergl" if len(samples) > MANY else "scatter"

    def dots(which: np.ndarray, name: str, marker: dict, entry: bool) -> dict:
        return {
            "type": kind, "x": x[which], "y": swing[which], "mode": "markers", "name": name,
            "marker": marker, "legendgroup": name, "showlegend": entry,
            "customdata": ids[which], "hovertext": told[which],
            "hovertemplate": "%{hovertext}<extra></extra>",
        }  # fmt: skip

    groups = domain_groups(s.domain for s in run.samples)
    picked, traces = np.isin(ids, list(chosen)), []
    for name, shade, domains in groups:  # one look a trace: a look a dot takes ten times as long
        fill, edge = colour(shade, mode, 0.35 if chosen else 1), colour("panel", mode)
        look = {"size": 8, "color": fill, "line": {"color": edge, "width": 1}}
        traces.append(dots(np.isin(domain, domains) & ~picked, name, look, True))
    for name, shade, domains in groups if chosen else ():
        these = np.isin(domain, domains) & picked
        edge = {"color": colour("truth", mode), "width": 1}
        if these.any():
            look = {"size": 15, "color": colour(shade, mode), "line": edge}
            traces.append(dots(these, name, look, False))
    low, high = float(gain.min()), float(gain.max())
    room = 0.1 * (high - low)
    gained = "gain by training, nats/token: measured on the reference"
    swings = "swing over steps, nats/token: estimated"
    figure = blank(
        "gain-and-swing", "What training gave, and what the step decides of it", mode, source, 430,
        xaxis=bent_axis(low - room, high + room, bend, 9) | {"title": {"text": gained}},
        yaxis={"type": "log", "title": {"text": swings}, **log_ticks()},
    )  # fmt: skip
    return figure.add_traces(traces)


def _sample_words(run: Run, part: pd.DataFrame) -> list[str]:
    """What the pointer is told, a sample each."""
    names = ("sample", "domain", "before", "after", "gain", "best", "best_step", "worst",
             "worst_step")  # fmt: skip
    return [
        f"<b>{escaped(words.of_sample(run, sample))}</b>, {escaped(domain)}<br>{before:.3f} → "
        f"{after:.3f}, gain {signed(gain)}<br>estimated: best at step {best_step + 1} "
        f"({signed(best)}), worst at step {worst_step + 1} ({signed(worst)})"
        for sample, domain, before, after, gain, best, best_step, worst, worst_step in zip(
            *(part[name].tolist() for name in names), strict=True
        )
    ]


def curves_frame(
    run: Run, effects: Effects, moves: pd.DataFrame, chosen: Sequence[int]
) -> pd.DataFrame:
    """Response curves of the first CURVES chosen samples, for `ranges`; with retrained moves."""
    frames = []
    for sample in list(chosen)[:CURVES]:
        own = lines(moves, moves["sample"] == sample).drop_duplicates("step").set_index("step")
        steps = np.arange(run.steps)
        frames.append(pd.DataFrame({
            "series": words.of_sample(run, sample), "sample": sample, "x": steps + 1,
            "value": effects.change[sample], "lo": effects.low[sample],
            "hi": effects.high[sample], "hover": [f"step {step + 1}" for step in steps],
            "retrained": own["retrained"].reindex(steps).to_numpy(np.float64),
        }))  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def curves(frame: pd.DataFrame, mode: Mode, source: Source) -> go.Figure:
    """The chosen samples' final own loss against the step that trains them."""
    shades = {name: f"domain-{at}" for at, name in enumerate(dict.fromkeys(frame["series"]))}
    axes = Axes("trained at step", "change of its final loss, nats/token")
    return ranges(frame, shades, axes, name="curves", title="The chosen samples at every step",
                  mode=mode, source=source, height=360)  # fmt: skip


def event_frame(study: pd.DataFrame) -> pd.DataFrame:
    """The event study as `ranges` takes it."""
    last = study["last"] != study["first"]
    hover = [
        f"{first} to {end} steps since, {count} samples" if wide else f"{first} steps since"
        for first, end, wide, count in zip(
            study["first"], study["last"], last, study["samples"], strict=True
        )
    ]
    return pd.DataFrame({"series": study["domain"], "x": study["since"], "value": study["value"],
                         "lo": study["lo"], "hi": study["hi"], "hover": hover})  # fmt: skip


def event_study(
    study: pd.DataFrame, of: Sequence[str], checkpoint: int, per_rate: bool, mode: Mode,
    source: Source,
) -> go.Figure:  # fmt: skip
    """What is left of training on a sample, against the steps since; of: samples' domains."""
    unit = "nats/token at the mean learning rate" if per_rate else "nats/token"
    axes = Axes("steps since it was trained (left of the line: not trained yet)",
                f"fall beyond the control’s, {unit}", since=-0.5,
                bend=_bend(study["value"].to_numpy()))  # fmt: skip
    return ranges(event_frame(study), domain_colours(of), axes, name="forgetting",
                  title=f"What is left after step {checkpoint}", mode=mode,
                  source=source, height=420)  # fmt: skip


def _bend(value: np.ndarray) -> float | None:
    """Where to bend, if the largest value would leave the others on one line."""
    size = np.abs(value[np.isfinite(value)])
    return bend_of(value) if len(size) and size.max() > 6 * np.median(size) else None


def profile_grid(cells: pd.DataFrame) -> tuple[Grid, pd.DataFrame]:
    """The memorization profile as a map: rows are checkpoints; with the cells in its order."""
    checkpoints = sorted(cells["checkpoint"].unique().tolist())
    cells = cells.sort_values(["checkpoint", "first"])
    shape = (len(checkpoints), -1)
    low, high = (cells[end].to_numpy().reshape(shape) for end in ("lo", "hi"))
    # Negated: blue is remembered better on every map here.
    value = -cells["value"].to_numpy().reshape(shape)
    firsts = cells["first"].to_numpy().reshape(shape)[0]
    edges = np.append(firsts, cells["last"].max() + 1)
    told = (low > 0) | (high < 0)
    rows = [f"after step {checkpoint}" for checkpoint in checkpoints]
    return Grid(rows, edges, value, (high - low) / 2 / 1.6449, told), cells


def planted_frame(curves: pd.DataFrame, group: str) -> pd.DataFrame:
    """One group's curve, estimated with its band and retrained with its own."""
    part = lines(curves, curves["group"] == group)
    frame = pd.DataFrame({
        "series": part["kind"], "x": part["step"] + 1, "value": part["value"],
        "lo": part["lo"], "hi": part["hi"],
        "hover": [f"step {step + 1:g}" for step in part["step"]],
    })  # fmt: skip
    return frame.reset_index(drop=True)


def planted(curves: pd.DataFrame, group: str, mode: Mode, source: Source) -> go.Figure:
    """Final loss of a group of samples against the step that trains them, around its mean."""
    axes = Axes("trained at step", "final loss around its mean, nats/token", 3)
    frame = planted_frame(curves, group)
    figure = ranges(
        frame, {"estimated": "estimate", "retrained": "truth"}, axes,
        name=f"planted-{'ordinary' if group == ORDINARY else group.split(' ')[0]}",
        title=f"{group}: final loss by its step", mode=mode, source=source, height=300,
    )  # fmt: skip
    figure.update_traces(
        selector={"name": "retrained"}, mode="markers", marker=marks.diamond(mode, 9)
    )
    return figure
