"""Orders priced by the live estimator, in batches, with what is uncertain about each price."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from reorder_core.curricula.objective import Objective
from reorder_core.estimators import DEFAULT, open_estimator
from reorder_core.estimators.learning.retrainings import TrainingRuns, designed_runs, runs_of
from reorder_core.orders.order import Order
from reorder_core.records.losses import Losses
from reorder_core.store.run import Run

Array = NDArray[np.floating]
BATCH = 16
"""Orders replayed side by side."""
Z90 = 1.6449


@dataclass(frozen=True, slots=True)
class Estimated:
    """An objective's value under an order, with its 90 % interval; in the objective's unit."""

    value: float
    lo: float
    hi: float

    @property
    def record(self) -> dict[str, float]:
        return {"value": self.value, "lo": self.lo, "hi": self.hi}


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """An objective under B orders."""

    value: Array
    """(B,) in the objective's unit."""
    sd: Array
    """(B,) of the value's error."""
    lo: Array
    """(B,) lower end of the 90 % interval."""
    hi: Array
    """(B,)"""
    sign: int
    """Of the objective: −1 where higher is better."""

    def careful(self, caution: float) -> Array:
        """(B,) costs with `caution` standard deviations added: lower is better."""
        return self.sign * self.value + caution * self.sd

    def of(self, row: int) -> Estimated:
        return Estimated(*(float(part[row]) for part in (self.value, self.lo, self.hi)))


class Batched(Protocol):
    """What a search asks of an estimator."""

    def side_by_side(self, orders: NDArray[np.int32], reads: str = "") -> Any: ...

    def effects(
        self, order: Order, sample_weight: Array, probe_weight: Array, reads: str = ""
    ) -> Array: ...

    def taught(self, runs: TrainingRuns) -> Any: ...


class Live:
    """The live estimator as a judge of objectives; counts what it was asked."""

    def __init__(self, run: Run, estimator: Batched | None = None) -> None:
        self.run = run
        opened: Any = estimator or open_estimator(run, DEFAULT)
        self._estimator: Batched = opened
        self.asked = 0
        """Orders priced so far."""

    def taught(self, known: Sequence[str]) -> "Live":
        """One that also learned from those retrainings of the ledger, by order hash."""
        runs = teaching(self.run, known)
        return Live(self.run, self._estimator.taught(runs) if len(runs) else self._estimator)

    def scores(self, objectives: Sequence[Objective], orders: Sequence[Order]) -> list[Scores]:
        """For each objective, its scores of the orders."""
        parts = []
        for start in range(0, len(orders), BATCH):
            batch = np.stack(orders[start : start + BATCH])
            found = {
                reads: self._estimator.side_by_side(batch, *([reads] if reads else []))
                for reads in dict.fromkeys(objective.reads for objective in objectives)
            }
            parts.append([_scored(objective, found[objective.reads]) for objective in objectives])
        self.asked += len(orders)
        return [_joined([part[k] for part in parts]) for k in range(len(objectives))]

    def slope(self, objective: Objective, order: Order) -> Array:
        """(N, T) what every sample at every step does to the objective's cost, near an order.

        Of an objective that is the highest of several losses: to the one that is it now.
        """
        row, weights = 0, (objective.sample_weight, objective.probe_weight)
        if objective.reads:
            return objective.sign * self._estimator.effects(
                order, weights[0][0], weights[1][0], objective.reads
            )
        if len(objective.probe_weight) > 1 or objective.follows is not None:
            at = self._estimator.side_by_side(np.asarray(order)[None]).losses
            row = int(objective.rows(at.samples, at.probes)[0].argmax())
            weights = objective.slopes(at.samples[0], at.probes[0])
        return objective.sign * self._estimator.effects(order, weights[0][row], weights[1][row])


def teaching(run: Run, known: Sequence[str]) -> TrainingRuns:
    """The designed retrainings, then those of the ledger with these order hashes that ended."""
    found = [entry for name in known if (entry := run.ledger.get(name)) is not None]
    return designed_runs(run).joined(runs_of(run, found).ended())


def _scored(objective: Objective, found: Any) -> Scores:
    if objective.reads:
        found = _read(objective, found)
    rows = objective.rows(found.losses.samples, found.losses.probes)  # (B, K)
    sd = objective.spread(found.losses, found.sd)
    at = np.arange(len(rows)), rows.argmax(1)
    low, high = (rows - Z90 * sd).max(1), (rows + Z90 * sd).max(1)
    return Scores(rows[at], sd[at], low, high, objective.sign)


def _read(objective: Objective, found: Any) -> Any:
    """Without what has no weight, of which there may be no number."""
    held = [weight.any(0) for weight in (objective.sample_weight, objective.probe_weight)]
    losses, sd = (
        Losses(np.where(held[0], side.samples, 0.0), np.where(held[1], side.probes, 0.0))
        for side in (found.losses, found.sd)
    )
    return replace(found, losses=losses, sd=sd)


def _joined(parts: Sequence[Scores]) -> Scores:
    value, sd, lo, hi = (
        np.concatenate([getattr(p, n) for p in parts]) for n in ("value", "sd", "lo", "hi")
    )
    return Scores(value, sd, lo, hi, parts[0].sign)
