"""The best next move: inserts and swaps ranked by the position table, the best ones estimated.

The table knows what a sample does at each step, so it prices all N · T inserts
and all N² swaps at once; only the few at the top are worth an estimate with an
interval.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from reorder_core.errors import OrderError
from reorder_core.estimators.position import PositionTable
from reorder_core.orders.moves import Move
from reorder_core.orders.order import Order, slots_of
from reorder_core.records.estimates import Difference
from reorder_core.store.run import Run

Array = NDArray[np.floating]
Aim = Literal["held-out", "domain", "remember", "forget"]
SHORTLIST, SWAPS, SHOWN = 24, 12, 5
"""Inserts and swaps that are estimated, and how many of them all are suggested."""
APART = 8
"""Steps suggested for one sample lie at least 1/8 of the training apart."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What the next move should do, and to whom."""

    aim: Aim
    domain: str = ""
    """Of `domain`: whose held-out loss to lower."""
    sample: int = 0
    """Of `remember` and `forget`."""

    @property
    def sign(self) -> int:
        """1 where a loss is to rise, −1 where it is to fall."""
        return 1 if self.aim == "forget" else -1

    @property
    def of_one_sample(self) -> bool:
        return self.aim in ("remember", "forget")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A move and what the table says it changes of the goal's loss."""

    move: Move
    effect: float
    """Nats per token."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A move and its estimated change of the goal's loss, with its 90 % interval."""

    move: Move
    change: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether the interval tells the change from none."""
        return not self.low <= 0 <= self.high


def make_goal(run: Run, aim: Any, domain: Any = "", sample: Any = 0) -> Goal:
    """A goal that this run can have; raises OrderError for any other."""
    if aim not in get_args(Aim):
        raise OrderError(
            f"unknown goal {str(aim)[:40]!r}; expected one of {', '.join(get_args(Aim))}"
        )
    if aim == "domain" and domain not in run.probe_domains:
        raise OrderError(
            f"there is no held-out loss of {str(domain)[:40]!r}; "
            f"expected one of {', '.join(run.probe_domains)}"
        )
    whole = isinstance(sample, int) and not isinstance(sample, bool)
    if not whole or not 0 <= sample < run.count:
        raise OrderError(f"there is no sample {str(sample)[:20]}; they are 0..{run.count - 1}")
    return Goal(aim, domain if aim == "domain" else "", sample)


def candidates(run: Run, table: PositionTable, order: Order, goal: Goal) -> list[Candidate]:
    """Moves of `order` that should serve the goal: at most SHORTLIST inserts, the best first,
    then at most SWAPS swaps, the best first.

    Each has a sample at most once; for a sample's own goals, steps well apart and no swaps:
    to the sample itself a swap does what an insert into the same step does.
    """
    priced = _table_of(run, table, goal)
    effects = insert_effects(priced, order, run.batch_size)
    gain = goal.sign * effects[:, : run.steps]
    chosen = _of_one(gain[goal.sample], goal.sample) if goal.of_one_sample else _one_each(gain)
    places = slots_of(order) % run.batch_size  # its place in the step stays: only the step matters
    inserts = [
        Candidate(
            Move("insert", (sample,), int(step * run.batch_size + places[sample])),
            float(effects[sample, step]),
        )
        for sample, step in chosen
    ]
    return inserts if goal.of_one_sample else inserts + _swaps(priced, order, run, goal)


def swap_effects(table: Array, order: Order, batch_size: int) -> Array:
    """(N, N) what swapping each two samples changes, by a table (N, T) of a loss.

    Nobody else changes step, so it is what each does at the other's step.
    """
    home = slots_of(order) // batch_size  # (N,)
    wide = table.astype(np.float64)
    there = (wide - wide[np.arange(len(order)), home][:, None])[:, home]
    return there + there.T


def _swaps(table: Array, order: Order, run: Run, goal: Goal) -> list[Candidate]:
    """The best swaps, each sample with its best partner and in one pair only."""
    gain = goal.sign * swap_effects(table, order, run.batch_size)
    slots, partner, used = slots_of(order), gain.argmax(1), set()
    found: list[Candidate] = []
    for one in np.argsort(-gain.max(1), kind="stable").tolist():
        other = int(partner[one])
        if gain[one, other] <= 0 or len(found) == SWAPS:
            break
        if not used & {one, other}:
            used |= {one, other}
            move = Move("swap", (one,), int(slots[other]))
            found.append(Candidate(move, float(goal.sign * gain[one, other])))
    return found


def insert_effects(table: Array, order: Order, batch_size: int) -> Array:
    """(N, T) what inserting each sample into each step changes, by a table (N, T) of a loss.

    An insert pulls samples over the ends of the steps in between: of each, the
    first goes a step earlier or the last a step later. So their effects are
    differences of running sums over steps, whichever sample moves.
    """
    steps = -(-len(order) // batch_size)
    step, slots = np.arange(steps), slots_of(order)
    first, last = order[::batch_size], order[batch_size - 1 :: batch_size][: steps - 1]
    wide = table.astype(np.float64)
    earlier = np.concatenate(
        [[0.0], np.cumsum(wide[first[1:], step[:-1]] - wide[first[1:], step[1:]])]
    )
    later = np.concatenate([[0.0], np.cumsum(wide[last, step[1:]] - wide[last, step[:-1]])])
    home = slots // batch_size  # (N,)
    crossing = np.where(
        step > home[:, None], earlier - earlier[home][:, None], later[home][:, None] - later
    )
    return crossing + wide - wide[np.arange(len(order)), home][:, None]


def suggestions(
    goal: Goal, run: Run, estimated: Iterable[tuple[Move, Difference]]
) -> list[Suggestion]:
    """The best of the estimated moves; those that would do the opposite are left out."""
    found = [Suggestion(move, *change_of(run, goal, difference)) for move, difference in estimated]
    found = [one for one in found if goal.sign * one.change > 0]
    return sorted(found, key=lambda one: -goal.sign * one.change)[:SHOWN]


def change_of(run: Run, goal: Goal, difference: Difference) -> tuple[float, float, float]:
    """The goal's loss in a difference between two orders: change, low, high."""
    if goal.aim == "held-out":
        value, (low, high) = difference.held_out, difference.held_out_interval
    elif goal.aim == "domain":
        row = run.probe_domains.index(goal.domain)
        value, (low, high) = difference.change.probes[row], difference.interval.probes[:, row]
    else:
        value, (low, high) = (
            difference.change.samples[goal.sample],
            difference.interval.samples[:, goal.sample],
        )
    return float(value), float(low), float(high)


def _table_of(run: Run, table: PositionTable, goal: Goal) -> Array:
    """(N, T) the loss that the goal is about."""
    if goal.of_one_sample:
        only = np.zeros_like(table.own)  # a sample that is pushed aside matters only as itself
        own = run.visits.of_sample[goal.sample]
        only[own] = table.own[own]
        return only
    return table.probe[run.probe_domains.index(goal.domain)] if goal.domain else table.held_out


def _one_each(gain: Array) -> list[tuple[int, int]]:
    """(sample, step) by gain, each sample at its best step."""
    best = gain.argmax(1)
    top = gain[np.arange(len(gain)), best]
    ranked = np.argsort(-top, kind="stable")[:SHORTLIST]
    return [(int(i), int(best[i])) for i in ranked if top[i] > 0]


def _of_one(gain: Array, sample: int) -> list[tuple[int, int]]:
    """(sample, step) by gain, leaving out steps close to better ones."""
    chosen: list[tuple[int, int]] = []
    for step in np.argsort(-gain, kind="stable").tolist():
        near = any(abs(step - other) < len(gain) / APART for _, other in chosen)
        if gain[step] > 0 and not near:
            chosen.append((sample, step))
    return chosen
