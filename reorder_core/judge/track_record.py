"""How estimates of orders like this one have fared against real retraining."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reorder_core.judge.verified import BY_HAND, HEAT_MAP
from reorder_core.orders.families import FAMILIES, PERMUTING
from reorder_core.orders.moves import single_move
from reorder_core.orders.order import Order, order_hash
from reorder_core.records.fidelity import FidelityReport, Measured
from reorder_core.store.run import Run

Array = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """A fidelity report's measures of the estimator, on the kind of orders most like one."""

    kind: str
    """The order's own: one of FAMILIES, or BY_HAND."""
    family: str
    """Of the orders that judged; the kind's own, or of those about as far from the reference."""
    orders: int
    """How many were retrained."""
    measured: Measured


def kind_of(run: Run, order: Order, drawn: Mapping[str, str]) -> str:
    """The family that the order belongs to, as drawn or by its form; else BY_HAND.

    `drawn`: order hash → family, as `families_of` gives it.
    """
    family = drawn.get(order_hash(order), BY_HAND)
    if family in FAMILIES and family not in PERMUTING:
        return family
    if not same_samples(run, order):  # others are trained, or some more often
        return _presence(*run.visits.times(np.stack([run.reference_order, order])))
    if family == HEAT_MAP or single_move(run.reference_order, order) is not None:
        return "move"
    if family != BY_HAND:
        return family
    if _in_blocks(run, order):
        return "blocks"
    return "curriculum" if _sorted(run, order) else BY_HAND


def same_samples(run: Run, order: Order) -> bool:
    """Whether the order trains each sample as often as the reference order does."""
    usual, times = run.visits.times(np.stack([run.reference_order, order]))
    return bool((times == usual).all())


def track_record(
    run: Run, order: Order, estimator: str, distance: float, drawn: Mapping[str, str]
) -> TrackRecord | None:
    """How the estimator has fared on orders like this one; None where no report measures it.

    An order BY_HAND is judged by the family whose orders lie about as far from the
    reference run, by the ratio of `distance`; where it trains what the reference run does, of
    families that do.
    """
    best = _reports(run.fidelity, estimator)
    kind = kind_of(run, order, drawn)
    report = best.get(kind)
    if report is None and kind == BY_HAND:
        families = PERMUTING if same_samples(run, order) else FAMILIES
        report = _as_far([best[name] for name in families if name in best], estimator, distance)
    if report is None:
        return None
    return TrackRecord(kind, report.family, report.orders, report.estimators[estimator])


def _reports(reports: Sequence[FidelityReport], estimator: str) -> dict[str, FidelityReport]:
    """Family → its report of most orders that measures the estimator."""
    best: dict[str, FidelityReport] = {}
    for report in reports:
        if estimator not in report.estimators or report.family not in FAMILIES:
            continue
        if report.family not in best or report.orders > best[report.family].orders:
            best[report.family] = report
    return best


def _as_far(
    reports: Sequence[FidelityReport], estimator: str, distance: float
) -> FidelityReport | None:
    apart = {}
    for place, report in enumerate(reports):
        usual = report.estimators[estimator].distance
        if usual and distance > 0:
            apart[place] = abs(np.log(distance / usual))
    return reports[min(apart, key=lambda place: apart[place])] if apart else None


def _presence(usual: Array, times: Array) -> str:
    """The family of orders that train samples (N,) so many times, and the reference so many."""
    more = np.flatnonzero(times > usual)
    if len(more) != 1:
        return BY_HAND
    if usual[more[0]]:
        return "repeat"
    return "in-out" if (times < usual).sum() == 1 else BY_HAND


def _in_blocks(run: Run, order: Order) -> bool:
    """Whether whole domains, or whole steps of the reference order, follow each other."""
    domains = np.array([run.samples[sample].domain for sample in _trained(run, order)])
    runs = 1 + int((domains[1:] != domains[:-1]).sum())
    if 1 < len(run.domains) == runs:
        return True
    return _steps(run, order) == _steps(run, run.reference_order)


def _trained(run: Run, order: Order) -> Array:
    """(T · b,) the samples that an order trains."""
    return run.visits.batches(order).reshape(-1)


def _steps(run: Run, order: Order) -> set[frozenset[int]]:
    return {frozenset(step) for step in run.visits.batches(order).tolist()}


def _sorted(run: Run, order: Order) -> bool:
    """Whether lengths, or losses before training, only rise or only fall."""
    trained = _trained(run, order)
    lengths = np.array([sample.tokens for sample in run.samples])[trained]
    losses = run.reference.losses_at.samples[0][trained]
    differences = (np.diff(lengths.astype(float)), np.diff(losses))
    return any(len(set(np.sign(d)) - {0.0}) == 1 for d in differences)
