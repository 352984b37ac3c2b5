"""Which rows a position map shows, in which order, with what is known of its cells."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reorder_core.analysis.false_discovery import told_apart
from reorder_core.analysis.frames import lines
from reorder_core.analysis.position_effects import Effects, binned, by_domain, clustered, swing
from reorder_core.store.run import Run
from ui.app import words
from ui.charts.cells import Grid

Sort = Literal["swing", "step", "gain", "alike"]
SORTS: dict[Sort, str] = {
    "swing": "largest swing", "gain": "most memorized", "step": "reference step",
    "alike": "alike together",
}  # fmt: skip
ROWS, COLUMNS = 40, 64
"""The most that is drawn: more rows cannot be told apart, and travel to the browser."""


def places(run: Run, effects: Effects, sort: Sort, among: Sequence[int] = ()) -> NDArray[Any]:
    """At most ROWS samples, in the order wanted; of all, or of those named.

    "step" and "alike" arrange the ones of largest swing.
    """
    ids = np.array(among or range(run.count), dtype=int)
    if sort == "gain":
        loss = run.reference.losses_at.samples
        return ids[np.argsort(-(loss[0] - loss[-1])[ids], kind="stable")][:ROWS]
    ids = ids[np.argsort(-swing(effects)[ids], kind="stable")][:ROWS]
    if sort == "step":
        return ids[np.argsort(effects.home[ids], kind="stable")]
    return ids[clustered(effects.only(ids))] if sort == "alike" else ids


def sample_grid(run: Run, effects: Effects, ids: NDArray[Any], farthest: int | None) -> Grid:
    """The map of these samples; cells are told from zero in the family of all samples' cells.

    Hatched: steps farther from home than any retrained move went (`farthest`);
    all of it for None, where the run's own retrainings say that estimates are noise.
    """
    few, edges = binned(effects, COLUMNS)
    labels = [words.of_sample(run, int(i)) for i in ids]
    middle = (edges[:-1] + edges[1:] - 1) / 2
    away = np.abs(middle[None] - effects.home[ids][:, None])
    beyond = np.ones_like(away, bool) if farthest is None else away > farthest
    told = told_apart(few.change, np.where(few.sd > 0, few.sd, np.nan))[ids]
    return Grid(labels, edges, few.change[ids], few.sd[ids], told, beyond, effects.home[ids])


def domain_grid(run: Run, effects: Effects, trusted: bool) -> Grid:
    """The map of whole domains."""
    few, edges = binned(by_domain(run, effects), COLUMNS)
    beyond = np.full(few.change.shape, not trusted)
    return Grid(run.domains, edges, few.change, few.sd, few.told, beyond)


def truth_of(grid: Grid, ids: NDArray[Any], moves: pd.DataFrame) -> pd.DataFrame:
    """The retrained cells of the samples shown: row, column, step, estimated, retrained."""
    row_of = {int(sample): row for row, sample in enumerate(ids)}
    shown = lines(moves, moves["sample"].isin(list(row_of)))
    column = np.searchsorted(grid.edges, shown["step"].to_numpy(), side="right") - 1
    return pd.DataFrame(
        {
            "row": [row_of[int(i)] for i in shown["sample"]],
            "column": column,
            "step": shown["step"].to_numpy(),
            "estimated": shown["estimated"].to_numpy(),
            "retrained": shown["retrained"].to_numpy(),
        }
    )


def grid_table(grid: Grid) -> pd.DataFrame:
    """The cells in long form, for a CSV file; steps counted from 1."""
    rows, columns = np.indices(grid.value.shape).reshape(2, -1)
    value, sd = grid.value.ravel(), grid.sd.ravel()
    return pd.DataFrame(
        {
            "row": np.array(grid.rows, dtype=object)[rows],
            "first_step": grid.edges[columns] + 1,
            "last_step": grid.edges[columns + 1],
            "estimated_change": value,
            "lo": value - 1.6449 * sd,
            "hi": value + 1.6449 * sd,
            "told_from_zero": grid.told.ravel(),
        }
    )
