"""Constraints are met by every repaired order, and impossible ones are told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reorder_core.curricula.constraints import Constraints, make_constraints
from reorder_core.errors import CurriculumError

COUNT, BATCH = 24, 3
DOMAIN_OF = np.random.default_rng(0).integers(0, 3, COUNT)
REFERENCE = np.random.default_rng(1).permutation(COUNT).astype(np.int32)


def made(early: list[int], whole: bool, spare: int | None) -> Constraints | None:
    """The constraints, with `spare` moves more than are needed; None where blocks are too late."""
    free = Constraints(REFERENCE, BATCH, DOMAIN_OF, tuple(early), whole)
    if not free.holds(free.nearest()):
        return None
    most = None if spare is None else free.moves(free.nearest()) + spare
    return Constraints(REFERENCE, BATCH, DOMAIN_OF, tuple(early), whole, most)


@given(
    st.lists(st.integers(0, COUNT - 1), max_size=6, unique=True), st.booleans(),
    st.none() | st.integers(0, 8), st.integers(0, 99),
)  # fmt: skip
def test_every_repaired_order_keeps_to_all_constraints(early, whole, spare, seed) -> None:
    constraints = made(early, whole, spare)
    if constraints is None:
        return
    random = np.random.default_rng(seed)
    order = constraints.repair(random.permutation(COUNT), random)
    assert sorted(order.tolist()) == list(range(COUNT))
    assert constraints.holds(order)
    assert constraints.holds(constraints.repair(order, random))


@given(st.integers(0, COUNT - 1), st.integers(0, COUNT - 1), st.integers(0, 99))
def test_taking_one_sample_elsewhere_is_at_most_one_move(sample, slot, seed) -> None:
    free = Constraints(REFERENCE, BATCH, DOMAIN_OF)
    rest = REFERENCE[sample != REFERENCE]
    assert free.moves(np.insert(rest, slot, sample)) <= 1
    within = REFERENCE.reshape(-1, BATCH).copy()
    np.random.default_rng(seed).permuted(within, axis=1, out=within)
    assert free.moves(within.reshape(-1)) == 0  # order within a step trains the same


def test_what_no_order_meets_is_told(real_run) -> None:
    half = real_run.count // 2
    with pytest.raises(CurriculumError, match=f"has {half} slots; name at most {half}"):
        make_constraints(real_run, range(half + 1))
    one_each = [next(s.sample_id for s in real_run.samples if s.domain == d)
                for d in real_run.domains]  # fmt: skip
    late = [s.sample_id for s in real_run.samples if s.domain == real_run.domains[0]]
    early = list(dict.fromkeys([*one_each, *late[: half - len(one_each)]]))
    with pytest.raises(CurriculumError, match="no order keeps every domain in one block"):
        make_constraints(real_run, early, True)
    with pytest.raises(CurriculumError, match="moves from the reference order, at most 2 were"):
        make_constraints(real_run, (), True, 2)
    with pytest.raises(CurriculumError, match="expected 0 or more"):
        make_constraints(real_run, (), False, -1)
