"""One real retraining, and the record that a ledger keeps of it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reorder_core.orders.order import Order, order_hash
from reorder_core.orders.visits import Visits
from reorder_core.records.losses import Losses
from reorder_core.records.values import Values
from reorder_core.store.sealed import opened

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Retrained:
    """What a real training in another order gave; losses in nats per token."""

    run: str
    order_hash: str
    order: Order
    losses_at: Losses
    """(E, N) and (E, D) after `run.eval_steps` steps."""
    seconds: float
    """Wall time of the training."""
    sequence: int = 0
    """Its number in the ledger, from 1; 0 where it has none."""
    digest: str = ""
    """SHA-256 of its record in the ledger; empty before it is kept there."""
    measured: Mapping[str, Values] = field(default_factory=dict)
    """Quantity → what this training measured; `Run.keep` puts it into `Run.measured`, where
    it is read from: an entry that comes out of the ledger carries none."""

    @property
    def final(self) -> Losses:
        """(N,) and (D,) final losses."""
        return self.losses_at.final


class EntryShape(NamedTuple):
    """What a run's entries must have."""

    visits: Visits
    probe_domains: int
    evaluations: int


def record_of(entry: Retrained) -> dict[str, Any]:
    """The entry as a mapping, without its digest."""
    return {
        "run": entry.run,
        "order_hash": entry.order_hash,
        "order": entry.order,
        "sample_loss_at": entry.losses_at.samples,
        "probe_loss_at": entry.losses_at.probes,
        "seconds": round(entry.seconds, 3),
        "sequence": entry.sequence,
    }


_FIELDS = {
    "run", "order_hash", "order", "sample_loss_at", "probe_loss_at", "seconds", "sequence", "digest"
}  # fmt: skip
_FIRST_FIELDS = _FIELDS - {"sequence", "digest"}


def parsed(value: Any, run: str, shape: EntryShape) -> Retrained:
    """The entry in a ledger's record.

    Raises ValueError, KeyError, TypeError or OrderError for what is none of this run.
    """
    record, digest = opened(value)
    # A damaged key must not pass a sealed record off as an earlier version's.
    if value.keys() not in (_FIELDS, _FIRST_FIELDS):
        strange = ", ".join(sorted(map(repr, value.keys() ^ _FIELDS)))
        raise ValueError(f"its fields differ from an entry's in {strange[:80]}")
    if record["run"] != run:
        raise ValueError(f"it is for run {record['run']}, this run is {run}")
    order = shape.visits.make_order(record["order"])
    if order_hash(order) != record["order_hash"]:
        raise ValueError(f"its order hashes to {order_hash(order)}")
    return Retrained(
        run=run,
        order_hash=record["order_hash"],
        order=order,
        losses_at=Losses(
            _matrix(record["sample_loss_at"], (shape.evaluations, shape.visits.samples)),
            _matrix(record["probe_loss_at"], (shape.evaluations, shape.probe_domains)),
        ),
        seconds=_seconds(record["seconds"]),
        sequence=_number(record.get("sequence", 0)),
        digest=digest,
    )


def _matrix(rows: Any, shape: tuple[int, int]) -> Array:
    # None stands for a loss that was not finite: a training may diverge.
    matrix = np.array(rows, dtype=np.float32)
    if matrix.shape != shape:
        raise ValueError(f"it holds losses of shape {matrix.shape}, expected {shape}")
    return matrix


def _seconds(value: Any) -> float:
    seconds = float(value)
    if not math.isfinite(seconds):
        raise ValueError(f"it took {value} seconds")
    return seconds


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"its sequence number is {value!r}, expected 1 or more")
    return value
