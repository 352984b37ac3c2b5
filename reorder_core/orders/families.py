"""Families of orders, drawn at random, for judging estimates."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reorder_core.errors import OrderError
from reorder_core.orders.order import MoveKind, Order, frozen, move, training_hash


def random_orders(
    family: str,
    reference: Order,
    batch_size: int,
    domains: Sequence[str],
    lengths: Sequence[int],
    orders: int,
    seed: int,
) -> list[Order]:
    """`orders` orders of a family that train differently from each other and the reference.

    random: uniform permutations. move: one insert or swap in the reference.
    blocks: whole steps, or whole domains, permuted as blocks. curriculum:
    sorted by length, by domain or interleaved, ties broken at random.
    Raises OrderError for an unknown family.
    """
    draw = FAMILIES.get(family)
    if draw is None:
        raise OrderError(f"unknown family {family!r}; expected one of {', '.join(FAMILIES)}")
    random = np.random.default_rng([seed, list(FAMILIES).index(family)])
    context = _Context(reference, batch_size, np.array(domains), np.array(lengths))
    drawn: dict[str, Order] = {training_hash(reference, batch_size): reference}
    for _ in range(1000 * orders):
        if len(drawn) > orders:
            break
        order = draw(context, random)
        drawn.setdefault(training_hash(order, batch_size), order)
    if len(drawn) <= orders:
        raise OrderError(
            f"only {len(drawn) - 1} different orders of family {family!r} exist for this run; "
            f"{orders} were asked for"
        )
    return list(drawn.values())[1:]


class _Context:
    def __init__(
        self, reference: Order, batch_size: int, domains: NDArray[Any], lengths: NDArray[Any]
    ) -> None:
        self.reference, self.batch_size = reference, batch_size
        self.domains, self.lengths = domains, lengths


def _random(context: _Context, random: np.random.Generator) -> Order:
    return frozen(random.permutation(context.reference))


def _one_move(context: _Context, random: np.random.Generator) -> Order:
    count = len(context.reference)
    kind: MoveKind = "insert" if random.random() < 0.5 else "swap"
    return move(context.reference, int(random.integers(count)), int(random.integers(count)), kind)


def _blocks(context: _Context, random: np.random.Generator) -> Order:
    if random.random() < 0.5:
        steps = context.reference.reshape(-1, context.batch_size)
        return frozen(steps[random.permutation(len(steps))].reshape(-1))
    names = random.permutation(np.unique(context.domains))
    by_domain = [context.reference[context.domains[context.reference] == n] for n in names]
    return frozen(np.concatenate(by_domain))


def _curriculum(context: _Context, random: np.random.Generator) -> Order:
    count = len(context.reference)
    jitter = random.random(count)
    names, codes = np.unique(context.domains, return_inverse=True)
    keys = (
        context.lengths,
        -context.lengths,
        random.permutation(len(names))[codes],
        random.permutation(len(names))[codes] + 2.0 * jitter,  # blocks that overlap
    )
    return frozen(np.lexsort((jitter, keys[random.integers(len(keys))])))


FAMILIES: dict[str, Callable[[_Context, np.random.Generator], Order]] = {
    "random": _random,
    "move": _one_move,
    "blocks": _blocks,
    "curriculum": _curriculum,
}
