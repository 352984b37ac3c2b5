import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reorder_core.errors import OrderError
from reorder_core.orders.moves import (
    Move,
    apply,
    apply_all,
    decode_moves,
    encode_moves,
    gives,
    make_move,
    single_move,
    whole,
)
from reorder_core.orders.order import make_order, move


@st.composite
def cases(draw):
    count = draw(st.integers(1, 24))
    order = make_order(draw(st.permutations(range(count))), count)
    samples = draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=count, unique=True))
    slot = draw(st.integers(0, count - len(samples)))
    return order, Move(draw(st.sampled_from(["insert", "swap"])), tuple(samples), slot)


@given(cases())
def test_moved_samples_stand_side_by_side_at_the_slot(case):
    order, done = case
    moved = apply(order, done)
    assert moved[done.slot : done.slot + len(done.samples)].tolist() == list(done.samples)
    assert sorted(moved.tolist()) == list(range(len(order)))


@given(cases())
def test_an_insert_keeps_the_sequence_of_all_others(case):
    order, done = case
    inserted = apply(order, Move("insert", done.samples, done.slot))
    rest = [i for i in order.tolist() if i not in done.samples]
    assert [i for i in inserted.tolist() if i not in done.samples] == rest


@given(cases())
def test_a_swap_touches_only_the_slots_it_names(case):
    order, done = case
    swapped = apply(order, Move("swap", done.samples, done.slot))
    named = {*range(done.slot, done.slot + len(done.samples))}
    named |= {order.tolist().index(i) for i in done.samples}
    assert all(swapped[slot] == order[slot] for slot in range(len(order)) if slot not in named)


@given(cases())
def test_a_move_of_one_is_the_move_of_orders(case):
    order, done = case
    sample = done.samples[0]
    for kind in ("insert", "swap"):
        moved = apply(order, Move(kind, (sample,), done.slot))
        assert np.array_equal(moved, move(order, sample, done.slot, kind))


@given(st.lists(cases().map(lambda case: case[1]), max_size=5))
def test_moves_survive_the_address(moves):
    assert decode_moves(encode_moves(moves) or "", 24) == moves


@given(cases())
def test_a_single_move_is_recognized_from_the_orders_alone(case):
    order, done = case
    one = Move(done.kind, done.samples[:1], done.slot)
    found = single_move(order, apply(order, one))
    if np.array_equal(order, apply(order, one)):
        assert found is None
    else:
        assert found is not None and gives(order, found, apply(order, one))


def test_two_moves_are_no_single_one():
    order = make_order(range(9), 9)
    assert single_move(order, make_order([1, 0, 2, 3, 4, 5, 6, 8, 7], 9)) is None


def test_a_whole_order_replaces_any_other_and_does_not_fit_an_address():
    order = make_order([2, 0, 1], 3)
    taken = whole(order, "by hand")
    assert gives(make_order(range(3), 3), taken, order)
    assert encode_moves([Move("insert", (0,), 1), taken]) is None


def test_orders_after_each_move_follow_one_another():
    first, second = apply_all(
        make_order(range(4), 4), [Move("insert", (0,), 3), Move("swap", (1,), 3)]
    )
    assert first.tolist() == [1, 2, 3, 0] and second.tolist() == [0, 2, 3, 1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x3.1", "damaged"),
        ("i", "damaged"),
        ("i3.-1", "damaged"),
        ("i٣.1", "damaged"),
        ("i3.999999999999", "damaged"),
        ("i3", "needs sample ids"),
        ("i3.12", "0 to 11"),
        ("i11.1.2", "slots 0..10"),
        ("s0.1.1", "twice"),
        ("i0.1__i0.2", "damaged"),
    ],
)
def test_damaged_moves_are_refused_with_the_reason(text: str, words: str):
    with pytest.raises(OrderError, match=words):
        decode_moves(text, 12)


@pytest.mark.parametrize("kind", ["order", None, [], 3])
def test_only_an_insert_or_a_swap_comes_from_outside(kind: object):
    with pytest.raises(OrderError, match="unknown move"):
        make_move(kind, [0], 0, 3)
