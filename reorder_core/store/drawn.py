"""Orders of a family, drawn for a run."""

from reorder_core.orders.families import random_orders
from reorder_core.orders.order import Order
from reorder_core.store.run import Run


def drawn_orders(run: Run, family: str, count: int, seed: int) -> list[Order]:
    """`count` orders of a family; asking for more repeats the same draws and appends to them.

    Raises OrderError for an unknown family, or where the run has not so many.
    """
    domains, lengths = [s.domain for s in run.samples], [s.tokens for s in run.samples]
    return random_orders(family, run.reference_order, run.visits, domains, lengths, count, seed)
