"""The Timeline's two charts of rows: held-out loss by domain, and what moved most."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ui.charts.dots import Axis, height_of, plot_of
from ui.charts.template import Mode, Source, isolated, layout
from ui.charts.theme import OTHER
from ui.charts.timeline.plot import Changes, Drawn

SHOWN = 9
"""Samples listed of those that moved most."""
NOTHING = 1e-6
"""Nats per token under which a sample has not moved."""
DOMAINS_SHOWN = 11
"""Held-out domains listed at most, beside their mean: those that change most."""
LONGEST = 34
"""Letters of a row's name."""
GENERALIZATION = Axis("change of held-out loss, nats/token", digits=4, least=0.004)
MOVED = Axis("change of final loss, nats/token", digits=3, least=0.004)
ALL = "all domains"
_COLUMNS = {"lo": "low 90 %", "hi": "high 90 %", "retrained": "retrained", "value": "change"}


def generalization(
    domains: Sequence[str], changed: Changes, colours: dict[str, str], mode: Mode, source: Source
) -> Drawn:
    """A figure of the held-out domains' changes and, first, their mean.

    colours: domain → the name of its colour, of those that are trained on, too.
    """
    rows = _rows(changed)
    for row, name in zip(rows, domains, strict=True):
        row |= {"label": name, "colour": colours.get(name, f"domain-{OTHER}")}
    mean = {key: float(np.mean([row[key] for row in rows])) for key in _COLUMNS}
    whole = mean | {"label": ALL, "series": "estimate", "colour": "ink"}
    most = np.argsort(-np.abs(changed.value), kind="stable")[:DOMAINS_SHOWN]
    listed = [whole, *(rows[at] for at in sorted(most.tolist()))]
    axis, title = GENERALIZATION, "Generalization"
    if len(most) < len(rows):
        told = f"{len(most)} of {len(rows)} domains that change most"
        axis, title = replace(axis, name=f"{axis.name}; {told}"), f"{title}, the {told}"
    plot = plot_of(listed, axis, name="generalization", title=title, mode=mode, source=source)
    beside = height_of(SHOWN)  # its neighbour's height, if it can
    plot["layout"]["height"] = max(beside, plot["layout"]["height"])
    return Drawn(plot, lambda: _table("held-out", [whole, *rows]))


def moved(
    samples: Sequence[tuple[str, str, str]], changed: Changes, against: str, mode: Mode,
    source: Source,
) -> Drawn:  # fmt: skip
    """A figure of the samples that changed most; samples: text, first flag, name of the colour.

    `against` says which order the changes are against; a point's customdata begins with its
    sample's id.
    """
    size = np.abs(changed.value)
    listed = np.argsort(-size, kind="stable")[:SHOWN]
    listed = listed[size[listed] > NOTHING]
    rows = _rows(changed, listed)
    for row, sample in zip(rows, listed.tolist(), strict=True):
        text, flag, shade = samples[sample]
        row |= {"sample": sample, "label": name_of(sample, flag, text), "colour": shade}
    title = f"What moved most, against {against}"
    if not rows:
        return Drawn(_nothing(title, against, mode, source), lambda: _table("sample", rows))
    plot = plot_of(rows, MOVED, name="ranking", title=title, mode=mode, source=source, least=SHOWN)
    return Drawn(plot, lambda: _table("sample", rows))


def name_of(sample: int, flag: str, text: str) -> str:
    """`64 canary · The secret of …`: a row's name, cut to a line."""
    head, line = f"{sample} {flag} · " if flag else f"{sample} ", " ".join(text.split())
    room = LONGEST - len(head)
    return head + isolated(line if len(line) <= room else line[: room - 1] + "…")


def _rows(changed: Changes, of: Any = slice(None)) -> list[dict[str, Any]]:
    columns = {"value": changed.value, "lo": changed.low, "hi": changed.high,
               "retrained": changed.retrained}  # fmt: skip
    lists = [array[of].astype(float).tolist() for array in columns.values()]
    made = (dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True))
    return [row | {"series": "estimate"} for row in made]


def _table(head: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """`sample_id` first, where rows are samples."""
    ids = {"sample_id": [row["sample"] for row in rows]} if head == "sample" else {}
    numbers = {name: [row[key] for row in rows] for key, name in _COLUMNS.items()}
    return pd.DataFrame(ids | {head: [row["label"] for row in rows]} | numbers)


def _nothing(title: str, against: str, mode: Mode, source: Source) -> dict[str, Any]:
    text = ("Nothing differs: this is the reference order." if "reference" in against
            else "No move yet in this history.")  # fmt: skip
    drawn = layout("ranking", title, mode, source, height_of(SHOWN))
    drawn["annotations"].append({
        "text": f"{text}<br>Drag a tile to another step.", "showarrow": False, "align": "center",
        "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.6,
    })  # fmt: skip
    return {
        "data": [],
        "layout": drawn | {"xaxis": {"visible": False}, "yaxis": {"visible": False}},
    }
