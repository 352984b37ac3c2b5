"""Every registered quantity under the order on screen, beside the reference run."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from reorder_core.cache.service import Answer
from reorder_core.judge.measuring import of_reference, of_retrained
from reorder_core.orders.order import Order
from reorder_core.quantities import QUANTITIES, VALUED, Quantity
from reorder_core.quantities.values import NOT_ESTIMATED, Found, estimated, means
from reorder_core.store.run import Run
from ui.app.markdown import plain

VERIFY = f"{NOT_ESTIMATED}; Verify to see it"


@dataclass(frozen=True, slots=True, eq=False)
class Here:
    """A quantity under one order, and on the reference run."""

    found: Found
    reference: Found
    source: str
    """`measured` on the reference run, `retrained` or `estimated`."""

    @property
    def quantity(self) -> Quantity:
        return self.found.quantity

    @property
    def reason(self) -> str:
        """Why there is no number, and what to do; empty where there is one."""
        return VERIFY if self.found.reason == NOT_ESTIMATED else self.found.reason


def under(run: Run, order: Order, answer: Answer) -> list[Here]:
    """The truth where it is known, else what follows from the estimate, else nan and a reason."""
    truth, estimate = run.ledger.of(order), answer.estimate
    at_reference = run.trains_as(order) == run.trains_as(run.reference_order)
    read = {} if at_reference or truth is not None or not VALUED else answer.read()

    def here(quantity: Quantity) -> Here:
        reference = of_reference(run, quantity)
        if at_reference:
            return Here(reference, reference, "measured")
        if truth is not None:
            return Here(of_retrained(run, quantity, truth), reference, "retrained")
        before, name = run.reference.before, estimate.estimator
        found = estimated(quantity, before, estimate.final, estimate.interval, name, read)
        return Here(found, reference, "estimated")

    return list(map(here, QUANTITIES.values()))


def frame(run: Run, found: list[Here]) -> pd.DataFrame:
    """One row a quantity and whose it is: mean over samples, and each held-out domain."""
    rows = []
    for part in found:
        pairs = zip(means(part.found, run.probe_domains), means(part.reference, run.probe_domains),
                    strict=True)  # fmt: skip
        rows += [_row(part, here, reference.value) for here, reference in pairs]
    return pd.DataFrame(rows)


def _row(part: Here, here: Any, reference: float) -> dict[str, Any]:
    quantity = part.quantity
    lacking = "not estimated" if part.source == "estimated" else "not measured"
    return {
        "quantity": quantity.title, "of": here.who, "reference": reference, "here": here.value,
        "low_90": here.low, "high_90": here.high, "change": here.value - reference,
        "unit": quantity.unit, "better": quantity.better,
        "known": part.source if np.isfinite(here.value) else lacking,
    }  # fmt: skip


def of_samples(found: list[Here]) -> list[Here]:
    """Those that each training sample has, but its loss, which has columns of its own."""
    return [p for p in found if "samples" in p.quantity.of and p.quantity.name != "loss"]


def reasons(found: list[Here]) -> list[str]:
    """A sentence for each quantity that has no number."""
    return [f"{part.quantity.title}: {part.reason}." for part in found if part.reason]


def registered() -> list[str]:
    """A sentence on each quantity, as Markdown."""
    return [
        f"**{plain(quantity.title)}** ({quantity.how}): {plain(quantity.sentence)} "
        f"Unit: {plain(quantity.unit)}; {quantity.better} is better. *{plain(name)}*"
        for name, quantity in QUANTITIES.items()
    ]
