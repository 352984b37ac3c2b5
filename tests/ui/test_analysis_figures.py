"""Figures and sentences of Memorization and Generalization, from frames; no page, no browser."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from reorder_core.analysis.position_effects import Effects
from reorder_core.orders.moves import Move
from ui.charts.bent import bend_of, bent
from ui.charts.cells import FAINT, HOME, Grid, cells
from ui.charts.ranges import Axes, ranges
from ui.charts.template import Source
from ui.generalization import frames
from ui.generalization import sentences as held_out_words
from ui.generalization.frames import PricedMove
from ui.memorization import sentences, table

SOURCE = Source("run-1", "position table")


def grid(**changes: Any) -> Grid:
    value = np.array([[0.0, -0.2, 0.1, 0.05], [0.3, 0.0, -0.01, 0.02]])
    told = np.array([[False, True, True, False], [True, False, False, False]])
    known: dict[str, Any] = {
        "rows": ("a <b>", "c"), "edges": np.array([0, 1, 2, 3, 4]), "value": value,
        "sd": np.full((2, 4), 0.03), "told": told, "home": np.array([0, 1]),
    }  # fmt: skip
    return Grid(**known | changes)


def traces(figure: Any) -> list[Any]:
    return list(figure.data)


def drawn(g: Grid, truth: pd.DataFrame | None = None):
    return cells(g, name="map", title="A map", what="change", mode="light", source=SOURCE,
                 truth=truth)  # fmt: skip


def test_cells_told_from_zero_are_full_and_the_others_faint():
    g = grid()
    full, faint = (t for t in traces(drawn(g)) if t.type == "heatmap")
    assert (full.opacity, faint.opacity) == (1, FAINT)
    expected = bent(g.value, bend_of(g.value))
    assert np.allclose(full.z, np.where(g.told, expected, np.nan), equal_nan=True, atol=1e-6)
    assert np.allclose(faint.z, np.where(g.told, np.nan, expected), equal_nan=True, atol=1e-6)


def test_a_marker_lies_over_each_cell_and_carries_its_place():
    (over,) = (t for t in traces(drawn(grid())) if t.name == "cells")
    assert over.type == "scatter" and over.marker.maxdisplayed == 1
    for x, y, cell in zip(over.x, over.y, over.customdata, strict=True):
        row, column = grid().cell(int(cell))
        assert (x, y) == (column + 1, row), "steps are counted from 1"
    assert len(over.x) == 8
    assert over.marker.opacity == over.unselected.marker.opacity == 0
    assert over.hovertext[1] == "a &lt;b&gt;, step 2<br>−0.200 [−0.249, −0.151]"
    assert over.hovertext[7].endswith("not told from zero")


def test_columns_of_several_steps_say_so_and_open_the_middle_one():
    wide = grid(edges=np.array([0, 8, 16, 24, 32]))
    (over,) = (t for t in traces(drawn(wide)) if t.name == "cells")
    assert "steps 9 to 16" in over.hovertext[1]
    assert over.x[1] == 12.5
    assert [wide.step_of(c) for c in range(4)] == [3, 11, 19, 27]


def test_hatching_covers_the_untrusted_cells_and_no_others():
    untrusted = np.array([[True, True, False, True], [False] * 4])
    (hatch,) = (
        t for t in traces(drawn(grid(untrusted=untrusted))) if t.type == "scatter" and t.fill
    )
    corners = [(x, y) for x, y in zip(hatch.x, hatch.y, strict=True) if x is not None]
    assert {x for x, _ in corners} == {0.5, 2.5, 3.5, 4.5}
    assert {y for _, y in corners} == {-0.5, 0.5}
    assert not [t for t in traces(drawn(grid(untrusted=None))) if t.type == "scatter" and t.fill]


def test_homes_and_retrained_cells_are_marked_where_they_are():
    truth = pd.DataFrame({"row": [1], "column": [3], "step": [3], "estimated": [0.02],
                          "retrained": [0.05]})  # fmt: skip
    figure = drawn(grid(), truth)
    (home,) = (t for t in traces(figure) if t.name == HOME)
    assert list(zip(home.x, home.y, strict=True)) == [(1, 0), (2, 1)]
    (diamond,) = (t for t in traces(figure) if t.name == "retrained")
    assert (diamond.x[0], diamond.y[0], diamond.marker.symbol) == (4, 1, "diamond")
    assert diamond.hovertext[0] == "retrained +0.050<br>estimated +0.020"


def test_a_range_is_drawn_between_its_ends_on_plain_and_bent_axes():
    frame = pd.DataFrame({"series": "s", "x": [0, 1], "value": [0.1, 4.0], "lo": [0.0, 3.0],
                          "hi": [0.2, 5.0], "retrained": [np.nan, 4.5]})  # fmt: skip
    for bend in (None, 0.5):
        axes = Axes("x", "y", bend=bend)
        figure = ranges(frame, {"s": "estimate"}, axes, name="r", title="R", mode="dark",
                        source=SOURCE)  # fmt: skip
        band, line, diamond = traces(figure)
        assert np.allclose(band.y, axes.at([0.2, 5.0, 3.0, 0.0]))
        assert np.allclose(line.y, axes.at([0.1, 4.0]))
        assert np.allclose(diamond.y, axes.at([4.5]))
        assert np.allclose(diamond.x, [1])
    assert np.allclose(Axes("x", "y", bend=0.5).at([4.0]), np.arcsinh(8))


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_footer_says_run_and_estimator(mode):
    figure = cells(grid(), name="map", title="A", what="c", mode=mode, source=SOURCE)
    layout: Any = figure["layout"]
    (footer,) = (a for a in layout["annotations"] if a["name"] == "footer")
    assert "run-1" in footer["text"] and "position table" in footer["text"]


def effects(told: bool) -> Effects:
    change = np.array([[0.0, 3.0 if told else 0.001]])
    return Effects((0,), change, np.array([[0.0, 0.5]]), np.zeros(1, int))


def test_the_map_leads_with_retraining_and_a_null_reads_as_a_result():
    known = {"cells": 20.0, "mse": 0.01, "mse_no_change": 0.05, "spearman": 0.8}
    said = sentences.position_map(effects(True), known, False)
    assert said.startswith("Against 20 cells really retrained the estimates have Spearman 0.80")
    assert "their MSE is 20 % of that of assuming no change" in said and "50 % of all cells" in said
    worse = sentences.position_map(effects(True), known | {"mse": 0.1}, False)
    assert "200 % of that of assuming no change" in worse
    null = sentences.position_map(effects(False), known | {"cells": 0.0}, False)
    assert null.startswith("No cell has been retrained yet")
    assert "No cell is told from zero" in null


def test_half_lives_in_words():
    half = pd.DataFrame({"domain": ["a", "b"], "half_life": [3.2, np.inf], "told": [True, True],
                         "reached": [True, False]})  # fmt: skip
    assert (
        sentences.half_lives(half)
        == "Half is gone after: a 3 steps; not reached in 1 other domain."
    )
    assert "not reached, which is a result" in sentences.half_lives(half.tail(1))
    assert "nothing to forget" in sentences.half_lives(half.assign(told=False))


def test_planted_samples_are_told_beside_ordinary_ones():
    late = pd.DataFrame({"group": ["canary × 2", "ordinary"], "samples": [8, 247],
                         "gain": [2.8, 0.016], "late": [0.45, 0.001], "lo": [0.3, -0.01],
                         "hi": [0.6, 0.02]})  # fmt: skip
    said = sentences.planted(late, 32)
    assert "canary × 2 keeps 0.450 nats less [+0.300, +0.600]" in said
    assert said.endswith("ordinary changes by +0.001 nats, not told from zero.")
    unknown = sentences.planted(late.assign(late=np.nan), 0)
    assert "No random order has been retrained" in unknown and "2.800" in unknown


def test_the_profile_says_what_a_cohort_keeps():
    cells_ = pd.DataFrame({
        "first": [0, 4, 0, 4], "last": [3, 7, 3, 7], "checkpoint": [4, 4, 8, 8],
        "value": [0.4, 0.01, 0.1, 0.2], "samples": [5, 5, 5, 5],
        "treated": [True, False, True, True],
        "control": ["not yet trained"] * 2 + ["held-out"] * 2,
    })  # fmt: skip
    said = sentences.profile(cells_)
    assert "knew +0.400 nats more after step 4 and +0.100 after step 8: 25 % is left" in said
    assert "differ by 0.0100 at most" in said and "held-out text" in said


def test_of_many_domains_the_figure_shows_those_that_a_move_changes_most():
    move = Move("insert", (0,), 3)
    moves = [
        frames.PricedMove(f"d{i}", kind, move, sign * i / 100, 0, 0, float("nan"))
        for i in range(30)
        for kind, sign in (("best", -1), ("worst", 0.5))
    ]
    shown = frames.most_moved(moves)
    assert [one.domain for one in shown[::2]] == [f"d{i}" for i in range(22, 30)]
    assert [one.kind for one in shown[:2]] == ["best", "worst"]
    assert frames.most_moved(moves[:4]) == moves[:4]


def test_single_moves_lead_with_those_retrained(tiny_run):
    from reorder_core.orders.moves import Move

    move = PricedMove("code", "best", Move("insert", (3,), 9), -0.2, -0.3, -0.1, -0.25)
    vague = PricedMove("prose", "worst", Move("insert", (4,), 0), 0.1, -0.1, 0.3, float("nan"))
    said = held_out_words.single_moves(tiny_run, [move, vague])
    assert said.startswith("1 of these moves was really retrained, of which 1 lies in its 90 %")
    assert "Of 2 moves 1 are told from zero. The largest: sample 3 at step 4" in said
    assert "none matters to held-out text on its own" in held_out_words.single_moves(
        tiny_run, [vague]
    )


def test_the_table_finds_by_text_id_flag_and_domain():
    samples = pd.DataFrame({
        "sample": [0, 1, 12], "domain": ["a", "b", "a"], "flags": ["", "canary", ""],
        "text": ["One fox", "two [dogs", "three foxes"], "step": [0, 1, 2], "best_step": [0, 0, 0],
        "worst_step": [1, 1, 1],
    })  # fmt: skip
    found = lambda *a: table.filtered(samples, *a)["sample"].tolist()  # noqa: E731
    assert found("FOX", [], False) == [0, 12]
    assert found("three fox", [], False) == [12]
    assert found("[dogs", [], False) == found("canary", [], False) == found("", [], True) == [1]
    assert found("", ["a"], False) == [0, 12]
    assert table.shown(samples)["step"].tolist() == [1, 2, 3]
