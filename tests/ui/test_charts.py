"""Figures as functions: what stands in a frame stands in the figure, marked as everywhere."""

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from driving import ROOT
from test_theme import contrast

from ui.charts import bent, marks, template
from ui.charts.dots import Axis, dots
from ui.charts.template import MODES, Mode, Source

SOURCE = Source("demo-1", "hybrid, 16 + 3 retrainings", "0123456789abcdef")


def rows(**columns: Any) -> pd.DataFrame:
    base = {"label": ["all", "books", "<b>web"], "series": "estimate", "value": [0.1, -0.2, 0.3],
            "lo": [0.0, -0.3, np.nan], "hi": [0.2, -0.1, np.nan], "retrained": np.nan,
            "colour": ["ink", "domain-0", "domain-1"]}  # fmt: skip
    return pd.DataFrame(base | columns)


def drawn(frame: pd.DataFrame, axis: Axis | None = None, mode: Mode = "light") -> go.Figure:
    axis = axis or Axis("change of loss, nats/token")
    return dots(frame, axis, name="n", title="T", mode=mode, source=SOURCE)


def traces(figure: go.Figure) -> list[Any]:
    return list(figure.data)  # type: ignore[attr-defined]


def named(figure: go.Figure) -> dict[str, Any]:
    return {trace["name"]: trace for trace in traces(figure) if trace["name"]}


def test_figures_are_made_without_streamlit() -> None:
    check = "import sys, ui.charts.dots; assert 'streamlit' not in sys.modules; import streamlit"
    subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=True)


@pytest.mark.parametrize("mode", MODES)
def test_a_figure_keeps_our_colours_when_streamlit_has_made_its_own_the_default(mode: Mode) -> None:
    import streamlit  # noqa: F401  registers a template of sentinel colours

    layout = drawn(rows(), mode=mode).to_dict()["layout"]["template"]["layout"]
    ground = layout["paper_bgcolor"]
    assert contrast(layout["font"]["color"], ground) >= 4.5
    assert contrast(layout["xaxis"]["tickfont"]["color"], ground) >= 4.5


def test_the_footer_says_run_order_and_estimator_and_file_names_are_safe() -> None:
    figure = drawn(rows()).to_dict()
    (footer,) = [a["text"] for a in figure["layout"]["annotations"] if a.get("name") == "footer"]
    assert footer == "run demo-1 · order 01234567 · hybrid, 16 + 3 retrainings"
    file = template.config(drawn(rows()))["toImageButtonOptions"]["filename"]
    assert file == "n_demo-1_01234567_hybrid"
    assert Source("../a b").file("x/y") == "x-y_..-a-b"


def test_each_row_has_its_dot_its_interval_and_its_number() -> None:
    figure = drawn(rows())
    points = named(figure)["estimate"]
    assert list(points["x"]) == [0.1, -0.2, 0.3] and list(points["y"]) == [0, -1, -2]
    bars = [t for t in traces(figure) if t["mode"] == "lines" and t["showlegend"] is False]
    ends = [tuple(t["x"][:2]) for t in bars if len(t["x"])]
    assert ends == [(0.0, 0.2), (-0.3, -0.1)]  # the third has none
    texts = [a["text"] for a in figure.to_dict()["layout"]["annotations"]]
    assert texts[-3:] == ["<b>+0.100</b>", "<b>−0.200</b>", "<b>+0.300</b>"]


def test_labels_are_no_markup() -> None:
    figure = drawn(rows())
    ticks = figure.to_dict()["layout"]["yaxis"]["ticktext"]
    assert list(ticks) == ["all", "books", "&lt;b&gt;web"]
    assert "<b>&lt;b&gt;web</b>" in named(figure)["estimate"]["hovertext"][2]
    assert "\u001b" not in template.escaped("a\u001b[31m")


def test_a_retraining_outside_its_interval_has_a_mark_and_a_name_of_its_own() -> None:
    found = named(drawn(rows(retrained=[0.15, 0.4, 0.2])))
    assert list(found[marks.RETRAINED]["x"]) == [0.15, 0.2]  # no interval, so none missed
    assert list(found[marks.MISSED]["x"]) == [0.4]
    assert found[marks.MISSED]["marker"]["color"] != found[marks.RETRAINED]["marker"]["color"]
    assert "outside the interval" in found[marks.MISSED]["hovertext"][0]
    assert marks.MISSED not in named(drawn(rows(retrained=[0.15, -0.2, 0.2])))


def test_series_lie_side_by_side_in_their_row_and_values_beyond_the_axis_are_arrows() -> None:
    frame = pd.concat([rows(series="ours"), rows(series="other", value=[-3.0, 0.1, 0.2])])
    found = named(drawn(frame, Axis("share", signed=False, limits=(0.0, 1.0))))
    ours, other = found["ours"], found["other"]
    assert all(a > b for a, b in zip(ours["y"], other["y"], strict=True))
    assert other["marker"]["symbol"][0] == "triangle-left" and other["x"][0] == 0.0


def test_bent_axes_tell_their_values_and_keep_their_order() -> None:
    axis = bent.bent_axis(-3.0, 0.2, 0.05)
    assert axis["ticktext"] == sorted(axis["ticktext"], key=lambda t: float(t.replace("−", "-")))
    for at, text in zip(axis["tickvals"], axis["ticktext"], strict=True):
        assert np.sinh(at) * 0.05 == pytest.approx(float(text.replace("−", "-")), abs=1e-9)
    assert "0" in axis["ticktext"] and bent.bend_of([0.0, 0.1, -0.1, np.nan]) == 0.2


def test_a_figure_is_the_same_bytes_twice_so_that_a_rerun_leaves_it_alone() -> None:
    first, second = (drawn(rows()).to_json() for _ in range(2))
    assert first == second
