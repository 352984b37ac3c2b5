"""Which orders a build retrains: half of them spread, half of them keep like samples together."""

from collections import Counter

import numpy as np

from reorder_core.building.designed_orders import centre_count, designed_orders
from reorder_core.store.run import Run


def _sequence(run: Run, order: np.ndarray) -> list[str]:
    """The domains in the order in which they are trained, each run of one domain once."""
    domains = [run.samples[int(s)].domain for s in run.visits.sample_of[order]]
    return [d for d, before in zip(domains, [None, *domains], strict=False) if d != before]


def test_half_are_spread_and_half_keep_like_samples_together(real_run: Run):
    orders = designed_orders(real_run, 16)
    assert len({real_run.trains_as(order) for order in orders}) == 16
    assert all(sorted(order) == list(range(real_run.count)) for order in orders)
    assert centre_count(16, real_run.visits) == 8

    domains = sorted({sample.domain for sample in real_run.samples})
    sequences = [_sequence(real_run, order) for order in orders[8:13]]
    assert all(sorted(sequence) == domains for sequence in sequences)
    for place in range(len(domains)):  # each domain comes about equally often at each place
        often = Counter(sequence[place] for sequence in sequences)
        assert max(often.values()) <= -(-5 // len(domains)) + 1

    steps = {frozenset(step) for step in real_run.reference_order.reshape(real_run.steps, -1)}
    assert {frozenset(step) for step in orders[13].reshape(real_run.steps, -1)} == steps
    lengths = np.array([sample.tokens for sample in real_run.samples])
    assert (np.diff(lengths[orders[14]]) >= 0).all()
    assert (np.diff(lengths[orders[15]]) <= 0).all()


def test_the_same_run_and_count_give_the_same_orders(real_run: Run):
    for one, other in zip(designed_orders(real_run, 8), designed_orders(real_run, 8), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [len(designed_orders(real_run, count)) for count in (0, 1, 2, 40)] == [0, 1, 2, 40]
