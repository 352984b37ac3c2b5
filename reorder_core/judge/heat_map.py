"""M[i, j]: what training sample i at step j does to its own final loss, estimated against true.

The heat map of arXiv 2505.22042, compared by numbers rather than by eye. Each
cell is one move: sample i is put into step j of the reference order, and the
samples between shift by one slot.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reorder_core.errors import OrderError
from reorder_core.estimators.learning.retrainings import knowledge
from reorder_core.estimators.protocol import Estimator
from reorder_core.execution.executor import Executor
from reorder_core.judge import measures
from reorder_core.judge.fidelity import retrain_all
from reorder_core.orders.order import Order, insert, slots_of
from reorder_core.orders.visits import Visits
from reorder_core.store.run import Run

Array = NDArray[Any]
SAMPLES, SLOTS, SEED = 6, 8, 7


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """K samples, each moved to the same S steps of the reference order."""

    samples: tuple[int, ...]
    """K sample ids, in the order in which the reference trains them."""
    steps: tuple[int, ...]
    """S steps, the first of training being 0."""
    orders: tuple[tuple[Order, ...], ...]
    """K rows of S orders."""
    home: Array
    """(K, S) whether the sample is trained at that step anyway: no move, the reference order."""
    visits: Visits

    def cells(self) -> list[tuple[int, int, Order]]:
        """Row, column and order of each real move."""
        return [(i, j, self.orders[i][j]) for i, j in zip(*np.nonzero(~self.home), strict=True)]


def plan_moves(run: Run, samples: int = SAMPLES, slots: int = SLOTS, seed: int = SEED) -> Moves:
    """The same moves for the same run and numbers: samples drawn in turn from each domain.

    Raises OrderError where the run has fewer samples or steps than asked for.
    """
    if not 1 <= samples <= run.count or not 1 <= slots <= run.steps:
        raise OrderError(
            f"a heat map of {samples} samples at {slots} slots was asked for; "
            f"this run has {run.count} samples and {run.steps} steps"
        )
    reference = run.reference_order
    slot_of = slots_of(reference)
    chosen = sorted(_drawn(run, samples, seed), key=lambda sample_id: slot_of[sample_id])
    steps = np.linspace(0, run.steps - 1, slots).round().astype(int)
    home = np.array([[slot_of[i] // run.batch_size == step for step in steps] for i in chosen])
    middle = run.batch_size // 2
    orders = tuple(
        tuple(
            reference if at_home else insert(reference, sample_id, step * run.batch_size + middle)
            for step, at_home in zip(steps, row, strict=True)
        )
        for sample_id, row in zip(chosen, home, strict=True)
    )
    return Moves(tuple(chosen), tuple(steps.tolist()), orders, home, run.visits)


def usual_moves(run: Run) -> Moves:
    """The moves of the map that pages show; smaller where the run is."""
    return plan_moves(run, min(SAMPLES, run.count), min(SLOTS, run.steps))


def missing_moves(run: Run, moves: Moves) -> list[Order]:
    """The moves that nobody has retrained yet."""
    return [order for *_, order in moves.cells() if run.ledger.of(order) is None]


def true_map(run: Run, moves: Moves) -> Array:
    """(K, S) change of the moved sample's final loss by retraining; nan where the ledger has none.

    0 where nothing moves.
    """
    change = np.where(moves.home, 0.0, np.nan)
    for i, j, order in moves.cells():
        found = run.ledger.of(order)
        if found is not None:
            change[i, j] = _own_change(run, moves.samples[i], found.final.samples)
    return change


def estimated_map(run: Run, moves: Moves, sample_loss: Callable[[Order], Array]) -> Array:
    """(K, S) the same by an estimate; `sample_loss(order)` gives its (N,) final losses."""
    change = np.zeros(moves.home.shape)
    for i, j, order in moves.cells():
        change[i, j] = _own_change(run, moves.samples[i], sample_loss(order))
    return change


def compare(
    estimated: Array, true: Array, moves: Moves, fitted_on: frozenset[str] = frozenset()
) -> dict[str, float]:
    """How alike two maps (K, S) are, over the real moves whose truth is known.

    Moves that the estimator was fitted on are left out, and so are those at
    home, where both are 0 by definition. "mse" in nats², "mse_no_change" that
    of a map of zeros; "spearman" over all cells, "spearman_rows" within each
    sample's row, averaged.
    """
    judged = np.zeros(moves.home.shape, dtype=bool)
    for i, j, order in moves.cells():
        learned = moves.visits.trains_as(order) in fitted_on
        judged[i, j] = np.isfinite(true[i, j]) and not learned
    a, b = estimated[judged], true[judged]
    rows = [
        measures.spearman(estimated[i][row], true[i][row])
        for i, row in enumerate(judged)
        if row.sum() > 2
    ]
    defined = [float(rho) for rho in rows if np.isfinite(rho)]
    return {
        "cells": int(judged.sum()),
        "mse": float(np.square(a - b).mean()) if len(a) else float("nan"),
        "mse_no_change": float(np.square(b).mean()) if len(a) else float("nan"),
        "spearman": float(measures.spearman(a, b)),
        "spearman_rows": float(np.mean(defined)) if defined else float("nan"),
    }


def measure(
    run: Run,
    moves: Moves,
    estimators: Sequence[str],
    on_progress: Callable[[str, int, int], None] = lambda *_: None,
    executor: Executor | None = None,
) -> dict[str, Any]:
    """Both maps and their likeness for each estimator; retrains what the ledger lacks."""
    from reorder_core.estimators import open_estimator

    opened = {name: open_estimator(run, name) for name in estimators}  # unknown names fail first
    retrain_all(run, missing_moves(run, moves), on_progress, executor)
    true = true_map(run, moves)
    return {
        "run": run.id,
        "samples": list(moves.samples),
        "steps": list(moves.steps),
        "true": true.tolist(),
        "estimators": {
            name: _measured(run, moves, estimator, true) for name, estimator in opened.items()
        },
    }


def _measured(run: Run, moves: Moves, estimator: Estimator, true: Array) -> dict[str, Any]:
    found = estimated_map(run, moves, lambda order: estimator.estimate(order).final.samples)
    known = knowledge(run, estimator.fitted_on).words(estimator.name)
    alike = compare(found, true, moves, estimator.fitted_on)
    return {"knows": known, "estimated": found.tolist(), **alike}


def _drawn(run: Run, samples: int, seed: int) -> list[int]:
    """Ids drawn at random, each domain giving one before any gives its next."""
    random = np.random.default_rng([seed, 4])
    taken: dict[str, int] = {}
    ranked = []
    for sample_id in random.permutation(run.count).tolist():
        if sample_id >= run.count - run.visits.reserve:
            continue  # has no step to be moved from
        domain = run.samples[sample_id].domain
        taken[domain] = taken.get(domain, 0) + 1
        ranked.append((taken[domain], sample_id))
    ranked.sort(key=lambda pair: pair[0])  # stable: at random within a rank
    return [sample_id for _, sample_id in ranked[:samples]]


def _own_change(run: Run, sample_id: int, sample_loss: Array) -> float:
    return float(sample_loss[sample_id]) - float(run.reference.final.samples[sample_id])
