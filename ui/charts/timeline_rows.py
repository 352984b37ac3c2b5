"""The Timeline's two charts of rows: held-out loss by domain, and what moved most."""

from dataclasses import replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ui.charts.dots import Axis, dots
from ui.charts.template import Mode, Source, domain_colours
from ui.charts.theme import OTHER

SHOWN = 9
"""Samples listed of those that moved most."""
DOMAINS_SHOWN = 11
"""Held-out domains listed at most, beside their mean: those that change most."""
LONGEST = 34
"""Letters of a row's name."""
GENERALIZATION = Axis("change of held-out loss, nats/token", digits=4, least=0.004)
MOVED = Axis("change of final loss, nats/token", digits=3, least=0.004)
ALL = "all domains"


def generalization(frame: pd.DataFrame, mode: Mode, source: Source) -> go.Figure:
    """A figure of `results_table`'s held-out domains and, first, their mean."""
    known = frame[frame.kind == "held_out"]
    of = list(frame.domain[frame.kind == "sample"])
    ends = {"value": "estimate", "lo": "low_90", "hi": "high_90", "retrained": "retrained"}
    rows = pd.DataFrame({key: known[column] - known.reference for key, column in ends.items()})
    shades = domain_colours(of) or domain_colours(known.domain)
    rows.insert(0, "label", known.domain)
    rows["colour"] = [shades.get(name, f"domain-{OTHER}") for name in known.domain]
    mean = {key: rows[key].mean(skipna=False) for key in ends} | {"label": ALL, "colour": "ink"}
    most = np.argsort(-np.abs(rows.value.to_numpy(float)), kind="stable")[:DOMAINS_SHOWN]
    axis = GENERALIZATION
    if len(most) < len(rows):
        told = f"{axis.name}; {len(most)} of {len(rows)} domains that change most"
        axis = replace(axis, name=told)
    rows = pd.concat([pd.DataFrame([mean]), rows.iloc[np.sort(most)]]).assign(series="estimate")
    return dots(rows, axis, name="generalization", title="Generalization", mode=mode,
                source=source)  # fmt: skip


def moved(frame: pd.DataFrame, texts: list[str], mode: Mode, source: Source) -> go.Figure:
    """A figure of `ranking_table`'s first rows; texts: each sample's text, by id."""
    rows = frame.head(SHOWN)
    shades = domain_colours(frame.domain)
    return dots(
        pd.DataFrame({
            "label": [name_of(row["sample_id"], row["flags"], texts[row["sample_id"]])
                      for row in rows.to_dict("records")],
            "series": "estimate", "value": rows.change, "lo": rows.low_90, "hi": rows.high_90,
            "retrained": rows.retrained, "colour": [shades[name] for name in rows.domain],
        }),
        MOVED, name="ranking", title="What moved most", mode=mode, source=source,
    )  # fmt: skip


def name_of(sample: int, flags: str, text: str) -> str:
    """`64 canary · The secret of …`: a row's name, cut to a line."""
    line = " ".join(f"{flags.split(' ')[0]} · {text}".split() if flags else text.split())
    name = f"{sample} {line}"
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def example(domains: tuple[str, ...]) -> pd.DataFrame:
    """Rows as `ranking_table` gives them, for a figure that shows its frame before any move."""
    count = SHOWN
    return pd.DataFrame({
        "sample_id": np.arange(count), "domain": [domains[i % len(domains)] for i in range(count)],
        "flags": "", "change": 0.1, "low_90": 0.0, "high_90": 0.2, "retrained": np.nan,
    })  # fmt: skip
