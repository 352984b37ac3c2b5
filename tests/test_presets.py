from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from reorder_core.errors import OrderError
from reorder_core.explore.presets import PRESETS, preset
from reorder_core.orders.order import Order
from reorder_core.store.run import Run, open_run


@pytest.fixture(scope="module")
def run() -> Run:
    return open_run(Path(__file__).parent.parent / "data" / "demo")


def trained(run: Run, order: Order) -> list[int]:
    """The sample that each slot trains."""
    return run.visits.batches(order).ravel().tolist()


def test_every_preset_is_another_order_with_a_title(run: Run):
    orders = {name: preset(run, name, {}) for name in PRESETS}
    for order, title in orders.values():
        assert sorted(order.tolist()) == list(range(run.visits.count)) and title
        assert not np.array_equal(order, run.reference_order)
    assert len({order.tobytes() for order, _ in orders.values()}) == len(PRESETS)


def test_every_preset_leaves_the_bench_as_it_is(run: Run):
    count = run.visits.trained
    assert run.visits.bench, "the demo has one"
    for name in PRESETS:
        order, _ = preset(run, name, {})
        assert np.array_equal(order[count:], run.reference_order[count:]), name


def test_sorted_presets_are_sorted(run: Run):
    tokens = np.array([s.tokens for s in run.samples])
    assert (np.diff(tokens[trained(run, preset(run, "shortest-first", {})[0])]) >= 0).all()
    assert (np.diff(tokens[trained(run, preset(run, "longest-first", {})[0])]) <= 0).all()
    start = run.reference.losses_at.samples[0]
    assert (np.diff(start[trained(run, preset(run, "easy-to-hard", {})[0])]) >= 0).all()
    assert (np.diff(start[trained(run, preset(run, "hard-to-easy", {})[0])]) <= 0).all()


def test_blocks_come_in_the_sequence_asked_for_each_as_the_reference_has_it(run: Run):
    wanted = sorted(run.domains, reverse=True)
    order, title = preset(run, "blocks", {"domains": wanted})
    samples = trained(run, order)
    names = [run.samples[i].domain for i in samples]
    assert list(dict.fromkeys(names)) == wanted and title == " → ".join(wanted)
    assert sum(a != b for a, b in pairwise(names)) == len(wanted) - 1
    reference = trained(run, run.reference_order)
    first = [i for i in reference if run.samples[i].domain == wanted[0]]
    assert samples[: len(first)] == first


def test_interleaved_domains_are_in_every_part_of_training(run: Run):
    order, _ = preset(run, "interleaved", {})
    large = [d for d in run.domains if sum(s.domain == d for s in run.samples) > 50]
    for part in np.array_split(trained(run, order), 16):
        assert set(large) <= {run.samples[i].domain for i in part}


def test_a_seed_gives_the_same_order_again(run: Run):
    one, two, other = (preset(run, "random", {"seed": s})[0] for s in (7, 7, 8))
    assert np.array_equal(one, two) and not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("sideways", {}, "unknown preset 'sideways'"),
        ("random", {"seed": -1}, "whole number"),
        ("random", {"seed": 2.5}, "whole number"),
        ("random", {"seed": True}, "whole number"),
        ("random", {"seed": float("nan")}, "whole number"),
        ("blocks", {"domains": ["arithmetic"]}, "name each of"),
        ("blocks", {"domains": 3}, "name each of"),
        ("blocks", {"domains": ["arithmetic"] * 4}, "name each of"),
    ],
)
def test_what_cannot_be_made_is_refused_with_the_reason(run: Run, name, options, words):
    with pytest.raises(OrderError, match=words):
        preset(run, name, options)
