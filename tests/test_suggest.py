"""The best next move: prices of all inserts, and which of them are suggested."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from fabricated import BATCH, COUNT, DOMAINS, STEPS, build_tiny

from reorder_core.errors import OrderError
from reorder_core.estimators.position import PositionTable
from reorder_core.explore.suggestions import (
    SHORTLIST,
    SHOWN,
    SWAPS,
    Goal,
    candidates,
    insert_effects,
    make_goal,
    suggestions,
    swap_effects,
)
from reorder_core.orders.moves import Move, apply
from reorder_core.orders.order import insert, make_order, slots_of, steps_of
from reorder_core.records.estimates import Difference
from reorder_core.records.losses import Losses
from reorder_core.store.run import Run

GOALS = [
    Goal("held-out"),
    Goal("domain", "prose"),
    Goal("remember", sample=4),
    Goal("forget", sample=7),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return build_tiny(tmp_path_factory.mktemp("tiny") / "run")


@pytest.fixture(scope="module")
def table() -> PositionTable:
    random = np.random.default_rng(5)
    own, sd = random.normal(size=(COUNT, STEPS)).astype("f4"), np.ones(COUNT)
    probe = random.normal(size=(len(DOMAINS), COUNT, STEPS)).astype("f4")
    return PositionTable(own, probe.mean(0), probe, sd, sd)


def shuffled(seed: int) -> Any:
    return make_order(np.random.default_rng(seed).permutation(COUNT), COUNT)


def by_hand(table: Any, order: Any, sample: int, slot: int) -> float:
    """The table's sum over samples after the insert minus before it."""
    ids = np.arange(COUNT)
    before, after = steps_of(np.stack([order, insert(order, sample, slot)]), BATCH)
    return float((table[ids, after].astype(float) - table[ids, before]).sum())


def test_prices_of_all_inserts_are_those_of_inserting_one_by_one(table: PositionTable) -> None:
    order = shuffled(1)
    effects = insert_effects(table.held_out, order, BATCH)
    assert effects.std() > 0.1
    for sample in range(COUNT):
        for slot in range(COUNT):  # whichever place of the step it goes to
            expected = by_hand(table.held_out, order, sample, slot)
            assert effects[sample, slot // BATCH] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.aim)
def test_the_first_candidate_is_the_best_of_all_inserts(
    run: Run, table: PositionTable, goal: Goal
) -> None:
    order = shuffled(2)
    of = {"held-out": table.held_out, "domain": table.probe[1]}.get(goal.aim)
    if of is None:
        of = np.where(np.arange(COUNT)[:, None] == goal.sample, table.own, 0)
    movers = [goal.sample] if goal.of_one_sample else range(COUNT)
    prices = [by_hand(of, order, i, slot) for i in movers for slot in range(COUNT)]
    best, *_ = candidates(run, table, order, goal)
    assert best.effect == pytest.approx(goal.sign * max(goal.sign * p for p in prices), abs=1e-6)
    (sample,) = best.move.samples
    assert best.effect == pytest.approx(by_hand(of, order, sample, best.move.slot), abs=1e-6)
    moved = apply(order, best.move)
    assert slots_of(moved)[sample] // BATCH != slots_of(order)[sample] // BATCH


def test_held_out_goals_name_a_sample_once_and_own_goals_only_theirs(
    run: Run, table: PositionTable
) -> None:
    for goal in GOALS:
        found = candidates(run, table, shuffled(3), goal)
        swaps = [one.move for one in found if one.move.kind == "swap"]
        inserts = [one.move for one in found if one.move.kind == "insert"]
        movers = [move.samples[0] for move in inserts]
        assert 0 < len(inserts) <= SHORTLIST and len(swaps) <= SWAPS
        assert all(goal.sign * one.effect > 0 for one in found)
        if goal.of_one_sample:
            assert set(movers) == {goal.sample}
            assert len({move.slot // BATCH for move in inserts}) == len(found)
        else:
            assert len(set(movers)) == len(movers)
            pairs = [i for move in swaps for i in (move.samples[0], shuffled(3)[move.slot])]
            assert 0 < len(set(pairs)) == len(pairs)


def test_prices_of_all_swaps_are_those_of_swapping_two_by_two(
    run: Run, table: PositionTable
) -> None:
    order, ids = shuffled(6), np.arange(COUNT)
    effects = swap_effects(table.held_out, order, BATCH)
    wide = table.held_out.astype(float)
    for one in range(COUNT):
        for other in range(COUNT):
            after = apply(order, Move("swap", (one,), int(slots_of(order)[other])))
            home, to = steps_of(np.stack([order, after]), BATCH)
            expected = (wide[ids, to] - wide[ids, home]).sum()
            assert effects[one, other] == pytest.approx(expected, abs=1e-9)
    swaps = [c for c in candidates(run, table, order, Goal("held-out")) if c.move.kind == "swap"]
    assert swaps[0].effect == pytest.approx(effects.min(), abs=1e-9)


def test_where_no_step_is_better_nothing_is_suggested(run: Run, table: PositionTable) -> None:
    flat = replace(table, own=table.own * 0, held_out=table.held_out * 0, probe=table.probe * 0)
    assert all(candidates(run, flat, shuffled(4), goal) == [] for goal in GOALS)


@dataclass
class Told:
    """The part of a Difference that the held-out goal reads."""

    held_out: float
    held_out_interval: tuple[float, float]


def test_the_estimate_ranks_and_what_would_do_the_opposite_is_left_out(run: Run) -> None:
    changes = [-0.1, 0.2, -0.4, -0.3, -0.2, -0.5, -0.6]
    told: list[tuple[Move, Any]] = [
        (Move("insert", (i,), 0), Told(c, (c - 0.25, c + 0.25))) for i, c in enumerate(changes)
    ]
    found = suggestions(Goal("held-out"), run, told)
    assert [one.change for one in found] == [-0.6, -0.5, -0.4, -0.3, -0.2]
    assert len(found) == SHOWN
    assert [one.clear for one in found] == [True, True, True, True, False]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("win",), "unknown goal 'win'; expected one of held-out"),
        (("domain", "poems"), "no held-out loss of 'poems'; expected one of code, prose"),
        (("remember", "", COUNT), f"there is no sample {COUNT}"),
        (("forget", "", True), "there is no sample True"),
        (("forget", "", None), "there is no sample None"),
    ],
)
def test_a_goal_that_the_run_cannot_have_is_refused(
    run: Run, given: tuple[Any, ...], words: str
) -> None:
    with pytest.raises(OrderError, match=words):
        make_goal(run, *given)


def test_a_samples_own_goal_reads_its_loss(run: Run) -> None:
    sample, probe = np.arange(COUNT, dtype=float), np.array([-1.0, -2.0])
    ends = Losses(np.stack([sample - 1, sample + 1]), np.stack([probe - 0.5, probe + 0.5]))
    change, held_out = Losses(sample, probe), np.array([-2.0, -1.0])
    difference = Difference("tiny", "x", "a", "b", change, ends, -1.5, held_out)
    move = Move("insert", (7,), 0)
    (one,) = suggestions(Goal("forget", sample=7), run, [(move, difference)])
    assert (one.change, one.low, one.high) == (7, 6, 8)
    (one,) = suggestions(Goal("domain", "prose"), run, [(move, difference)])
    assert (one.change, one.low, one.high) == (-2, -2.5, -1.5)
