"""Named branches in the cache database: they come back, and nobody overwrites another's."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reorder_core.cache.branches import MOST_BRANCHES, Branch, SavedBranches, _decoded, _encoded
from reorder_core.cache.estimates import ResultCache
from reorder_core.errors import OrderError
from reorder_core.orders.moves import Move, apply_all, whole
from reorder_core.orders.order import make_order, swap

COUNT = 6
ORDER = make_order(range(COUNT), COUNT)
MOVES = (
    Move("insert", (3, 4), 0),
    whole(make_order([5, 4, 3, 2, 1, 0], COUNT), "reversed; “x”"),
    Move("swap", (2,), 5),
)


def opened(path: Path, run: str = "run-1", count: int = COUNT) -> SavedBranches:
    return SavedBranches(ResultCache(path / "c.duckdb"), run, count)


@pytest.fixture
def kept(tmp_path: Path) -> SavedBranches:
    return opened(tmp_path)


def test_a_branch_comes_back_with_its_moves_after_a_restart(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path / "c.duckdb")
    start = swap(ORDER, 0, 3)
    made = SavedBranches(cache, "run-1", COUNT).save(Branch("late", start, MOVES, 2))
    cache.close()
    (found,) = opened(tmp_path).all()
    assert (found.name, found.moves, found.place, found.version) == ("late", MOVES, 2, made.version)
    np.testing.assert_array_equal(found.start, start)
    np.testing.assert_array_equal(apply_all(start, found.moves), apply_all(start, MOVES))


def test_going_on_with_a_branch_changes_it(kept: SavedBranches) -> None:
    made = kept.save(Branch("late", ORDER, MOVES[:1], 1))
    again = kept.save(replace(made, moves=MOVES, place=3))
    (found,) = kept.all()
    assert found.moves == MOVES and found.version == again.version != made.version


def test_the_second_of_two_who_go_on_with_a_branch_gets_one_of_their_own(
    kept: SavedBranches,
) -> None:
    made = kept.save(Branch("late", ORDER, MOVES[:1], 1))
    first = kept.save(replace(made, moves=MOVES, place=3))
    second = kept.save(replace(made, moves=MOVES[:2], place=2))
    assert (first.name, second.name) == ("late", "late (2)")
    kept.delete("late", made.version)  # by somebody who has not seen the change
    assert {b.name: b.moves for b in kept.all()} == {"late": MOVES, "late (2)": MOVES[:2]}
    kept.delete("late", first.version)
    assert [b.name for b in kept.all()] == ["late (2)"]


def test_the_longest_name_can_be_numbered(kept: SavedBranches) -> None:
    name = "x" * 40
    names = [kept.save(Branch(name, ORDER)).name for _ in range(3)]
    assert len(set(names)) == 3 and max(map(len, names)) <= 40


def test_branches_of_another_run_or_of_other_samples_are_not_shown(tmp_path: Path) -> None:
    cache = ResultCache(tmp_path / "c.duckdb")
    SavedBranches(cache, "run-1", COUNT).save(Branch("late", ORDER, MOVES))
    assert SavedBranches(cache, "run-2", COUNT).all() == []
    assert SavedBranches(cache, "run-1", COUNT + 1).all() == []


def test_there_are_not_more_than_can_be_listed(kept: SavedBranches) -> None:
    for number in range(MOST_BRANCHES):
        kept.save(Branch(f"b{number}", ORDER))
    with pytest.raises(OrderError, match="delete one"):
        kept.save(Branch("one more", ORDER))
    assert len(kept.all()) == MOST_BRANCHES


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["kind", "samples", "slot", "order", "title"]), inner),
    max_leaves=8,
)  # fmt: skip


@given(json_values.map(json.dumps) | st.text(max_size=40))
def test_a_damaged_row_is_refused_in_words(text: str) -> None:
    message = ""
    try:
        moves = _decoded(text, COUNT)
    except OrderError as error:
        message = str(error)
    assert (0 < len(message) < 300) or _decoded(_encoded(moves), COUNT) == moves
