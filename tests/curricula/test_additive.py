"""The additive optimum and the genetic search against all permutations."""

from itertools import permutations

import numpy as np
import pytest

from reorder_core.curricula.additive import AdditiveTable, best_order, open_table
from reorder_core.curricula.constraints import Constraints
from reorder_core.curricula.genetic import breed
from reorder_core.curricula.objectives import parse_objective
from reorder_core.errors import CurriculumError

FIVE = np.arange(5, dtype=np.int32)
EVERY = np.array(list(permutations(range(5))), np.int32)


def five(**kept) -> Constraints:
    return Constraints(FIVE, 1, np.array([0, 1, 0, 1, 1]), **kept)


def table(seed: int, rows: int = 1) -> AdditiveTable:
    random = np.random.default_rng(seed)
    return AdditiveTable(random.normal(size=(rows, 5, 5)), random.normal(size=rows), 1)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kept", [{}, {"early": (3,)}, {"whole": True}])
def test_assignment_is_the_best_of_all_permutations(seed: int, kept: dict) -> None:
    additive, constraints = table(seed), five(**kept)
    allowed = np.array([order for order in EVERY if constraints.holds(order)])
    costs = additive.costs(allowed)
    assert costs.std() > 0.1  # orders do differ
    found = best_order(additive.table[0], constraints)
    assert constraints.holds(found)
    assert additive.costs(found[None])[0] == pytest.approx(costs.min(), abs=1e-12)


@pytest.mark.parametrize("rows", [1, 3])
def test_the_genetic_search_finds_the_best_of_all_permutations(rows: int) -> None:
    additive = table(7, rows)
    bred = breed(additive.costs, 1, five(), [], population=20, generations=25, seed=0)
    assert bred.costs[0, 0] == pytest.approx(additive.costs(EVERY).min(), abs=1e-12)
    assert additive.costs(bred.orders[0][None])[0] == bred.costs[0, 0]


def test_the_front_holds_both_single_optima_and_nothing_that_another_order_beats() -> None:
    one, other = table(1), table(2)

    def both(orders: np.ndarray) -> np.ndarray:
        return np.stack([one.costs(orders), other.costs(orders)], 1)

    bred = breed(both, 2, five(), [], population=40, generations=40, seed=0)
    every = both(EVERY)
    for cost in bred.costs:
        assert not ((every <= cost).all(1) & (every < cost).any(1)).any()
    assert bred.costs.min(0) == pytest.approx(every.min(0), abs=1e-12)


def test_the_same_seed_breeds_the_same_orders() -> None:
    additive = table(3)
    first, again = (breed(additive.costs, 1, five(), [], 10, 3, seed=5) for _ in range(2))
    assert np.array_equal(first.orders, again.orders)


def test_the_table_says_zero_change_at_the_reference_order(real_run) -> None:
    for text in ("heldout", "worst", "forget:1,2"):
        objective = parse_objective(real_run, text)
        found = open_table(real_run, objective).costs(real_run.reference_order[None])[0]
        known = objective.realised(real_run, real_run.reference_order)
        assert objective.sign * found == pytest.approx(known, abs=1e-6)


def test_a_run_without_position_table_says_what_to_do(tiny_run) -> None:
    objective = parse_objective(tiny_run, "heldout")
    with pytest.raises(CurriculumError, match="expected own and probe_far; build the run again"):
        open_table(tiny_run, objective)
    tiny_run.file("position").unlink()
    with pytest.raises(CurriculumError, match="has no position table"):
        open_table(tiny_run, objective)
