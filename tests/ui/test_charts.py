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
from ui.charts.heat import heat
from ui.charts.loss_curve import loss_curve
from ui.charts.mosaic import mosaic
from ui.charts.points import FAMILY_COLOURS, Scale, points
from ui.charts.template import MODES, Mode, Source
from ui.charts.timeline.rows import name_of
from ui.charts.trust import trust
from ui.pages.fidelity_sentences import FAMILY_WORDS

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


def test_what_is_written_from_right_to_left_turns_nothing_beside_it() -> None:
    within, without = "\u2068שלום\u2069", "plain"
    assert template.isolated("שלום") == template.escaped("שלום") == template.label("שלום") == within
    assert template.isolated(without) == template.escaped(without) == without
    assert name_of(64, "canary", "שלום") == f"64 canary · {within}"
    hover = traces(drawn(rows(label=["all", "books", "שלום"])))
    assert any(f"<b>{within}</b>" in words for t in hover for words in t.hovertext or ())
    foreign = template.escaped("ש\u2069 \u202eturned")
    assert foreign == "\u2068ש \ufffdturned\u2069", "a text cannot leave its own isolation"
    long = template.label(f"64 {template.isolated('שלום' * 20)}")
    assert long.count("\u2068") == long.count("\u2069") == 2, "closed though it was cut"


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


def losses() -> pd.DataFrame:
    return pd.DataFrame(
        {"row": [0, 0, 1], "family": ["random", "random", "move"], "order": "order 1",
         "name": ["sample 0", "<i>sample 1", "sample 2"], "retrained": [0.1, -0.2, 0.3],
         "estimated": [0.12, -0.1, 0.3], "lo": [0.0, -0.15, np.nan], "hi": [0.2, 0.0, np.nan]}
    )  # fmt: skip


def test_points_outside_their_interval_are_diamonds_and_lead_to_their_order() -> None:
    figure = points(losses(), Scale(None), focus="random", mode="dark", source=SOURCE, shown="x")
    found = named(figure)
    held, missed = found["random"], found["random, outside"]
    assert (held["marker"]["symbol"], missed["marker"]["symbol"]) == ("circle", "diamond")
    assert list(found["move"]["customdata"]) == [1] and list(missed["customdata"]) == [0]
    assert len(held["x"]) == 1 and held["legendgroup"] == missed["legendgroup"]
    assert "&lt;i&gt;sample 1" in missed["hovertext"][0] and "−0.2000" in missed["hovertext"][0]
    assert found["move"]["marker"]["opacity"] < found["random"]["marker"]["opacity"]
    assert len(found["interval that misses"]["x"]) == len(found[marks.INTERVAL]["x"]) == 3


def test_every_family_has_a_colour_and_is_drawn() -> None:
    assert set(FAMILY_COLOURS) == set(FAMILY_WORDS)
    frame = pd.concat([losses().assign(family=name) for name in FAMILY_COLOURS])
    figure = points(frame, Scale(None), focus="in-out", mode="light", source=SOURCE, shown="x")
    shown = sum(len(t.x) for t in traces(figure) if t.customdata is not None)
    assert shown == len(frame)


def test_bent_points_lie_where_their_axis_says() -> None:
    figure = points(losses(), Scale(0.05), focus=None, mode="light", source=SOURCE, shown="x")
    x = np.asarray(named(figure)["move"]["x"], np.float64)
    assert np.sinh(x[0]) * 0.05 == pytest.approx(0.3, rel=1e-5)
    assert named(figure)["move"]["type"] == "scatter"


def test_trust_is_hatched_beyond_the_farthest_retrained_order() -> None:
    frame = pd.DataFrame({"family": ["random", "blocks"], "hash": ["a" * 16, "b" * 16],
                          "error": [0.01, 0.02], "change": 0.1, "distance": [0.4, 0.9],
                          "expected": np.nan})  # fmt: skip
    found = named(trust(frame, "distance", focus=None, mode="light", source=SOURCE))
    assert min(found[marks.BEYOND]["x"]) == 0.9 < max(found[marks.BEYOND]["x"])
    assert found[marks.BEYOND]["fillpattern"]["shape"] == "/"
    assert list(found["blocks"]["customdata"]) == [1]


def test_a_heat_map_answers_clicks_by_markers_over_its_cells_and_marks_what_is_unknown() -> None:
    frame = pd.DataFrame({"sample": [5, 5, 9, 9], "step": [1, 4, 1, 4], "hash": list("abcd"),
                          "home": [True, False, False, False], "text": "<script>",
                          "change": [0.0, -0.04, np.nan, 0.01]})  # fmt: skip
    figure = heat(frame, 0.04, name="h", title="H", mode="light", source=SOURCE)
    found = named(figure)
    assert list(found["cells"]["customdata"]) == list("abcd")
    assert (found["cells"]["marker"]["opacity"], found["cells"]["type"]) == (0, "scatter")
    assert list(found["not yet retrained"]["x"]) == [0] and found["its own place"]["y"] == (0,)
    z = next(t for t in traces(figure) if t["type"] == "heatmap")["z"]
    assert z[0][1] == -1 and z[1][1] == pytest.approx(0.5) and np.isnan(z[1][0])
    assert "<script>" not in "".join(found["cells"]["hovertext"])


def test_the_mosaic_has_a_cell_a_sample_and_a_legend_of_domains() -> None:
    frame = pd.DataFrame({"step": [1, 1, 2, 2], "place": [1, 2, 1, 2], "sample": [3, 1, 0, 2],
                          "domain": ["b", "a", "a", "<u>"]})  # fmt: skip
    figure = mosaic(frame, mode="light", source=SOURCE)
    cells = next(t for t in traces(figure) if t["type"] == "heatmap")
    assert cells["text"][0][0] == "sample 3, b" and cells["text"][1][1] == "sample 2, &lt;u&gt;"
    assert set(named(figure)) >= {"a, 2", "b, 1", "&lt;u&gt;, 1"}


def test_the_loss_curve_has_every_step_and_evaluation() -> None:
    steps = pd.DataFrame({"step": [1, 2], "loss": [2.0, 1.5], "learning_rate": [1e-3, 5e-4]})
    held_out = pd.DataFrame({"step": [0, 2], "loss": [2.1, 1.9]})
    found = named(loss_curve(steps, held_out, mode="light", source=SOURCE))
    assert list(found["training batch"]["y"]) == [2.0, 1.5]
    assert list(found["held-out text"]["x"]) == [0, 2]
    assert list(found["learning rate"]["y"]) == [1e-3, 5e-4, 5e-4]
