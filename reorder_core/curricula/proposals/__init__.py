"""Proposals: orders that people would try, by name; one file a kind, and its line in `KINDS`.

A kind is a function (run, seed) → {name: order}. They bring what the field
proposes; nothing in them knows the objective.
"""

from collections.abc import Callable

from reorder_core.curricula.proposals import by_gradient, by_loss, domains, plain
from reorder_core.orders.order import Order
from reorder_core.store.run import Run

KINDS: tuple[Callable[[Run, int], dict[str, Order]], ...] = (
    plain.random, plain.by_length, by_loss.by_loss, by_loss.self_paced, domains.blocks,
    domains.interleaved, by_gradient.diverse, by_gradient.clean_last,
)  # fmt: skip


def proposals(run: Run, seed: int) -> dict[str, Order]:
    """All proposals for a run by name; those that train as an earlier one are left out."""
    found: dict[str, Order] = {}
    known: set[str] = set()
    for kind in KINDS:
        for name, order in kind(run, seed).items():
            digest = run.trains_as(order)
            if digest not in known:
                known.add(digest)
                found[name] = order
    return found
