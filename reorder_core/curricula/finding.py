"""One round of search: orders worth verifying, by all that is known now."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reorder_core.curricula import ranking
from reorder_core.curricula.additive import AdditiveTable, best_order
from reorder_core.curricula.asked import Task
from reorder_core.curricula.descent import Aim, descend
from reorder_core.curricula.genetic import breed
from reorder_core.curricula.scoring import Live, Scores
from reorder_core.curricula.search_state import SearchState, Tried
from reorder_core.orders.order import Order, frozen

Array = NDArray[np.floating]
CAUTIONS = (0.5, 1.0, 0.25)
"""Standard deviations added to an estimate, round by round: what may be wrong counts against it."""
HOPE = 0.5
"""Standard deviations taken off for the pick that is to teach."""
DESCENTS = 6
"""Steps of a descent at most."""
POPULATION, GENERATIONS = 12, 3
"""Of the genetic search by the live estimator; it starts from what the descents found."""
TABLE_GENERATIONS = 40
"""Of the one by the table, where the table's own optimum is not at hand."""
KEPT_OF_TABLE = 4


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Candidates of a round with their scores by objective."""

    orders: list[Order]
    sources: list[str]
    scores: list[Scores]

    def costs(self, task: Task, state: SearchState, caution: float) -> Array:
        """(B, M) scaled costs with so many standard deviations added."""
        sign = np.array([objective.sign for objective in task.objectives])
        careful = np.stack([score.careful(caution) for score in self.scores], 1) * sign
        return ranking.scaled(careful, task.objectives, state.random)


def find(
    task: Task,
    state: SearchState,
    live: Live,
    base: Live,
    tables: Sequence[AdditiveTable],
    on_part: Callable[[str], None],
) -> Candidates:
    """The round's candidates: descents from the best, from elsewhere, and a genetic search.

    `live` has learned from all that was verified, `base` only from what was there before. What
    is verified tells most of orders close by, and drives a descent away from them; those from
    elsewhere go by `base`, and `live` judges where they end.
    """
    caution, weights = CAUTIONS[state.round % len(CAUTIONS)], _weights(task, state)
    pool: dict[str, tuple[Order, str]] = {}

    def add(orders: Sequence[Order], source: str) -> None:
        for order in orders:
            if task.constraints.holds(order):
                pool.setdefault(task.run.trains_as(order), (order, source))

    for start, source, judge in _starts(task, state, live, base, tables):
        on_part(f"local search from {source}")
        aim = Aim(task.objectives, weights, caution)
        path = descend(judge, aim, task.constraints, start, DESCENTS)
        add(path[:0:-1], f"local search from {source}")
        add(path[:1], source)
    on_part("genetic search")
    add(_bred(task, state, live, tables, [order for order, _ in pool.values()], caution),
        "genetic search")  # fmt: skip
    orders, sources = (list(part) for part in zip(*pool.values(), strict=True))
    return Candidates(orders, sources, live.scores(task.objectives, orders))


def picks(task: Task, state: SearchState, found: Candidates, many: int) -> list[Tried]:
    """The candidates to verify next, as entries."""
    caution = CAUTIONS[state.round % len(CAUTIONS)]
    taken = [entry.order for entry in state.verified] + [task.run.reference_order]
    rows = ranking.pick(
        found.orders, found.costs(task, state, caution), found.costs(task, state, -HOPE),
        taken, many, task.run.batch_size,
    )  # fmt: skip
    return [
        Tried(
            found.orders[row], found.sources[row], tuple(s.of(row) for s in found.scores),
            round=state.round,
        )
        for row in rows
    ]  # fmt: skip


def _weights(task: Task, state: SearchState) -> Array:
    """(M,) what the objectives count for in a descent, in units of their spread at random."""
    sds = np.maximum([np.std(row) for row in state.random], 1e-9)
    if len(task.objectives) == 1:
        return np.ones(1)  # a scale would change nothing
    share = np.ones(len(sds)) / len(sds)
    if state.round:
        random = np.random.default_rng([task.asked.seed, 41, state.round])
        share = random.dirichlet(np.full(len(sds), 0.7))
    return share / sds


def _starts(
    task: Task, state: SearchState, live: Live, base: Live, tables: Sequence[AdditiveTable]
) -> list[tuple[Order, str, Live]]:
    """Where the round's descents begin: the best so far, and a place that is new."""
    random = np.random.default_rng([task.asked.seed, 37, state.round])
    constraints, best = task.constraints, _best_so_far(task, state)
    found = [(best, "the best so far", live)] if best is not None else []
    if state.round == 1:
        cost = np.einsum("m,mnt->nt", _weights(task, state), [_row(t) for t in tables])
        found.append((best_order(cost, constraints, random), "the table's optimum", base))
    start = constraints.repair(random.permutation(task.run.reference_order), random)
    return [*found, (start, "a random order", base)]


def _row(table: AdditiveTable) -> Array:
    """(N, T) of an objective that is the highest of several losses, the one that is it usually."""
    return table.table[int(table.level.argmax())]


def _best_so_far(task: Task, state: SearchState) -> Order | None:
    if not state.verified:
        return None
    costs = ranking.costs_of(state.verified, task.objectives, state.random)
    weights = _weights(task, state)
    weights = weights / weights.sum()
    finite = np.where(np.isfinite(costs).all(1), np.nan_to_num(costs) @ weights, np.inf)
    return state.verified[int(finite.argmin())].order


def _bred(
    task: Task,
    state: SearchState,
    live: Live,
    tables: Sequence[AdditiveTable],
    seeds: Sequence[Order],
    caution: float,
) -> list[Order]:
    """Orders that a genetic search makes of the round's other candidates."""
    count, seed = len(task.objectives), (1000 * task.asked.seed + state.round) % 2**31
    seeds = list(seeds)
    linear = count == 1 and len(tables[0].table) == 1 and not task.constraints.any
    if not linear:  # the optimum of the sum is not that of the highest, nor of several

        def by_table(orders: NDArray[np.int32]) -> Array:
            return np.stack([table.costs(orders) for table in tables], 1)

        start = breed(by_table, count, task.constraints, seeds[:20], 60, TABLE_GENERATIONS, seed)
        seeds += start.orders[:: max(1, len(start.orders) // KEPT_OF_TABLE)][:KEPT_OF_TABLE]

    def by_estimate(orders: NDArray[np.int32]) -> Array:
        scores = live.scores(task.objectives, list(orders))
        return np.stack([score.careful(caution) for score in scores], 1)

    best = breed(by_estimate, count, task.constraints, seeds[::-1], POPULATION, GENERATIONS, seed)
    return [frozen(order) for order in best.orders[:POPULATION]]
