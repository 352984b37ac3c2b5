"""The search: propose, estimate, verify by real training, learn from it, again until paid out."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import numpy as np

from reorder_core.curricula import ranking
from reorder_core.curricula.additive import AdditiveTable, best_order, open_table, sum_of
from reorder_core.curricula.asked import Asked, Task, understand
from reorder_core.curricula.finding import find, picks
from reorder_core.curricula.objective import Objective
from reorder_core.curricula.proposals import proposals
from reorder_core.curricula.scoring import Live
from reorder_core.curricula.search_state import SearchState, Tried, open_state
from reorder_core.errors import CurriculumError
from reorder_core.orders.order import Order, order_hash
from reorder_core.quantities import VALUED
from reorder_core.records.losses import Losses
from reorder_core.store.ledger import Retrained
from reorder_core.store.run import Run

Progress = Callable[[str, int, int], None]
RANDOM = 48
"""Random orders that are estimated, to tell a gain from luck."""
OF_PROPOSALS = 0.25
"""Share of the retrainings that verify the best proposals."""
ROUNDS = 5
"""Rounds over which the other retrainings are spread."""


def search(run: Run, asked: Asked, on_progress: Progress = lambda *_: None) -> SearchState:
    """The search brought to its end, from wherever it was left.

    Raises CurriculumError for what cannot be served. Killed at any moment, the
    same call goes on and ends with the same result.
    """
    task = understand(run, asked)
    tables = [open_table(run, objective) for objective in task.objectives]
    state = open_state(run, asked)
    if state.done:
        return state
    on_progress("reading the run", 0, task.retrainings)
    reads = {objective.reads for objective in task.objectives}
    trainer, base = Trainer(run, reads), Live(run).taught(state.known_in(0))
    if not state.proposals:
        on_progress("estimating proposals", 0, task.retrainings)
        _begin(task, state, base, tables)
    for done in range(1, state.round + 1):
        # Resumed: replays are remembered in the groups that they were first made in, since
        # their last bits depend on who was replayed beside them.
        base.taught(state.known_in(done))
    while True:
        _verify(task, state, trainer, on_progress)
        left = task.retrainings - state.paid
        if left <= 0 or state.done:
            break
        state.round += 1
        live = base.taught(state.known_in(state.round))

        def told(part: str) -> None:
            on_progress(f"round {state.round}: {part}", state.paid, task.retrainings)

        found = find(task, state, live, base, tables, told)
        state.priced += live.asked + base.asked
        base.asked = 0
        many = min(left, max(1, round(task.retrainings * (1 - OF_PROPOSALS) / ROUNDS)))
        state.plan = picks(task, state, found, many)
        state.done = not state.plan  # nothing new is left to look at
        state.save()
    state.done = True
    state.save()
    on_progress("done", task.retrainings, task.retrainings)
    return state


def _begin(task: Task, state: SearchState, live: Live, tables: list[AdditiveTable]) -> None:
    """Estimates of proposals and random orders, the additive bound, and what to verify first."""
    run, random = task.run, np.random.default_rng([task.asked.seed, 31])
    named = {
        name: task.constraints.repair(order, random)
        for name, order in proposals(run, task.asked.seed).items()
    }
    drawn = [
        task.constraints.repair(random.permutation(run.reference_order), random)
        for _ in range(RANDOM)
    ]
    scores = live.scores(task.objectives, [*named.values(), *drawn])
    lost = int((~np.isfinite([score.value for score in scores])).any(0).sum())
    if lost:
        raise CurriculumError(
            f"the estimates of {lost} of {len(named) + len(drawn)} orders are no numbers, so "
            "nothing can be searched by them; build the run with a lower learning rate"
        )
    state.proposals = {
        name: Tried(order, name, tuple(score.of(row) for score in scores),
                    _realised(task, state, order))
        for row, (name, order) in enumerate(named.items())
    }  # fmt: skip
    state.random = [score.value[len(named) :].tolist() for score in scores]
    state.random_error = [float(score.sd[len(named) :].mean()) for score in scores]
    signs = [objective.sign for objective in task.objectives]
    state.bound = [_bound(task, *pair) for pair in zip(tables, signs, strict=True)]
    state.priced += live.asked
    live.asked = 0
    costs = np.stack([score.careful(0.5)[: len(named)] for score in scores], 1)
    ranked = ranking.scaled(costs * np.array(signs), task.objectives, state.random).sum(1).argsort()
    entries = list(state.proposals.values())
    state.plan = [entries[row] for row in ranked[: int(task.retrainings * OF_PROPOSALS)]]
    state.save()


def _bound(task: Task, table: AdditiveTable, sign: int) -> float:
    """The value no order can beat if effects were additive; of the highest of several, their
    own optima's highest."""
    batch, best = task.run.batch_size, []
    for cost, level in zip(table.table, table.level, strict=True):
        best.append(level + sum_of(cost, best_order(cost, task.constraints), batch))
    return sign * max(best)


def _verify(task: Task, state: SearchState, trainer: "Trainer", on_progress: Progress) -> None:
    """Train what is planned, one after the other, each written down at once."""
    run = task.run
    while state.plan:
        entry = state.plan[0]
        on_progress(f"retraining an order of {entry.source}", state.paid, task.retrainings)
        free = _realised(task, state, entry.order)
        if free is None:
            trained = trainer.train(entry.order)
            state.paid += 1
            free = tuple(_in_training(run, objective, trained) for objective in task.objectives)
        entry.realised = free
        state.verified.append(entry)
        state.plan = state.plan[1:]
        for proposal in state.proposals.values():
            if proposal.hash == entry.hash:
                proposal.realised = free
        state.save()


def _realised(task: Task, state: SearchState, order: Order) -> tuple[float, ...] | None:
    """What training in an order gave, where it was known before this search began."""
    run = task.run
    if run.trains_as(order) != run.trains_as(run.reference_order):
        known = run.ledger.of(order)
        if known is None or known.order_hash not in state.known:
            return None
    found = [objective.realised(run, order) for objective in task.objectives]
    told = tuple(value for value in found if value is not None)
    return told if len(told) == len(found) else None


def _in_training(run: Run, objective: Objective, trained: Retrained) -> float:
    """nan of what could not be measured, as of a training that diverged."""
    found = objective.in_training(run, trained)
    return float("nan") if found is None else found


class Trainer:
    """Real retrainings for a search: losses at the end only, into the run's ledger."""

    def __init__(self, run: Run, reads: Collection[str] = ()) -> None:
        """`reads`: names of the quantities with a value of their own that are searched by."""
        self._run = run
        self._reads = [quantity for quantity in VALUED if quantity.name in reads]
        self._trainable: Any = None

    def train(self, order: Order) -> Retrained:
        """The ledger's retraining of that very order; where it has none, a new one."""
        run = self._run
        known = run.ledger.get(order_hash(order))
        told = {} if known is None else run.measured.of(known.order_hash)
        if known is not None and all(quantity.name in told for quantity in self._reads):
            return known
        from reorder_core.training.loop import open_trainable, retrain  # imports torch

        self._trainable = self._trainable or open_trainable(run)
        # A budget pays for training and losses at its end; nothing is measured that is not
        # searched by.
        found = retrain(
            run, order, trainable=self._trainable, evaluate_at=(run.steps,), wanted=self._reads
        )
        if known is not None:
            run.measured.keep(found.order_hash, found.measured)
            return known
        # Before the first step nothing depends on the order: that row is the reference run's.
        start, later = run.reference.losses_at[:1], found.losses_at[1:]
        found = replace(found, losses_at=Losses.joined([start, later]))
        run.keep(found)
        return found
