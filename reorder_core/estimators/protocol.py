"""What pages, command line and fidelity may ask of an estimator."""

from typing import Literal, Protocol

from reorder_core.orders.order import Order
from reorder_core.records.estimates import Estimate

Ability = Literal["intervals", "differences", "learns", "materialize", "read_outs"]
"""intervals: each loss has one. differences: `difference(order, base)`, with one of its own.
learns: `taught(runs)` gives one that knows other retrainings. materialize: writes a checkpoint.
read_outs: `read_outs(order)` gives, by name, quantities that have a value of their own."""


class Estimator(Protocol):
    """Answers what an order would have given; one module each in this package."""

    name: str
    about: str
    """What it does, in half a sentence."""
    can: frozenset[Ability]
    """Who needs an ability asks for it here, and for no estimator by name."""
    precompute_rre: float
    """Cost of what it needs before the first query, in reference trainings."""
    bytes: int
    """Size of the arrays it keeps."""
    fitted_on: frozenset[str]
    """Training hashes of the retrained orders that set its parameters or its intervals."""

    def estimate(self, order: Order) -> Estimate:
        """Losses under `order`, which must come from `make_order` for this run."""
        ...
