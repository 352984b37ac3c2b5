"""Estimators by name; NumPy only.

`open_estimator(run, name).estimate(order)` is all that the pages, the command
line and fidelity need to know of any of them; what else one can is in its `can`.

A new one is a module with a class (`protocol.Estimator`) and one line: here in
`_KINDS`, or, from another package, in the entry point group `reorder.estimators`.
"""

from importlib.metadata import entry_points
from typing import Any

from reorder_core.errors import EstimatorError
from reorder_core.estimators.fut import FutEstimator, FutPlusEstimator
from reorder_core.estimators.hybrid import HybridEstimator
from reorder_core.estimators.learning.retrainings import (
    TrainingRuns,
    designed_runs,
    verified_runs,
)
from reorder_core.estimators.position import PositionEstimator
from reorder_core.estimators.projected import ProjectedEstimator, ReplayEstimator
from reorder_core.estimators.protocol import Ability, Estimator
from reorder_core.estimators.reference import ReferenceEstimator
from reorder_core.estimators.retrain_regression import RetrainRegression
from reorder_core.estimators.simfluence import SimfluenceEstimator
from reorder_core.estimators.taylor import TaylorEstimator
from reorder_core.estimators.tracin import TracinEstimator
from reorder_core.orders.order import Order
from reorder_core.records.estimates import Estimate
from reorder_core.store.run import Run

_LIVE = (
    HybridEstimator, ProjectedEstimator, ReplayEstimator, PositionEstimator, ReferenceEstimator,
)  # fmt: skip
_BASELINES = (RetrainRegression, SimfluenceEstimator, TracinEstimator)
_FULL = (FutEstimator, FutPlusEstimator, TaylorEstimator)
_GROUP = "reorder.estimators"


def _plugged_in() -> tuple[Any, ...]:
    """Classes of other packages; one whose name is taken already is left out."""
    found: dict[str, Any] = {}
    for entry in entry_points(group=_GROUP):
        kind = entry.load()
        if kind.name not in {own.name for own in _OWN}:
            found.setdefault(kind.name, kind)
    return tuple(found.values())


_OWN = (*_LIVE, *_BASELINES, *_FULL)
_KINDS = (*_OWN, *_plugged_in())
ESTIMATORS = tuple(kind.name for kind in _KINDS)
ABOUT = {kind.name: kind.about for kind in _KINDS}
ABILITIES: dict[str, frozenset[Ability]] = {kind.name: kind.can for kind in _KINDS}
LIVE_ESTIMATORS = tuple(kind.name for kind in _LIVE)
"""Those that every run supports, and that answer in a moment."""

DEFAULT = HybridEstimator.name
LEARNED_FROM_MOST = 64
"""Of the ledger's retrainings, the newest so many; more would make learning slow."""

__all__ = [
    "ABILITIES", "ABOUT", "DEFAULT", "ESTIMATORS", "LIVE_ESTIMATORS", "Estimate", "Estimator",
    "informing_runs", "open_estimator",
]  # fmt: skip


def open_estimator(run: Run, name: str, runs: TrainingRuns | None = None) -> Estimator:
    """The estimator of that name for a run; raises EstimatorError for an unknown name.

    `runs` are the real retrainings that it may learn from; the build's designed
    ones unless others are given.
    """
    for kind in _KINDS:
        if kind.name == name:
            return kind(run, designed_runs(run) if runs is None else runs)
    raise EstimatorError(f"unknown estimator {name!r}; this run has {', '.join(ESTIMATORS)}")


def informing_runs(run: Run, *orders: Order) -> TrainingRuns:
    """What an estimator for answering `orders` learns from: the designed runs and the ledger's.

    Never from their own retrainings, nor from those of orders that train the
    same: beside the truth stands what was said without knowing it.
    """
    return verified_runs(run, orders, LEARNED_FROM_MOST)
