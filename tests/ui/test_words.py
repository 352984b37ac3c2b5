from pathlib import Path

import pytest

from reorder_core.orders.moves import Move, whole
from reorder_core.store.run import Run, open_run
from ui.app import words


@pytest.fixture(scope="module")
def run(demo: Path) -> Run:
    return open_run(demo)


def test_a_sample_goes_by_its_mark_and_its_steps_count_from_one(run: Run) -> None:
    order = run.reference_order
    for flag, turn in (("canary", ", visit 1"), ("poison", "")):
        marked = next(s.sample_id for s in run.samples if flag in s.flags)
        at = order.tolist().index(marked) // run.batch_size + 1
        told = words.of_move(run, order, Move("insert", (marked,), 9 * run.batch_size + 2))
        assert told == f"{flag} {marked}{turn}: step {at} → step 10"


def test_a_swap_names_both_samples(run: Run) -> None:
    order = run.reference_order
    told = words.of_move(run, order, Move("swap", (int(order[0]),), 17))
    assert told == (
        f"{words.of_visit(run, int(order[0]))} ↔ {words.of_visit(run, int(order[17]))}: "
        "step 1 ↔ step 3"
    )


def test_groups_are_called_by_what_they_have_in_common(run: Run) -> None:
    order, batch = run.reference_order, run.batch_size
    step = tuple(map(int, order[batch : 2 * batch]))
    assert words.of_move(run, order, Move("insert", step, 0)) == "all of step 2: step 2 → step 1"
    domain = run.samples[0].domain
    members = tuple(s.sample_id for s in run.samples if s.domain == domain)
    told = words.of_samples(run, order, Move("insert", members, 0))
    assert told == f"all {len(members)} of {domain}"
    assert words.of_samples(run, order, Move("insert", members[:2], 0)) == f"2 of {domain}"


def test_a_whole_order_goes_by_its_title(run: Run) -> None:
    assert words.of_move(run, run.reference_order, whole(run.reference_order, "reversed")) == (
        "reversed"
    )
