"""`quantity:NAME` and `quantity:NAME:IDS`: any registered one that estimates can serve."""

import numpy as np

from reorder_core.curricula.objective import Follows, Objective
from reorder_core.curricula.objectives.memory import sample_ids
from reorder_core.errors import CurriculumError
from reorder_core.estimators.read_outs import NOT_BUILT, lacking_read_outs
from reorder_core.orders.order import order_hash
from reorder_core.quantities import QUANTITIES, Derived, Measured, Quantity, ReadOut
from reorder_core.quantities.quantity import valued
from reorder_core.store.run import Run


def make(run: Run, argument: str) -> Objective:
    """In the quantity's own better direction.

    The mean over chosen training samples; without IDS over held-out domains, or over
    all training samples where held-out text does not have the quantity.
    """
    name, _, ids = (part.strip() for part in argument.partition(":"))
    quantity = _known(run, name)
    sample_weight = np.zeros((1, run.count))
    probe_weight = np.zeros((1, len(run.probe_domains)))
    whose = "held-out text, every domain counting alike"
    if ids or "held_out" not in quantity.of:
        chosen = _samples(run, quantity, ids)
        sample_weight[0, chosen] = 1 / len(chosen)
        whose = f"{len(chosen)} training sample{'s' if len(chosen) != 1 else ''}"
    else:
        probe_weight[0] = 1 / len(run.probe_domains)
    higher = quantity.better == "higher"
    follows = None
    if isinstance(quantity, Derived):
        follows = Follows(quantity.value, run.reference.before.astype(np.float64))
    reads = name if valued(quantity) else ""
    title = quantity.title[0].lower() + quantity.title[1:]
    return Objective(
        f"quantity:{argument}", f"{'raise' if higher else 'lower'} the mean {title} of {whose}",
        f"mean {title}", sample_weight, probe_weight, higher, follows, quantity.unit, reads,
    )  # fmt: skip


def _known(run: Run, name: str) -> Quantity:
    able = ", ".join(serving())
    quantity = QUANTITIES.get(name)
    if quantity is None:
        raise CurriculumError(f"there is no quantity {name[:40]!r}; expected one of {able}")
    if isinstance(quantity, Measured):
        raise CurriculumError(
            f"{name} is measured on real parameters only, so no order can be priced by it; "
            f"expected one of {able}"
        )
    if name not in serving():
        raise CurriculumError(
            f"{name} of a text depends on other texts' losses, so it has no slope to search by; "
            f"expected one of {able}"
        )
    if name in lacking_read_outs(run):
        raise CurriculumError(f"{name} cannot be searched by: {NOT_BUILT}")
    if valued(quantity) and name not in run.measured.of(order_hash(run.reference_order)):
        raise CurriculumError(
            f"{name} was not measured on the reference run: python -m reorder_core measure RUN"
        )
    return quantity


def serving() -> list[str]:
    """Names of the quantities that an order can be searched by: estimated, and with a slope."""
    return [
        name
        for name, quantity in QUANTITIES.items()
        if isinstance(quantity, ReadOut) or (isinstance(quantity, Derived) and quantity.monotone)
    ]


def _samples(run: Run, quantity: Quantity, ids: str) -> list[int]:
    if "samples" not in quantity.of:
        raise CurriculumError(
            f"training samples have no {quantity.name}, seen {ids[:40]!r}; leave the ids out"
        )
    return list(sample_ids(run, ids, "quantity") if ids else range(run.count))
