"""The ledger's retrained orders as judges of an estimator: which, of what family, how it did."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reorder_core.errors import OrderError
from reorder_core.judge import measures
from reorder_core.judge.heat_map import usual_moves
from reorder_core.orders.families import families_of as drawable
from reorder_core.orders.order import Order, order_hash
from reorder_core.records.estimates import Estimate
from reorder_core.records.losses import Losses
from reorder_core.store.drawn import drawn_orders
from reorder_core.store.ledger import Retrained
from reorder_core.store.run import Run

Array = NDArray[Any]
HEAT_MAP, BY_HAND = "heat map", "by hand"
USUAL_SEED = 7
"""The one that `fidelity` takes when none is given."""
MOST_PER_FAMILY = 64
_DRAWN_BEYOND_REPORT = 64


@dataclass(frozen=True, slots=True, eq=False)
class Verified:
    """One retrained order that judges estimates."""

    family: str
    """One of FAMILIES by the draw that gave it, HEAT_MAP, else BY_HAND."""
    retrained: Retrained


def families_of(run: Run) -> dict[str, str]:
    """Order hash → family, for all orders that fidelity draws for this run.

    A family is a way of drawing, so an order belongs to it because it was
    drawn, not because it looks alike: what a person chose to verify is BY_HAND.
    """
    seeds: dict[tuple[str, int], int] = {(family, USUAL_SEED): 0 for family in drawable(run.visits)}
    for report in run.fidelity:
        key = (report.family, report.seed)
        if report.family in drawable(run.visits):
            # A report's orders are in the ledger: what claims more is not drawn.
            seeds[key] = max(seeds.get(key, 0), min(report.orders, len(run.ledger)))
    known: dict[str, str] = {}
    for (family, seed), orders in seeds.items():
        for order in _as_many(run, family, seed, orders + _DRAWN_BEYOND_REPORT):
            known.setdefault(order_hash(order), family)
    for *_, order in usual_moves(run).cells():
        known.setdefault(order_hash(order), HEAT_MAP)
    return known


def judges(
    run: Run,
    families: dict[str, str],
    fitted_on: frozenset[str],
    most: int = MOST_PER_FAMILY,
) -> list[Verified]:
    """The newest `most` of each family that the estimator was not fitted on, newest first.

    `fitted_on` are training hashes. The reference order itself, or one that
    trains the same, judges nothing.
    """
    ledger, left_out = run.ledger, fitted_on | {run.trains_as(run.reference_order)}
    found = [entry for entry in ledger.newest() if ledger.trains_as(entry) not in left_out]
    taken: dict[str, int] = {}
    kept = []
    for entry in found:
        family = families.get(entry.order_hash, BY_HAND)
        taken[family] = taken.get(family, 0) + 1
        if taken[family] <= most:
            kept.append(Verified(family, entry))
    return kept


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Estimates of O orders beside their retrainings; N samples, D held-out domains, nats."""

    estimated: Losses
    """(O, N) and (O, D) final ones."""
    retrained: Losses
    interval: Losses
    """(O, 2, N) and (O, 2, D) of 90 %; nan where the estimator gives none."""
    distance: Array
    """(O,) Estimate.distance."""
    expected_error: Array
    """(O,) the mean absolute error that the estimate expects of itself; nan where it has none."""

    @property
    def sample_error(self) -> Array:
        """(O,) mean absolute error of final losses over samples."""
        return np.abs((self.estimated - self.retrained).samples).mean(1)

    @property
    def probe_error(self) -> Array:
        """(O,) absolute error of the mean held-out loss."""
        return np.abs(self.estimated.held_out - self.retrained.held_out)

    @property
    def inside(self) -> Array:
        """(O, N) 1 where the interval holds the retrained loss, 0 where not, nan without one."""
        low, high = self.interval.samples[:, 0], self.interval.samples[:, 1]
        held = (low <= self.retrained.samples) & (self.retrained.samples <= high)
        return np.where(np.isfinite(low) & np.isfinite(high), held, np.nan)


def judge(estimates: Sequence[Estimate], verified: Sequence[Verified]) -> Judged:
    """Estimates stacked beside the retrainings of the same orders."""
    assert [e.order_hash for e in estimates] == [v.retrained.order_hash for v in verified]
    return Judged(
        Losses.stacked(e.final for e in estimates).astype(np.float64),
        Losses.stacked(entry.retrained.final for entry in verified).astype(np.float64),
        Losses.stacked(_ends(e) for e in estimates),
        np.array([e.distance for e in estimates], dtype=np.float64),
        np.array([e.expected_error for e in estimates], dtype=np.float64),
    )


def coverage(inside: Array, seed: int = 0) -> dict[str, float]:
    """Share inside of (O, N) with a 95 % interval over orders; losses of an order go together.

    Orders of which no loss has an interval are not counted.
    """
    counted = np.isfinite(inside)
    losses = int(counted.sum())
    if not losses:
        return {"share": np.nan, "lo": np.nan, "hi": np.nan, "orders": len(inside), "losses": 0}
    inside, counted = inside[counted.any(1)], counted[counted.any(1)]
    held, of = np.nansum(inside, axis=1), counted.sum(axis=1)  # (O,) each
    low, high = measures.bootstrap_ci(lambda i: held[i].sum() / of[i].sum(), len(inside), seed)
    share = float(held.sum() / of.sum())
    return {"share": share, "lo": low, "hi": high, "orders": len(inside), "losses": losses}


def _ends(estimate: Estimate) -> Losses:
    """(2, N) and (2, D)"""
    if estimate.interval is not None:
        return estimate.interval.astype(np.float64)
    final = estimate.final
    return Losses.unknown(2, samples=len(final.samples), probes=len(final.probes))


def _as_many(run: Run, family: str, seed: int, orders: int) -> list[Order]:
    """Up to `orders` draws: a small run has few orders of some families."""
    while orders > 0:
        try:
            return drawn_orders(run, family, orders, seed)
        except OrderError:
            orders //= 2
    return []
