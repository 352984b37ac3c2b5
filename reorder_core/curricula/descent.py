"""Local search with the live estimator: slope, best order by it, as far as it can be trusted.

Near an order, what each sample does at each step is a table (an adjoint replay
gives it). The order that is best by the table, at a price for leaving a step,
is a new one at price 0 and a few moves away at a high price. The estimator
prices it with its uncertainty: where it is better, the next slope is taken
there, at a lower price; where not, a higher price is tried.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reorder_core.curricula.additive import best_order
from reorder_core.curricula.constraints import Constraints
from reorder_core.curricula.objective import Objective
from reorder_core.curricula.scoring import Live
from reorder_core.orders.order import Order, steps_of

Array = NDArray[np.floating]
PRICE, DEAREST = 1.0, 16.0
"""The first price of leaving a step and the last one tried, in standard deviations of the slope."""
LEAST = 1e-6
"""Nats that are worth another round."""


@dataclass(frozen=True, slots=True, eq=False)
class Aim:
    """What a descent lowers: a weighted sum of costs with standard deviations added."""

    objectives: Sequence[Objective]
    weights: Sequence[float] | Array
    caution: float
    """Standard deviations added to each estimate."""

    def costs(self, live: Live, orders: Sequence[Order]) -> Array:
        """(B,)"""
        scores = live.scores(self.objectives, orders)
        parts = [w * s.careful(self.caution) for w, s in zip(self.weights, scores, strict=True)]
        return np.sum(parts, axis=0)

    def slope(self, live: Live, order: Order) -> Array:
        """(N, T) to first order; of the estimates alone."""
        parts = zip(self.weights, self.objectives, strict=True)
        return np.sum([w * live.slope(o, order) for w, o in parts if w], axis=0)


def descend(
    live: Live, aim: Aim, constraints: Constraints, start: Order, rounds: int
) -> list[Order]:
    """Orders better and better by the estimate, from `start` to the best."""
    path, best, price = [start], aim.costs(live, [start])[0], PRICE
    for number in range(rounds):
        slope = aim.slope(live, path[-1])
        first = price
        while price <= DEAREST:
            tried = _nearby(slope, path[-1], constraints, price, number)
            costs = aim.costs(live, tried)
            if costs.min() < best - LEAST:
                break
            price *= 2
        else:
            break
        best = costs.min()
        path.append(tried[int(costs.argmin())])
        price = price / 2 if price == first else price
    return path


def _nearby(
    slope: Array, here: Order, constraints: Constraints, price: float, seed: int
) -> list[Order]:
    """The order of least cost by the slope at a price; with few moves, the most telling ones."""
    random, ids = np.random.default_rng(seed), np.arange(len(here))
    home = steps_of(here[None], constraints.batch_size)[0]
    gain = slope - slope[ids, home][:, None]
    cost = gain + price * slope.std()
    cost[ids, home] = 0
    found = [best_order(cost, constraints, random)]
    if constraints.most_moves:
        found += _few_moves(gain, here, constraints, price)
    return found


def _few_moves(gain: Array, here: Order, constraints: Constraints, price: float) -> list[Order]:
    """The samples with most to gain put at their best step, fewer at a higher price."""
    best, slots = gain.argmin(1), np.argsort(here)
    many = max(1, int((constraints.most_moves or 1) / (2 * price)))
    order = list(here)
    for sample in np.argsort(gain.min(1))[:many].tolist():
        order.remove(sample)
        place = int(best[sample]) * constraints.batch_size
        order.insert(place + int(slots[sample]) % constraints.batch_size, sample)
    return [constraints.repair(np.array(order), np.random.default_rng(many))]
