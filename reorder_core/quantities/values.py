"""A quantity's values under an order, estimated or real; nan and the reason where it has none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from reorder_core.quantities.quantity import (
    Derived,
    Measured,
    Quantity,
    told_by_parameters,
    valued,
)
from reorder_core.records.losses import Losses
from reorder_core.records.read_outs import ReadValues
from reorder_core.records.values import Values

SAMPLES = "samples, mean"
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
    quantity: Quantity,
    before: Losses,
    final: Losses,
    interval: Losses | None,
    estimator: str,
    read: Mapping[str, ReadValues] | None = None,
) -> Found:
    """From an estimate's final losses and their interval; `before`: losses before training.

    `read`, by name, what the estimator says of quantities with a value of their own.
    """
    if isinstance(quantity, Measured):
        return _nothing(quantity, final, NOT_ESTIMATED)
    if valued(quantity):
        told = (read or {}).get(quantity.name)
        if told is None:
            return _nothing(quantity, final, f"{estimator} estimates losses and what follows")
        return Found(quantity, told.values, told.interval, told.reason)
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
    if told_by_parameters(quantity):
        if quantity.name not in measured:
            return _nothing(quantity, final, lacking)
        found = _only(quantity, measured[quantity.name])
    else:
        found = from_losses(quantity, before, final)
    return Found(quantity, found) if found.known else _nothing(quantity, final, "training diverged")


def from_losses(quantity: Quantity, before: Losses, after: Losses) -> Values:
    """A read-out or derived quantity's values, float64, with the leading axes of `after`."""
    assert not told_by_parameters(quantity), f"{quantity.name} does not follow from losses"
    of = quantity.value if isinstance(quantity, Derived) else lambda before, after: after
    parts = ((before.samples, after.samples), (before.probes, after.probes))
    with np.errstate(over="ignore", invalid="ignore"):
        samples, probes = (of(b.astype(np.float64), a.astype(np.float64)) for b, a in parts)
    return _only(quantity, Values(samples, probes))


class Mean(NamedTuple):
    """A row of a short table of a quantity."""

    who: str
    """SAMPLES, or `held out: NAME`."""
    value: float
    low: float
    """End of the 90 % interval; nan where there is none."""
    high: float


def means(found: Found, domains: Sequence[str]) -> list[Mean]:
    """The mean over samples, without an interval, and the value of each held-out domain."""
    rows, values = [], found.values
    if "samples" in found.quantity.of:
        known = values.samples[np.isfinite(values.samples)]
        rows.append(Mean(SAMPLES, float(known.mean()) if known.size else np.nan, np.nan, np.nan))
    if "held_out" in found.quantity.of:
        low, high = (np.full((2, len(domains)), np.nan) if found.interval is None
                     else found.interval.probes)  # fmt: skip
        for domain, *numbers in zip(domains, values.probes, low, high, strict=True):
            rows.append(Mean(f"held out: {domain}", *map(float, numbers)))
    return rows


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
