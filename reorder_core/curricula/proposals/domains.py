"""Domain after domain, or all of them at once."""

from itertools import permutations
from math import factorial

import numpy as np

from reorder_core.curricula.proposals.plain import sorted_by
from reorder_core.orders.order import Order
from reorder_core.store.run import Run

MOST = 12
"""Sequences of domains that are proposed; where there are more, so many are drawn."""


def blocks(run: Run, seed: int) -> dict[str, Order]:
    """Domains one after the other, in each sequence or in MOST drawn ones."""
    names = run.domains
    if len(names) < 2:
        return {}
    if factorial(min(len(names), 8)) <= MOST:
        sequences = list(permutations(range(len(names))))
    else:
        random = np.random.default_rng([seed, 29])
        drawn = (tuple(random.permutation(len(names)).tolist()) for _ in range(20 * MOST))
        sequences = list(dict.fromkeys(drawn))[:MOST]
    return {" → ".join(names[d] for d in s): _in_sequence(run, s) for s in sequences}


def interleaved(run: Run, seed: int) -> dict[str, Order]:
    """Every domain spread evenly over the whole training."""
    del seed
    visits, reference = run.visits, run.reference_order
    keys, of = np.empty(visits.count), visits.sample_of
    for domain in run.domains:
        own = [v for v in reference[: visits.trained] if run.samples[of[v]].domain == domain]
        keys[own] = (np.arange(len(own)) + 0.5) / len(own)
    return {"interleaved": visits.sort_trained(reference, keys)}


def _in_sequence(run: Run, sequence: tuple[int, ...]) -> Order:
    place = {run.domains[domain]: at for at, domain in enumerate(sequence)}
    return sorted_by(run, [place[sample.domain] for sample in run.samples])
