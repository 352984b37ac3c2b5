"""Which orders to retrain for real, so that few of them teach much.

Most are spread like a Latin square: over the set, each sample is trained in
each part of the training about equally often, beside ever other samples. The
rest are orders in blocks and sorted ones, which are the hardest to estimate.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

from reorder_core.orders.order import Order
from reorder_core.store.drawn import drawn_orders
from reorder_core.store.run import Run

SHARES = {"blocks": 0.125, "curriculum": 0.125}
"""Of the designed orders, by family; the others are spread."""
FIRST_SEED = 1_000_003
"""Far from the small seeds that people give to `fidelity`."""


def designed_orders(run: Run, count: int) -> list[Order]:
    """`count` orders to retrain, the same for the same run and count."""
    seed = FIRST_SEED + run.config.seed
    orders = spread_orders(run.reference_order, spread_count(count), seed)
    for family, wanted in _others(count).items():
        if wanted:
            orders += drawn_orders(run, family, wanted, seed)
    return orders


def spread_count(count: int) -> int:
    """How many of `count` designed orders are spread: the first ones."""
    return count - sum(_others(count).values())


def _others(count: int) -> dict[str, int]:
    return {family: int(share * count) for family, share in SHARES.items()}


def spread_orders(reference: Order, count: int, seed: int) -> list[Order]:
    """`count` orders in which each sample meets each of `count` parts of training about once.

    Each order is the assignment of samples to slots that revisits least, ties
    broken at random; the reference order counts as visited.
    """
    random, size = np.random.default_rng(seed), len(reference)
    part_of = np.arange(size) * max(1, count) // size  # (N,) slot → part of the training
    visits = np.zeros((size, max(1, count)))  # (N, parts)
    visits[reference, part_of] = 1
    orders = []
    for _ in range(count):
        cost = visits[:, part_of] + 0.5 * random.random((size, size))
        order = np.argsort(linear_sum_assignment(cost)[1]).astype(np.int32)
        visits[order, part_of] += 1
        orders.append(order)
    return orders
