"""Read-outs with a value of their own, under any order: its value at θ_T and its gradient there.

To first order in the displacement δ that the replay of the losses gives; what that gets wrong,
the process learns that learns the losses' errors, from what real retrainings measured of the
quantity.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reorder_core.errors import EstimatorError
from reorder_core.estimators.learning.alike import Alikeness, Described
from reorder_core.estimators.learning.errors import ErrorProcess, best_excess
from reorder_core.estimators.learning.retrainings import TrainingRuns
from reorder_core.estimators.projected import Ends, ProjectedEstimator, Replayed
from reorder_core.estimators.replay.error_law import Z90, interval
from reorder_core.estimators.replay.packing import unpack
from reorder_core.orders.order import Order, order_hash
from reorder_core.quantities import VALUED
from reorder_core.records.losses import Losses
from reorder_core.records.read_outs import ReadValues
from reorder_core.records.values import Values
from reorder_core.store.measured import read_out_file
from reorder_core.store.run import Run

Array = NDArray[np.floating]
FEWEST = 4
"""Retrainings below which no interval is told: they say too little of how wide it must be."""
WIDER = 1.3
"""Times what the process says of its own errors. The designed orders are balanced over steps; an
order that is not errs by more, alike in all texts. Set on 24 random orders of one run."""
ONE = np.ones(1)
NOT_BUILT = (
    "this run was built before it was registered: python -m reorder_core measure RUN --designed"
)


def lacking_read_outs(run: Run) -> list[str]:
    """Names of the read-outs that the run was published without."""
    return [q.name for q in VALUED if not run.file(read_out_file(q.name)).is_file()]


def read_of(estimator: Any, order: Order) -> Mapping[str, ReadValues]:
    """What an estimator says, by name; nothing from one that reads out losses alone."""
    return estimator.read_outs(order) if VALUED and "read_outs" in estimator.can else {}


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """A quantity under B orders, with what is uncertain."""

    values: Losses
    """(B, N) and (B, D), in the quantity's unit."""
    sd: Losses
    """Standard deviations of their errors; 1.64 of them reach the ends of 90 %."""


class ReadOuts:
    """Every read-out of a run, on the replay of one estimator and what it learned from."""

    def __init__(
        self, run: Run, prior: ProjectedEstimator, alike: Alikeness, runs: TrainingRuns
    ) -> None:
        self._run, self._prior, self._alike, self._runs = run, prior, alike, runs
        self._hashes = [order_hash(order) for order in runs.orders]
        self._opened = lru_cache(2 * len(VALUED) + 1)(self._open)

    def of(self, found: Replayed) -> dict[str, ReadValues]:
        """Each quantity's name → its values under an order that was replayed, with intervals."""
        return {quantity.name: self._under(quantity.name, found) for quantity in VALUED}

    def _under(self, name: str, found: Replayed) -> ReadValues:
        if name in lacking_read_outs(self._run):
            size = self._run.count, len(self._run.probe_domains)
            return ReadValues(Values.unknown(*size), None, 0, NOT_BUILT)
        reader = self.reader(name)
        values, half = reader.read(found.order[None], found.deltas[-1][None], [found.coherence])
        around = Losses(values.samples[0], values.probes[0])
        ends = None
        if reader.taught >= FEWEST:
            ends = interval(around, (half.samples[0], half.probes[0]))
            ends = Values(ends.samples, ends.probes)
        return ReadValues(Values(around.samples, around.probes), ends, reader.taught)

    def side_by_side(self, name: str, orders: NDArray[np.int32], simulated: Ends) -> Sides:
        """A quantity under orders (B, V) that were replayed side by side."""
        coherence = [self._prior.coherence.of(order) for order in orders]
        values, half = self.reader(name).read(orders, simulated.deltas, coherence)
        return Sides(values, half.scaled(1 / Z90))

    def effects(self, name: str, order: Order, samples: Array, probes: Array) -> Array:
        """(V, T) what every visit does at every step to a sum with weights (N,) and (D,)."""
        reader = self.reader(name)
        return self._prior.effects_on(order, samples @ reader.rows[0] + probes @ reader.rows[1])

    def reader(self, name: str) -> "Reader":
        """One quantity's, taught by what is measured of it by now."""
        if name in lacking_read_outs(self._run):
            raise EstimatorError(f"{name} cannot be estimated: {NOT_BUILT}")
        known = (name in self._run.measured.of(hashed) for hashed in self._hashes)
        return self._opened(name, tuple(known))

    def _open(self, name: str, known: tuple[bool, ...]) -> "Reader":
        arrays = self._run.arrays(read_out_file(name))
        reader = Reader(self._run, self._prior, self._alike, arrays)
        kept = np.flatnonzero(known).tolist()
        told = [self._run.measured.of(self._hashes[row])[name] for row in kept]
        finite = [t.known and not _partly(t, arrays) for t in told]
        kept = [row for row, good in zip(kept, finite, strict=True) if good]
        told = [t for t, good in zip(told, finite, strict=True) if good]
        if kept:
            reader.learn(self._runs.orders[kept], told)
        return reader


