"""What a shared number knew, in a few characters of a link: `184-3fa9c01b`.

How many retrainings the ledger held, and the beginning of the digest of those that
informed the number. Entries keep their sequence, so the first n are the same anywhere.
"""

import re
from dataclasses import dataclass

from reorder_core.cache.service import AsOf, EstimateService
from reorder_core.errors import OrderError
from reorder_core.orders.order import Order

_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Resolved:
    """Which state of the ledger gives a link's number again."""

    first: int | None
    """How many of its oldest retrainings; None: today's are the same ones."""
    problem: str = ""
    """Why the number cannot be had again; empty where it can."""


def stamp_of(known: AsOf, order: Order) -> str:
    """The stamp of the order's number as `known` answers it."""
    return f"{known.seen}-{known.knows(order).digest[:_DIGITS]}"


def resolved(service: EstimateService, order: Order, stamp: str) -> Resolved:
    """What to ask for the number that the stamp was made of; raises OrderError for no stamp."""
    read = re.fullmatch(rf"(\d{{1,7}})-([0-9a-f]{{{_DIGITS}}})", stamp, re.ASCII)
    if read is None:
        raise OrderError(
            "what this link says of the retrainings its number knew is damaged; today's is shown"
        )
    held, digest = int(read[1]), read[2]
    if _names(service.now(), order) == digest:
        return Resolved(None)
    if held <= service.now().seen and _names(service.as_of(held), order) == digest:
        return Resolved(held)
    return Resolved(
        None,
        f"This link's number knew retrainings out of {held} that are not the first {held} of this "
        "run's ledger, or the run was built anew: it cannot be shown as it was, and today's is "
        "shown",
    )


def _names(known: AsOf, order: Order) -> str:
    return known.knows(order).digest[:_DIGITS]
