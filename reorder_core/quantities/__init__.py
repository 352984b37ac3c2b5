"""Quantities by name: one file each, and its line here; NumPy only.

Command line, store and pages take what `QUANTITIES` lists. A new one is a module with a
`QUANTITY` (see `quantity`) and one line: here in `_OWN`, or, from another package, in the
entry point group `reorder.quantities`. See docs/adding-a-quantity.md.
"""

import logging
from importlib.metadata import EntryPoint, entry_points

from reorder_core.quantities import accuracy, held_out_loss, loss, memorization, perplexity
from reorder_core.quantities.quantity import Derived, Measured, Quantity, ReadOut, Told, valued

__all__ = [
    "GROUP", "MEASURED", "QUANTITIES", "VALUED", "Derived", "Measured", "Quantity", "ReadOut",
]  # fmt: skip
log = logging.getLogger(__name__)
GROUP = "reorder.quantities"

_OWN: tuple[Quantity, ...] = (
    loss.QUANTITY, held_out_loss.QUANTITY, memorization.QUANTITY, perplexity.QUANTITY,
    accuracy.QUANTITY,
)  # fmt: skip


def _plugged_in(known: set[str]) -> dict[str, Quantity]:
    """Those of other packages; what cannot be loaded, or has a name that is taken, is left out."""
    found: dict[str, Quantity] = {}
    for entry in entry_points(group=GROUP):
        quantity = _loaded(entry)
        if quantity is None:
            continue
        if quantity.name in known | found.keys():
            log.warning("left out %s: there is a quantity %s", entry.value, quantity.name)
            continue
        found[quantity.name] = quantity
    return found


def _loaded(entry: EntryPoint) -> Quantity | None:
    try:
        quantity = entry.load()
    except Exception as error:  # another package's fault must not take Reorder down
        log.warning("left out quantity %s: %s cannot be loaded: %s", entry.name, entry.value, error)
        return None
    if isinstance(quantity, (ReadOut, Derived, Measured)):
        return quantity
    log.warning(
        "left out quantity %s: %s is a %s, expected ReadOut, Derived or Measured",
        entry.name, entry.value, type(quantity).__name__,
    )  # fmt: skip
    return None


QUANTITIES: dict[str, Quantity] = {quantity.name: quantity for quantity in _OWN}
"""Name → quantity, ours first."""
QUANTITIES |= _plugged_in(set(QUANTITIES))
VALUED: tuple[ReadOut, ...] = tuple(
    q for q in QUANTITIES.values() if isinstance(q, ReadOut) and valued(q)
)
"""Those that are read out by a value of their own: a build keeps the gradients of each."""
MEASURED: tuple[Told, ...] = (
    *(q for q in QUANTITIES.values() if isinstance(q, Measured)), *VALUED,
)  # fmt: skip
"""Those that a retraining measures."""