class Reader:
    """One quantity: value and gradient at θ_T, and what retrainings told of its errors."""

    def __init__(
        self,
        run: Run,
        prior: ProjectedEstimator,
        alike: Alikeness,
        arrays: Mapping[str, NDArray],
    ) -> None:
        self._prior, self._alike = prior, alike
        weight = prior.replayer.weight
        size = {"gradients": run.count, "probe_gradients": len(run.probe_domains)}
        samples, probes = (
            unpack(name, arrays) if name in arrays else np.zeros((rows, len(weight)), np.float32)
            for name, rows in size.items()
        )
        self.rows = samples, probes
        """(N, s) and (D, s) gradients at θ_T; 0 of those who do not have the quantity."""
        self._end = Losses(*(np.array(arrays[f"end_{part}"], float) for part in _PARTS))
        self._units = tuple(np.maximum(prior.unit(rows), 1e-30) for rows in self.rows)
        self._process = ErrorProcess(alike, (self._units[0], self._units[1]))
        self._reach = self._process.reach
        self.taught = 0
        """Retrainings that told of its errors."""

    def learn(self, orders: NDArray[np.int32], told: list[Values]) -> None:
        """From what the ends of trainings in orders (M, V) measured."""
        ends = self._prior.known_ends(orders)
        coherence = [self._prior.coherence.of(order) for order in orders]
        change, seen = self._moved(orders, ends.deltas, coherence)
        errors = []
        for side, part in enumerate(_PARTS):
            real = np.stack([getattr(values, part) for values in told])
            known = np.nan_to_num(real - getattr(self._end, part))  # 0 of those who have none
            errors.append(((known - change[side]) / self._units[side]).T)
        between, process = self._alike.between(seen, seen), self._process
        process.learn(seen, between, errors[0], errors[1], best_excess(seen, between, errors[0]))
        self._reach = tuple(WIDER * reach for reach in process.reach)
        self.taught = len(orders)

    def read(
        self, orders: NDArray[np.int32], deltas: Array, coherence: list[float]
    ) -> tuple[Losses, Losses]:
        """Values (B, N) and (B, D), and half widths of their 90 % intervals."""
        change, seen = self._moved(orders, deltas, coherence)
        found = [self._process.errors(seen.row(row), ONE) for row in range(len(orders))]
        values, halves = [], []
        for side, part in enumerate(_PARTS):
            shift = np.stack([sides[side][0] for sides in found])
            values.append(getattr(self._end, part) + change[side] + shift)
            halves.append(self._reach[side] * np.stack([sides[side][1] for sides in found]))
        return Losses(*values), Losses(*halves)

    def _moved(
        self, orders: NDArray[np.int32], deltas: Array, coherence: list[float]
    ) -> tuple[tuple[Array, Array], Described]:
        """What the gradients say of displacements (B, s)."""
        weighted = deltas * self._prior.replayer.weight
        change = weighted @ self.rows[0].T, weighted @ self.rows[1].T
        scaled = change[0] / self._units[0], change[1] / self._units[1]
        return change, self._alike.describe(orders, deltas, scaled, coherence)


_PARTS = ("samples", "probes")


def _partly(told: Values, arrays: Mapping[str, NDArray]) -> bool:
    """Whether a number is missing that the reference run has: a training that diverged."""
    return any(
        bool((np.isnan(getattr(told, part)) & ~np.isnan(arrays[f"end_{part}"])).any())
        for part in _PARTS
    )
