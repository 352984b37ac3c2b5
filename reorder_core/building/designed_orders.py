"""Which orders to retrain for real, so that few of them teach much.

Half are spread like a Latin square: over the set, each sample is trained in
each part of the training about equally often, beside ever other samples. The
other half keep like samples together, which is the hardest to estimate and what
curricula do: the domains one after the other, each domain in ever another place of the
sequence; whole steps of the reference order permuted; sorted by length. A quarter of all, half of
them spread and half of them sequences of domains, train a random half of what lies on the bench,
so that presence is learned, too; the others train what the reference run does, as most orders that
are asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from reorder_core.orders.order import Order, frozen, slots_of
from reorder_core.orders.visits import Visits
from reorder_core.store.run import Run

SEQUENCES, STEPS, LENGTHS = 5 / 16, 1 / 16, 2 / 16
"""Of the designed orders, the shares that train domain after domain, that permute whole steps and
that are sorted by length; the others are spread."""
BENCHED = 0.125
"""Share of the designed orders that are spread and train of the bench; as many sequences do."""
FIRST_SEED = 1_000_003
"""Far from the small seeds that people give to `fidelity`."""


def designed_orders(run: Run, count: int) -> list[Order]:
    """`count` orders to retrain, the same for the same run and count."""
    seed, counts = FIRST_SEED + run.config.seed, _Counts.of(count)
    trained = run.reference_order[: run.visits.trained]
    visits, rank = np.sort(trained), slots_of(np.argsort(trained).astype(np.int32))
    orders = [visits[order] for order in spread_orders(rank, counts.spread, seed)]
    random = np.random.default_rng([seed, 1])
    samples = [run.samples[sample] for sample in run.visits.sample_of[visits]]
    domains, lengths = [s.domain for s in samples], np.array([s.tokens for s in samples])
    jitter = random.random((counts.sequences + counts.lengths, len(visits)))
    keys = _sequences(domains, counts.sequences, seed)
    keys += [(lengths, -lengths)[number % 2] for number in range(counts.lengths)]
    by_key = [visits[np.lexsort(ties)] for ties in zip(jitter, keys, strict=True)]
    steps = trained.reshape(run.steps, -1)
    orders += by_key[: counts.sequences]
    orders += [random.permutation(steps).reshape(-1) for _ in range(counts.steps)]
    orders += by_key[counts.sequences :]
    whole = [run.visits.with_trained(run.reference_order, order) for order in orders]
    benched = min(counts.benched, counts.sequences)
    for number in (*range(counts.spread - counts.benched, counts.spread),
                   *range(counts.spread, counts.spread + benched)):  # fmt: skip
        whole[number] = with_bench(whole[number], run.visits, random)
    return whole


def centre_count(count: int, visits: Visits) -> int:
    """How many of them, the first, set the second centre: spread ones without the bench."""
    counts = _Counts.of(count)
    return counts.spread - (counts.benched if visits.bench else 0)


def with_bench(order: Order, visits: Visits, random: np.random.Generator) -> Order:
    """`order` with a random half of what lies on the bench in random slots."""
    if not visits.bench:
        return order
    changed, many = order.copy(), min((visits.bench + 1) // 2, visits.trained // 2)
    benched = visits.trained + random.permutation(visits.bench)[:many]
    slots = random.permutation(visits.trained)[:many]
    changed[slots], changed[benched] = order[benched], order[slots]
    return frozen(changed)


def spread_orders(reference: Order, count: int, seed: int) -> list[Order]:
    """`count` orders in which each sample meets each of `count` parts of training about once.

    Each order is the assignment of samples to slots that revisits least, ties
    broken at random; the reference order counts as visited.
    """
    random, size = np.random.default_rng(seed), len(reference)
    part_of = np.arange(size) * max(1, count) // size  # (N,) slot → part of the training
    visits = np.zeros((size, max(1, count)))  # (N, parts)
    visits[reference, part_of] = 1
    orders = []
    for _ in range(count):
        cost = visits[:, part_of] + 0.5 * random.random((size, size))
        order = np.argsort(linear_sum_assignment(cost)[1]).astype(np.int32)
        visits[order, part_of] += 1
        orders.append(order)
    return orders


@dataclass(frozen=True, slots=True)
class _Counts:
    """How many designed orders of each kind, in the order in which they come."""

    spread: int
    sequences: int
    steps: int
    lengths: int
    benched: int
    """Of the spread ones, the last; of the sequences, the first."""

    @classmethod
    def of(cls, count: int) -> "_Counts":
        others = [int(share * count) for share in (SEQUENCES, STEPS, LENGTHS)]
        spread = count - sum(others)
        return cls(spread, *others, benched=min(round(BENCHED * count), spread))


def _sequences(domains: Sequence[str], count: int, seed: int) -> list[Order]:
    """`count` times (V,) the place of each visit's domain in a sequence of all domains."""
    names, codes = np.unique(domains, return_inverse=True)
    first = np.random.default_rng([seed, 2]).permutation(len(names)).astype(np.int32)
    return [slots_of(sequence)[codes] for sequence in spread_orders(first, count, seed)]
