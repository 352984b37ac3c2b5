"""Genetic search over permutations: one objective, or several at once (NSGA-II), by pymoo."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reorder_core.curricula.constraints import Constraints
from reorder_core.orders.order import Order, frozen

Array = NDArray[np.floating]
Fitness = Callable[[NDArray[np.int32]], Array]
"""Costs (B,) or (B, M) of orders (B, N); lower is better."""


@dataclass(frozen=True, slots=True, eq=False)
class Bred:
    """A last population, the best first; of several objectives only what no other beats."""

    orders: list[Order]
    costs: Array
    """(P, M)"""
    evaluations: int


def breed(
    fitness: Fitness,
    objectives: int,
    constraints: Constraints,
    seeds: Sequence[Order],
    population: int,
    generations: int,
    seed: int,
    on_generation: Callable[[int], None] = lambda done: None,
) -> Bred:
    """The best orders of a genetic search that starts from `seeds` and random orders.

    Children take a stretch of steps from one parent and the rest in the other's
    order (order crossover), then swap samples or reverse a stretch; every child
    is repaired to keep to the constraints.
    """
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.algorithms.soo.nonconvex.ga import GA
    from pymoo.core.problem import Problem
    from pymoo.core.repair import Repair
    from pymoo.operators.crossover.ox import OrderCrossover
    from pymoo.optimize import minimize

    random = np.random.default_rng([seed, 17])
    count = len(constraints.reference)

    class Permutations(Problem):
        def __init__(self) -> None:
            super().__init__(n_var=count, n_obj=objectives, xl=0, xu=count - 1, vtype=int)

        def _evaluate(self, x: NDArray[Any], out: dict[str, Any], *args: Any, **more: Any) -> None:
            out["F"] = np.asarray(fitness(x.astype(np.int32))).reshape(len(x), objectives)

    class Keeping(Repair):
        def _do(self, problem: Any, x: NDArray[Any], **more: Any) -> NDArray[Any]:
            return np.stack([constraints.repair(row, random) for row in x])

    kind: Any = GA if objectives == 1 else NSGA2
    algorithm = kind(
        pop_size=population,
        sampling=_population(seeds, constraints, population, random),
        crossover=OrderCrossover(),
        mutation=_mutation(),
        repair=Keeping(),
        eliminate_duplicates=True,
    )
    told: Any = minimize(
        Permutations(), algorithm, ("n_gen", generations), seed=seed, verbose=False,
        callback=lambda algorithm: on_generation(algorithm.n_iter),
    )  # fmt: skip
    members = told.pop if objectives == 1 else told.opt
    costs, orders = members.get("F"), members.get("X")
    ranked = np.lexsort(costs.T[::-1])
    return Bred(
        [frozen(orders[row]) for row in ranked], costs[ranked], int(told.algorithm.evaluator.n_eval)
    )


def _population(
    seeds: Sequence[Order], constraints: Constraints, population: int, random: np.random.Generator
) -> NDArray[np.integer]:
    """(P, N) the seeds and random orders, all keeping to the constraints."""
    rows = list(seeds[:population])
    while len(rows) < population:
        rows.append(constraints.repair(random.permutation(constraints.reference), random))
    return np.stack(rows).astype(int)


def _mutation() -> Any:
    """Swaps of a few samples, or a stretch reversed."""
    from pymoo.core.mutation import Mutation

    class SwapsOrReversal(Mutation):
        def _do(self, problem: Any, x: NDArray[Any], *args: Any, **more: Any) -> NDArray[Any]:
            random = more.get("random_state") or np.random.default_rng(0)
            x = x.copy()
            for row in x:
                if random.random() < 0.25:
                    a, b = np.sort(random.integers(len(row), size=2))
                    row[a : b + 1] = row[a : b + 1][::-1].copy()
                    continue
                for a, b in random.integers(len(row), size=(1 + random.poisson(3), 2)):
                    row[[a, b]] = row[[b, a]]
            return x

    return SwapsOrReversal(prob=1.0)
