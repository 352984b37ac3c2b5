"""Which orders are best: costs made comparable, fronts, and picks that differ from each other."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reorder_core.curricula.objective import Objective
from reorder_core.curricula.search_state import Tried
from reorder_core.orders.order import Order, steps_of

Array = NDArray[np.floating]
APART = 0.02
"""Share of samples at another step by which picks differ at least."""


def scaled(
    values: Array, objectives: Sequence[Objective], random: Sequence[Sequence[float]]
) -> Array:
    """(B, M) values as costs in standard deviations of random orders; 0 is their mean.

    Infinite where a value is no number.
    """
    signs = np.array([objective.sign for objective in objectives])
    means, sds = (np.array([f(row) for row in random]) for f in (np.mean, np.std))
    costs = signs * (values - means) / np.maximum(sds, 1e-9)
    return np.where(np.isfinite(costs), costs, np.inf)


def costs_of(
    entries: Sequence[Tried], objectives: Sequence[Objective], random: Sequence[Sequence[float]]
) -> Array:
    """(B, M) scaled costs of verified entries; infinite where a training diverged."""
    values = np.array([entry.realised for entry in entries], float).reshape(len(entries), -1)
    return scaled(values, objectives, random)


def front(costs: Array) -> NDArray[np.intp]:
    """Indices of the rows (B, M) that no other row beats in every column, best sum first."""
    beaten = [
        bool(((costs <= row).all(1) & (costs < row).any(1)).any()) for row in costs
    ]  # fmt: skip
    left = np.flatnonzero(~np.array(beaten, bool))
    return left[np.argsort(costs[left].sum(1), kind="stable")]


def pick(
    orders: Sequence[Order],
    careful: Array,
    hopeful: Array,
    taken: Sequence[Order],
    many: int,
    batch_size: int,
) -> list[int]:
    """Up to `many` rows of orders to verify: the best ones that differ from what is taken.

    By careful costs (B, M); the last of three or more by hopeful ones, which
    teaches most. Of several objectives, along the front, far from each other.
    """
    steps = steps_of(np.stack(orders), batch_size)
    known = [steps_of(order[None], batch_size)[0] for order in taken]
    chosen: list[int] = []
    while len(chosen) < many:
        costs = hopeful if many >= 3 and len(chosen) == many - 1 else careful
        free = [
            row for row in range(len(orders))
            if all((steps[row] != other).mean() >= APART for other in known)
        ]  # fmt: skip
        if not free:
            break
        row = _next(costs, free, chosen)
        chosen.append(row)
        known.append(steps[row])
    return chosen


def _next(costs: Array, free: list[int], chosen: list[int]) -> int:
    if costs.shape[1] == 1 or not chosen:
        return free[int(np.argmin(costs[free].sum(1)))]
    on_front = [free[at] for at in front(costs[free])]
    gaps = np.abs(costs[on_front][:, None] - costs[chosen][None]).sum(2).min(1)
    return on_front[int(gaps.argmax())]
