"""Which orders to retrain for real, so that few of them teach much.

Most are spread like a Latin square: over the set, each sample is trained in
each part of the training about equally often, beside ever other samples. The
rest are orders in blocks and sorted ones, which are the hardest to estimate. A quarter of all, the
last of the spread ones, train a random half of what lies on the bench, so that presence is learned,
too; the others train what the reference run does, as most orders that are asked for.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

from reorder_core.orders.order import Order, frozen, slots_of
from reorder_core.orders.visits import Visits
from reorder_core.store.drawn import drawn_orders
from reorder_core.store.run import Run

SHARES = {"blocks": 0.125, "curriculum": 0.125}
"""Of the designed orders, by family; the others are spread."""
BENCHED = 0.25
"""Share of the designed orders that train of the bench."""
FIRST_SEED = 1_000_003
"""Far from the small seeds that people give to `fidelity`."""


def designed_orders(run: Run, count: int) -> list[Order]:
    """`count` orders to retrain, the same for the same run and count."""
    seed = FIRST_SEED + run.config.seed
    trained, bench = np.split(run.reference_order, [run.visits.trained])
    rank = slots_of(np.argsort(trained).astype(np.int32))
    spread = spread_orders(rank, spread_count(count), seed)
    orders = [frozen(np.concatenate([np.sort(trained)[order], bench])) for order in spread]
    for family, wanted in _others(count).items():
        if wanted:
            orders += drawn_orders(run, family, wanted, seed)
    random, last = np.random.default_rng([seed, 1]), len(spread)
    for number in range(last - benched_count(count), last):
        orders[number] = with_bench(orders[number], run.visits, random)
    return orders


def centre_count(count: int, visits: Visits) -> int:
    """How many of them, the first, set the second centre: spread ones without the bench."""
    return spread_count(count) - (benched_count(count) if visits.bench else 0)


def benched_count(count: int) -> int:
    """How many of `count` designed orders, the last of the spread ones, train of the bench."""
    return min(round(BENCHED * count), spread_count(count))


def with_bench(order: Order, visits: Visits, random: np.random.Generator) -> Order:
    """`order` with a random half of what lies on the bench in random slots."""
    if not visits.bench:
        return order
    changed, many = order.copy(), min((visits.bench + 1) // 2, visits.trained // 2)
    benched = visits.trained + random.permutation(visits.bench)[:many]
    slots = random.permutation(visits.trained)[:many]
    changed[slots], changed[benched] = order[benched], order[slots]
    return frozen(changed)


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
