"""The additive picture of an objective: a table over (sample, step), its optimum and its bound."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from reorder_core.curricula.constraints import Constraints
from reorder_core.curricula.objective import Objective
from reorder_core.curricula.scoring import Live
from reorder_core.errors import CurriculumError
from reorder_core.orders.order import Order, frozen, steps_of
from reorder_core.store.run import Run

Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class AdditiveTable:
    """Costs by the build's position table: those of an order are sums over samples.

    The table over random orders is the one that tells of whole curricula; the
    one near the reference order serves single moves.
    """

    table: Array
    """(K, V, T) nats; each of the objective's K rows."""
    level: Array
    """(K,) what the rows' sums are counted from."""
    batch_size: int

    def costs(self, orders: NDArray[np.integer]) -> Array:
        """(B,) of orders (B, V); about 0.02 ms each."""
        steps = steps_of(orders, self.batch_size)  # (B, V)
        ids = np.arange(orders.shape[1])
        sums = [row[ids, steps].sum(1) for row in self.table]
        return (np.stack(sums, 1) + self.level).max(1)


def open_table(run: Run, objective: Objective) -> AdditiveTable:
    """The objective's costs; raises CurriculumError for a run without position table."""
    if not run.file("position").is_file():
        raise CurriculumError(
            f"{run.path} has no position table, which a search starts from; build the run again"
        )
    arrays = run.arrays("position")
    if not {"own", "probe_far"} <= arrays.keys():
        raise CurriculumError(
            f"{run.path}/position.safetensors holds {', '.join(sorted(arrays))}, expected own and "
            "probe_far; build the run again"
        )
    if objective.reads:
        return _read_table(run, objective)
    own, probe = (np.asarray(arrays[name], np.float64) for name in ("own", "probe_far"))
    known = run.reference
    # Of what follows from losses: its slopes at the reference run's.
    final = known.final.astype(np.float64)
    of_samples, of_probes = objective.slopes(final.samples, final.probes)
    table = of_samples[:, run.visits.sample_of, None] * own
    table = objective.sign * (table + np.einsum("kd,dnt->knt", of_probes, probe))
    rows = objective.rows(known.losses_at.samples[-1:], known.losses_at.probes[-1:])[0]
    home = steps_of(run.reference_order[None], run.batch_size)[0]
    at_home = table[:, np.arange(run.visits.count), home].sum(1)
    return AdditiveTable(table, objective.sign * rows - at_home, run.batch_size)


def _read_table(run: Run, objective: Objective) -> AdditiveTable:
    """Of what is read out besides losses, which the position table does not have: the effects
    near the reference order, to first order."""
    known = objective.realised(run, run.reference_order)
    assert known is not None, f"{objective.reads} was not measured on the reference run"
    table = Live(run).slope(objective, run.reference_order)
    home = steps_of(run.reference_order[None], run.batch_size)[0]
    at_home = table[np.arange(run.visits.count), home].sum()
    return AdditiveTable(table[None], np.array([objective.sign * known - at_home]), run.batch_size)


def best_order(
    cost: Array, constraints: Constraints, random: np.random.Generator | None = None
) -> Order:
    """The order with the lowest sum of costs (N, T): exact without constraints on moves.

    Domains that must stay whole are assigned block by block, for their best
    sequence found.
    """
    random = random or np.random.default_rng(0)
    slots = np.repeat(cost, constraints.batch_size, axis=1)[:, : len(cost)]  # (V, V) by slot
    if constraints.trained is not None:
        benched = np.zeros(len(cost), bool)
        benched[constraints.reference[constraints.trained :]] = True
        slots[benched, : constraints.trained] = slots[~benched, constraints.trained :] = np.inf
    if constraints.early:
        slots[np.ix_(list(constraints.early), range(constraints.half, slots.shape[1]))] = np.inf
    if not constraints.whole:
        return constraints.repair(_assign(slots), random)
    return constraints.repair(_assign_blocks(slots, constraints), random)


def sum_of(cost: Array, order: Order, batch_size: int) -> float:
    """Σ cost[sample, step] of an order."""
    steps = steps_of(order[None], batch_size)[0]
    return float(cost[np.arange(len(order)), steps].sum())


def _assign(slots: Array) -> Order:
    """The permutation of least cost (N, N); row i is sample i."""
    return frozen(np.argsort(linear_sum_assignment(slots)[1]))


def _assign_blocks(slots: Array, constraints: Constraints) -> Order:
    """Blocks in a sequence improved by exchanging neighbours, each block assigned exactly."""
    wide = np.where(np.isfinite(slots), slots, 0)
    if constraints.early:
        sequence = constraints.in_time()
    else:  # what costs more the later it comes, comes first
        own = [wide[constraints.domain_of == d].mean(0) for d in range(constraints.domains)]
        slopes = [np.polyfit(np.arange(len(row)), row, 1)[0] for row in own]
        sequence = np.argsort(slopes)[::-1].tolist()
    best, order = _blocks(slots, constraints, sequence)
    for at in [*range(len(sequence) - 1)] * 2:
        tried = sequence.copy()
        tried[at], tried[at + 1] = tried[at + 1], tried[at]
        cost, found = _blocks(slots, constraints, tried)
        if cost < best:
            best, order, sequence = cost, found, tried
    return order


def _blocks(slots: Array, constraints: Constraints, sequence: list[int]) -> tuple[float, Order]:
    start, total = 0, 0.0
    order = np.empty(slots.shape[1], np.int32)
    for domain in sequence:
        ids = np.flatnonzero(constraints.domain_of == domain)
        part = slots[ids, start : start + len(ids)]
        try:
            rows, columns = linear_sum_assignment(part)
        except ValueError:  # an early sample has no early slot here
            return np.inf, constraints.nearest()
        total += float(part[rows, columns].sum())
        order[start + columns] = ids[rows]
        start += len(ids)
    return total, order
