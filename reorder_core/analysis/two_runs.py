"""Two runs of the same text side by side: another model, size, seed or learning rate."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from reorder_core.analysis.position_effects import own_effects
from reorder_core.estimators.position import open_position_table
from reorder_core.store.run import Run

FEWEST = 8
"""Texts in common below which nothing is compared."""
_PARTS = 16
"""Of a training: curves of runs with different steps are compared on as many."""


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """What two runs made of the texts that both trained."""

    frame: pd.DataFrame
    """A row a text: ids "one" and "other", "text", "domain", "learned_one", "learned_other" (loss
    before training minus loss after, nats per token), "curves" (Spearman of position effects)."""
    learned: float
    """Spearman over texts of what was learned of them."""
    curves: float
    """Median over texts of the correlation of their position effects; nan where none is known."""


def compared(one: Run, other: Run) -> Compared | None:
    """The texts of both; None where they share fewer than FEWEST. Equal texts count once."""
    mine, theirs = ({s.text: s for s in reversed(run.samples)} for run in (one, other))
    shared = [sample for text, sample in mine.items() if text in theirs]
    if len(shared) < FEWEST:
        return None
    shared.sort(key=lambda sample: sample.sample_id)
    ids = np.array([[s.sample_id, theirs[s.text].sample_id] for s in shared])  # (K, 2)
    learned = [_learned(run)[ids[:, i]] for i, run in enumerate((one, other))]
    curves = _alike(_curves(one)[ids[:, 0]], _curves(other)[ids[:, 1]])
    frame = pd.DataFrame(
        {
            "one": ids[:, 0], "other": ids[:, 1], "text": [s.text for s in shared],
            "domain": [s.domain for s in shared],
            "learned_one": learned[0], "learned_other": learned[1], "curves": curves,
        }
    )  # fmt: skip
    known = curves[np.isfinite(curves)]
    return Compared(
        frame, _spearman(*learned), float(np.median(known)) if len(known) else float("nan")
    )


def _learned(run: Run) -> np.ndarray:
    return np.asarray(run.reference.before.samples) - np.asarray(run.reference.final.samples)


def _curves(run: Run) -> np.ndarray:
    """(N, _PARTS) position effects over the training, at as many places for any run."""
    change = own_effects(run, open_position_table(run)).change
    at = np.linspace(0, change.shape[1] - 1, _PARTS)
    return np.stack([np.interp(at, np.arange(change.shape[1]), row) for row in change])


def _alike(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.array([_spearman(a, b) for a, b in zip(one, other, strict=True)])


def _spearman(one: np.ndarray, other: np.ndarray) -> float:
    if not np.ptp(one) or not np.ptp(other):
        return float("nan")
    found: Any = spearmanr(one, other)
    return float(found.statistic)
