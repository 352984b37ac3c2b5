"""How numbers like those on screen have fared, in a few words for the headline cards."""

import math

from reorder_core.judge.track_record import TrackRecord, track_record
from reorder_core.orders.order import Order
from reorder_core.records.estimates import Estimate
from reorder_core.store.run import Run
from ui.app.words import FAMILY_WORDS, ONE_OF_A_FAMILY
from ui.queries import judged

NARROW = 0.8
"""Share held below which a 90 % interval is told to be too narrow."""


def record(run: Run, order: Order, estimate: Estimate) -> dict[str, str]:
    """What the page says of such orders: one line of `words`, and one for each card.

    `heldout` of the mean held-out loss, `training` of the mean training loss, `most` of
    single samples. Empty where no such order was judged; `words` then says what to do.
    """
    drawn = judged.drawn_families(run)
    found = track_record(run, order, estimate.estimator, estimate.distance, drawn)
    if found is None:
        return {"words": _unknown(run)}
    measured = found.measured
    return {
        "words": _words(found),
        "heldout": _held(measured.coverage90_heldout, measured.mae_heldout),
        "training": _held(None, measured.mae_training),
        "most": _held(measured.coverage90, measured.mae),
    }


def _words(found: TrackRecord) -> str:
    """Which orders judged: `Judged by 32 random orders, really retrained.`"""
    many = FAMILY_WORDS[found.family]
    if found.kind == found.family:
        return f"Judged by {found.orders} {many}, really retrained."
    one = ONE_OF_A_FAMILY[found.kind].capitalize()
    judges = f"{found.orders} {many}, about as far from the reference, really retrained."
    return f"{one}: judged by {judges}"


def _unknown(run: Run) -> str:
    return (
        "No orders of this kind have been judged by retraining: `python -m reorder_core fidelity "
        f"--run {run.path}` does."
    )


def _held(coverage: float | None, error: float | None) -> str:
    parts = []
    if coverage is not None and math.isfinite(coverage):
        only = "only " if coverage < NARROW else ""
        parts.append(f"interval held {only}{100 * coverage:.0f} %")
    if error is not None and math.isfinite(error):
        parts.append(f"error {_short(error)}")
    return ", ".join(parts)


def _short(value: float) -> str:
    return f"{value:.4f}" if value >= 0.00005 else "below 0.0001"
