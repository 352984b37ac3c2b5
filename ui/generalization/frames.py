"""What Generalization's figures draw, as frames and grids; no Streamlit here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reorder_core.analysis import learning
from reorder_core.analysis.frames import lines
from reorder_core.analysis.held_out import Influence
from reorder_core.orders.moves import Move
from reorder_core.records.estimates import Difference
from reorder_core.records.losses import Losses
from reorder_core.store.run import Run
from ui.app import words
from ui.charts.cells import Grid
from ui.charts.template import isolated

COLUMNS = 64
ALL = "all"
MOST_ROWS = 30
"""Rows of all held-out domains together, beyond which one is looked at at a time."""
MOST_DOMAINS = 8
"""Held-out domains whose best and worst move a figure shows; a table has all."""
EACH = 6
"""Samples shown that a domain wants late, and as many early."""

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class PricedMove:
    """A single move and what it is estimated to change of one held-out domain's loss."""

    domain: str
    kind: str
    """"best" or "worst"."""
    move: Move
    change: float
    low: float
    high: float
    retrained: float
    """nan where nobody has retrained it."""


def influence_grid(run: Run, found: Influence, held_out: str, summed: bool) -> Grid:
    """Training domains × steps for one held-out domain, or for ALL one after the other.

    `summed`: over a domain's samples instead of their mean, as if effects added up.
    """
    chosen = range(len(run.probe_domains)) if held_out == ALL else [
        run.probe_domains.index(held_out)
    ]  # fmt: skip
    scale = found.count[:, None] if summed else np.ones((len(found.count), 1))
    edges = _edges(run.steps)
    value = np.concatenate([_binned(found.change[d] * scale, edges) for d in chosen])
    shape = len(run.domains), len(edges) - 1
    sd = np.concatenate([np.broadcast_to(found.sd[d][:, None] * scale, shape) for d in chosen])
    told = np.concatenate([_any_told(found.told[d], edges) for d in chosen])
    single = held_out != ALL
    rows = [name if single else f"{name} → {run.probe_domains[d]}"
            for d in chosen for name in run.domains]  # fmt: skip
    return Grid(rows, edges, value, sd, told)


def _edges(steps: int) -> Array:
    return np.unique(np.linspace(0, steps, min(COLUMNS, steps) + 1).round().astype(int))


def _binned(value: Array, edges: Array) -> Array:
    return np.add.reduceat(value, edges[:-1], axis=1) / np.diff(edges)


def _any_told(told: Array, edges: Array) -> Array:
    """Of several steps drawn as one: whether most are told from zero."""
    return _binned(told.astype(float), edges) >= 0.5


def priced(
    run: Run, lists: Mapping[tuple[str, str], Sequence[Move]],
    differences: Mapping[tuple[str, str], Sequence[Difference]],
) -> list[PricedMove]:  # fmt: skip
    """Of each shortlist the move whose estimate is lowest ("best") or highest ("worst")."""
    from reorder_core.orders.moves import apply

    found = []
    for (domain, kind), moves in lists.items():
        column = run.probe_domains.index(domain)
        changes = [float(one.change.probes[column]) for one in differences[domain, kind]]
        at = int(np.argmin(changes) if kind == "best" else np.argmax(changes))
        low, high = differences[domain, kind][at].interval.probes[:, column]
        truth = run.ledger.of(apply(run.reference_order, moves[at]))
        retrained = np.nan
        if truth is not None:
            reference = float(run.reference.final.probes[column])
            retrained = float(truth.final.probes[column]) - reference
        found.append(PricedMove(domain, kind, moves[at], changes[at], float(low), float(high),
                                retrained))  # fmt: skip
    return found


def moves_frame(run: Run, moves: Sequence[PricedMove]) -> pd.DataFrame:
    """For `dots`: a row a held-out domain and kind."""
    return pd.DataFrame(
        {
            "label": [move_label(run, one) for one in moves],
            "series": "estimated",
            "value": [one.change for one in moves],
            "lo": [one.low for one in moves],
            "hi": [one.high for one in moves],
            "retrained": [one.retrained for one in moves],
            "colour": ["fall" if one.kind == "best" else "rise" for one in moves],
        }
    )


