"""Families of orders, drawn at random, for judging estimates."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reorder_core.errors import OrderError
from reorder_core.orders.order import MoveKind, Order, frozen, move, slots_of, swap
from reorder_core.orders.visits import Visits


def random_orders(
    family: str,
    reference: Order,
    visits: Visits,
    domains: Sequence[str],
    lengths: Sequence[int],
    orders: int,
    seed: int,
) -> list[Order]:
    """`orders` orders of a family that train differently from each other and the reference.

    random: uniform permutations. move: one insert or swap in the reference.
    blocks: whole steps, or whole domains, permuted as blocks. curriculum:
    sorted by length, by domain or interleaved, ties broken at random. All of
    these train what the reference trains. in-out: one sample is left out, a reserve one
    takes its slots. repeat: spare visits of a sample take the slots of other samples.
    `domains` and `lengths` are the samples'. Raises OrderError for an unknown family, and
    for one that the run has no visits for.
    """
    draw = FAMILIES.get(family)
    if draw is None:
        raise OrderError(f"unknown family {family!r}; expected one of {', '.join(FAMILIES)}")
    random = np.random.default_rng([seed, list(FAMILIES).index(family)])
    context = _Context(reference, visits, np.array(domains), np.array(lengths))
    drawn: dict[str, Order] = {visits.trains_as(reference): reference}
    for _ in range(1000 * orders):
        if len(drawn) > orders:
            break
        order = draw(context, random)
        drawn.setdefault(visits.trains_as(order), order)
    if len(drawn) <= orders:
        raise OrderError(
            f"only {len(drawn) - 1} different orders of family {family!r} exist for this run; "
            f"{orders} were asked for"
        )
    return list(drawn.values())[1:]


class _Context:
    def __init__(
        self, reference: Order, visits: Visits, domains: NDArray[Any], lengths: NDArray[Any]
    ) -> None:
        self.whole, self.visits, self.batch_size = reference, visits, visits.batch_size
        self.reference, self.bench = np.split(reference, [visits.trained])
        self.domains, self.lengths = domains[visits.sample_of], lengths[visits.sample_of]

    def with_bench(self, trained: NDArray[Any]) -> Order:
        """The order that trains these visits, the bench as it was."""
        return frozen(np.concatenate([trained, self.bench]))


def _random(context: _Context, random: np.random.Generator) -> Order:
    return context.with_bench(random.permutation(context.reference))


def _one_move(context: _Context, random: np.random.Generator) -> Order:
    count = len(context.reference)
    kind: MoveKind = "insert" if random.random() < 0.5 else "swap"
    visit, slot = int(random.integers(count)), int(random.integers(count))
    if context.visits.bench:
        visit = int(context.reference[visit])
    if kind == "swap":
        return move(context.whole, visit, slot, kind)
    rest = np.delete(context.reference, np.flatnonzero(context.reference == visit))
    return context.with_bench(np.insert(rest, slot, visit))


def _blocks(context: _Context, random: np.random.Generator) -> Order:
    if random.random() < 0.5:
        steps = context.reference.reshape(-1, context.batch_size)
        return context.with_bench(steps[random.permutation(len(steps))].reshape(-1))
    names = random.permutation(np.unique(context.domains))
    by_domain = [context.reference[context.domains[context.reference] == n] for n in names]
    return context.with_bench(np.concatenate(by_domain))


def _curriculum(context: _Context, random: np.random.Generator) -> Order:
    visits = np.sort(context.reference)
    jitter = random.random(len(visits))
    names, codes = np.unique(context.domains[visits], return_inverse=True)
    lengths = context.lengths[visits]
    keys = (
        lengths,
        -lengths,
        random.permutation(len(names))[codes],
        random.permutation(len(names))[codes] + 2.0 * jitter,  # blocks that overlap
    )
    return context.with_bench(visits[np.lexsort((jitter, keys[random.integers(len(keys))]))])


def _in_out(context: _Context, random: np.random.Generator) -> Order:
    visits, epochs = context.visits, context.visits.epochs
    if not visits.reserve:
        raise OrderError(
            "family in-out leaves a sample out and trains a reserve one in its place, but this "
            "run has no reserve; build one with corpus.reserve"
        )
    out = random.integers(visits.samples - visits.reserve)
    taken = visits.samples - visits.reserve + random.integers(visits.reserve)
    order = context.whole
    for epoch in range(epochs):
        slot = int(slots_of(order)[out + epoch * visits.samples])
        order = swap(order, int(taken + epoch * visits.samples), slot)
    return order


def _repeat(context: _Context, random: np.random.Generator) -> Order:
    visits = context.visits
    if not visits.spare:
        raise OrderError(
            "family repeat trains spare visits, but this run has none; build one with "
            "corpus.repetitions, such as {canary: 2}"
        )
    spare = np.arange(visits.count - visits.spare, visits.count)
    sample = int(visits.sample_of[random.choice(spare)])
    own = random.permutation(spare[visits.sample_of[spare] == sample])
    slots = np.flatnonzero(visits.sample_of[context.reference] != sample)
    slots = random.permutation(slots)
    order = context.whole
    for visit, slot in zip(own[: random.integers(1, len(own) + 1)], slots, strict=False):
        order = swap(order, int(visit), int(slot))
    return order


FAMILIES: dict[str, Callable[[_Context, np.random.Generator], Order]] = {
    "random": _random,
    "move": _one_move,
    "blocks": _blocks,
    "curriculum": _curriculum,
    "in-out": _in_out,
    "repeat": _repeat,
}
PERMUTING = ("random", "move", "blocks", "curriculum")
"""Families that train what the reference order trains."""


def families_of(visits: Visits) -> tuple[str, ...]:
    """The families that a run with these visits has orders of."""
    more = ("in-out",) * bool(visits.reserve) + ("repeat",) * bool(visits.spare)
    return (*PERMUTING, *more)
