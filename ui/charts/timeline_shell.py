"""The frames of the Timeline's four figures: sent once, filled by the browser at every drop.

Building four figures in Python takes about half a second, a drop a fifth of
one. So the browser gets layouts, marks and colours that the figures' own
functions made, and puts an order's numbers in; tests/ui/test_timeline_charts.py
holds what it draws to what those functions draw of the same order.
"""

import json
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from ui.charts import marks, theme
from ui.charts.template import FOOT, MODES, Mode, Source, colour, template
from ui.charts.timeline_memorization import MANY, memorization
from ui.charts.timeline_rows import example, generalization, moved
from ui.charts.timeline_trajectory import trajectory


def shell(results: pd.DataFrame, curve: pd.DataFrame, steps: int, batch: int) -> dict[str, Any]:
    """Mode → template, layouts by figure, marks, colours; from the reference order's numbers.

    results: as `results_table` gives it; curve: as `trajectory` takes it.
    """
    return {mode: _of(mode, results, curve, steps, batch) for mode in MODES}


def _of(
    mode: Mode, results: pd.DataFrame, curve: pd.DataFrame, steps: int, batch: int
) -> dict[str, Any]:
    domains, nowhere = tuple(sorted(set(results.domain))), Source("")
    listed = example(domains)
    figures = {
        "memorization": memorization(results, steps, batch, mode, nowhere),
        "generalization": generalization(results, mode, nowhere),
        "ranking": moved(listed, [""] * len(listed), mode, nowhere),
        "trajectory": trajectory(curve, mode, nowhere),
    }
    return {
        "template": template(mode).to_plotly_json(),
        "layouts": {name: _layout(figure) for name, figure in figures.items()},
        "colours": {name: colour(name, mode) for name in theme.COLOURS}
        | {f"domain-{i}": colour(f"domain-{i}", mode) for i in range(len(theme.DOMAINS))},
        "marks": {
            "dot": marks.dot("", mode),
            "diamond": marks.diamond(mode),
            "missed": marks.missed(mode),
            "key": marks.key_bar(mode).to_plotly_json(),
            "retrainedName": marks.RETRAINED,
            "missedName": marks.MISSED,
        },
        "foot": FOOT,
        "many": MANY,
    }


def _layout(figure: go.Figure) -> dict[str, Any]:
    layout = json.loads(figure.to_json() or "")["layout"]
    layout.pop("template")
    return layout
