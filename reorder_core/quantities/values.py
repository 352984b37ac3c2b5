"""A quantity's values under an order, estimated or real; nan and the reason where it has none."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from reorder_core.quantities.quantity import Derived, Measured, Quantity
from reorder_core.records.losses import Losses
from reorder_core.records.values import Values

NOT_ESTIMATED = "not estimated: measured on real parameters only"


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A quantity of N samples and D held-out domains under one order."""

    quantity: Quantity
    values: Values
    interval: Values | None = None
    """(2, N) and (2, D) ends of the 90 % interval, where there is one."""
    reason: str = ""
    """Why there is no number; empty where there is one."""


def estimated(
    quantity: Quantity, before: Losses, final: Losses, interval: Losses | None, estimator: str
) -> Found:
    """From an estimate's final losses and their interval; `before`: losses before training."""
    if isinstance(quantity, Measured):
        return _nothing(quantity, final, NOT_ESTIMATED)
    found = from_losses(quantity, before, final)
    if not found.known:
        return _nothing(quantity, final, f"{estimator} gives no losses that it follows from")
    return Found(quantity, found, _interval(quantity, before, interval))


def real(
    quantity: Quantity, before: Losses, final: Losses, measured: Mapping[str, Values], lacking: str
) -> Found:
    """From real training: its losses, and what was measured on its parameters.

    `lacking` is the reason that is given where it was not measured.
    """
    if isinstance(quantity, Measured):
        if quantity.name not in measured:
            return _nothing(quantity, final, lacking)
        found = _only(quantity, measured[quantity.name])
    else:
        found = from_losses(quantity, before, final)
    return Found(quantity, found) if found.known else _nothing(quantity, final, "training diverged")


def from_losses(quantity: Quantity, before: Losses, after: Losses) -> Values:
    """A read-out or derived quantity's values, float64, with the leading axes of `after`."""
    assert not isinstance(quantity, Measured), f"{quantity.name} does not follow from losses"
    of = quantity.value if isinstance(quantity, Derived) else lambda before, after: after
    parts = ((before.samples, after.samples), (before.probes, after.probes))
    with np.errstate(over="ignore", invalid="ignore"):
        samples, probes = (of(b.astype(np.float64), a.astype(np.float64)) for b, a in parts)
    return _only(quantity, Values(samples, probes))


def _interval(quantity: Quantity, before: Losses, interval: Losses | None) -> Values | None:
    if interval is None or (isinstance(quantity, Derived) and not quantity.monotone):
        return None
    ends = from_losses(quantity, before, interval)
    return Values(np.sort(ends.samples, 0), np.sort(ends.probes, 0))


def _only(quantity: Quantity, values: Values) -> Values:
    """nan where the quantity says that it has no value."""
    held = (values.of(kind) for kind in ("samples", "held_out"))
    return Values(
        *(part if kind in quantity.of else np.full(part.shape, np.nan)
          for kind, part in zip(("samples", "held_out"), held, strict=True))
    )  # fmt: skip


def _nothing(quantity: Quantity, like: Losses, reason: str) -> Found:
    unknown = Values.unknown(like.samples.shape[-1], like.probes.shape[-1])
    return Found(quantity, unknown, None, reason)