def most_moved(moves: Sequence[PricedMove], most: int = MOST_DOMAINS) -> list[PricedMove]:
    """Those of the domains that a single move changes most; in their order."""
    size: dict[str, float] = {}
    for one in moves:
        size[one.domain] = max(size.get(one.domain, 0.0), abs(one.change))
    kept = sorted(size, key=lambda domain: -size[domain])[:most]
    return [one for one in moves if one.domain in kept]


def move_label(run: Run, one: PricedMove) -> str:
    """`arithmetic, best: canary 31 → step 4`."""
    name = words.of_visit(run, one.move.samples[0])
    step = one.move.slot // run.batch_size + 1
    return f"{isolated(one.domain)}, {one.kind}: {name} → step {step}"


def needs_frame(run: Run, needs: pd.DataFrame, held_out: str) -> pd.DataFrame:
    """For `dots`: the samples that the domain wants late most (below 0), and early (above)."""
    own = lines(needs, needs["held_out"] == held_out).sort_values("late")
    late, early = lines(own, own["late"] < 0), lines(own, own["late"] > 0)
    part = pd.concat([late.head(EACH), early.tail(EACH)])
    return pd.DataFrame(
        {
            "label": [f"{words.of_sample(run, int(i))} ({isolated(domain)})"
                      for i, domain in zip(part["sample"], part["domain"], strict=True)],
            "sample": part["sample"].to_numpy(),
            "series": "estimated",
            "value": part["late"].to_numpy(),
            "lo": part["lo"].to_numpy(),
            "hi": part["hi"].to_numpy(),
            "retrained": np.nan,
            "colour": np.where(part["late"] < 0, "fall", "rise"),
            "told": part["told"].to_numpy(),
        }
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """Held-out losses of one order along training, for the learning curves."""

    name: str
    losses_at: Losses
    """(E, N), nan rows where unknown, and (E, D)"""
    retrained: Array | None
    """(E, D) where the order was really retrained"""


def curves_frame(run: Run, courses: Sequence[Course], spread: pd.DataFrame, domain: str):
    """For `ranges`: the middle 90 % of random orders, and a line a course, in one domain."""
    frames = []
    band = lines(spread, spread["domain"] == domain)
    if len(band):
        frames.append(_series(SPREAD, band["step"], np.nan, band["lo"], band["hi"]))
    for course in courses:
        curve = learning.curves(run, course.losses_at.probes)
        own = lines(curve, curve["domain"] == domain)
        part = _series(course.name, own["step"], own["loss"], np.nan, np.nan)
        if course.retrained is not None:
            true = learning.curves(run, course.retrained)
            part["retrained"] = lines(true, true["domain"] == domain)["loss"].to_numpy()
            part.loc[part["x"] == 0, "retrained"] = np.nan  # before training all are one
        frames.append(part)
    return pd.concat(frames, ignore_index=True)


def gap_frame(run: Run, course: Course, spread: pd.DataFrame) -> pd.DataFrame:
    """For `ranges`: the train-to-held-out gap by domain, with the middle 90 % of random orders."""
    own = learning.gaps(run, course.losses_at)
    if len(spread):
        own = own.merge(spread, on=["domain", "step"], how="left")
    low, high = (own.get(end, np.nan) for end in ("lo", "hi"))
    frame = _series("", own["step"], own["loss"], low, high)
    frame["series"] = own["domain"].to_numpy()
    return frame


SPREAD = "90 % of random retrainings"


def _series(name: str, step: Any, value: Any, low: Any, high: Any) -> pd.DataFrame:
    steps = np.asarray(step)
    return pd.DataFrame(
        {
            "series": name, "x": steps, "value": np.asarray(value, float) + 0 * steps,
            "lo": np.asarray(low, float) + 0 * steps, "hi": np.asarray(high, float) + 0 * steps,
            "hover": [f"after step {at}" for at in steps],
        }
    )  # fmt: skip
