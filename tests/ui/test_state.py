"""History, events from the browser, the retraining queue: no page needed."""

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reorder_core.errors import OrderError
from reorder_core.orders import make_order, order_hash, swap
from ui.events import parse_event, sequence_of
from ui.history import LONGEST, History
from ui.jobs import Jobs

COUNT = 12
REFERENCE = make_order(range(COUNT), COUNT)
ORDERS = [swap(REFERENCE, 0, slot) for slot in range(1, 6)]


def test_undo_then_redo_comes_back_to_the_same_order() -> None:
    history = History(REFERENCE)
    for order in ORDERS:
        history.commit(order)
    for _ in ORDERS:
        history.undo()
    assert history.at_reference and not history.can_undo
    for order in ORDERS:
        history.redo()
        assert np.array_equal(history.order, order)
    assert not history.can_redo


def test_a_move_after_undo_forgets_what_was_undone() -> None:
    history = History(REFERENCE)
    history.commit(ORDERS[0])
    history.undo()
    history.commit(ORDERS[1])
    assert not history.can_redo
    history.undo()
    assert history.at_reference


def test_adopting_a_neighbour_moves_along_the_line_and_forgets_nothing() -> None:
    history = History(REFERENCE)
    history.commit(ORDERS[0])
    history.commit(ORDERS[1])
    history.adopt(ORDERS[0])
    assert history.can_redo
    history.adopt(ORDERS[1])
    assert np.array_equal(history.order, ORDERS[1]) and not history.can_redo


def test_the_same_order_again_is_no_change() -> None:
    history = History(REFERENCE)
    history.commit(ORDERS[0])
    rev = history.rev
    history.commit(ORDERS[0])
    assert history.rev == rev


def test_a_long_history_keeps_its_newest_orders() -> None:
    history = History(REFERENCE)
    for number in range(LONGEST + 20):
        history.commit(ORDERS[number % 2])
    assert len(history.orders) == LONGEST and history.place == LONGEST - 1


def test_a_drop_is_read_with_its_order() -> None:
    event = parse_event(
        {"type": "drop", "seq": 3, "run": "r", "order": [*range(COUNT)]}, "r", COUNT
    )
    assert event.sequence == 3 and event.command == "drop"
    assert event.order is not None and order_hash(event.order) == order_hash(REFERENCE)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"type": "drop", "run": "r", "order": [0, *range(COUNT - 1)]}, "appears in slots"),
        ({"type": "drop", "run": "r", "order": [*range(COUNT - 1)]}, "missing"),
        ({"type": "drop", "run": "r", "order": [*range(1, COUNT + 1)]}, "unknown sample id"),
        ({"type": "drop", "run": "r", "order": ["0", *range(1, COUNT)]}, "whole number"),
        ({"type": "drop", "run": "other", "order": [*range(COUNT)]}, "'other'"),
        ({"type": "drop", "run": "r", "order": [0] * 10**6}, "no order of 12"),
        ({"type": "drop", "run": "r"}, "no order of 12"),
        ({"type": "explode"}, "unknown request"),
        ("drop", "sent str"),
        (None, "sent NoneType"),
    ],
)
def test_a_bad_payload_is_refused_with_the_reason(payload: object, words: str) -> None:
    with pytest.raises(OrderError, match=words):
        parse_event(payload, "r", COUNT)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["type", "seq", "run", "order", "x"]), anything) | anything)
def test_no_payload_breaks_the_reader(payload: object) -> None:
    assert sequence_of(payload) >= 0
    try:
        event = parse_event(payload, "r", COUNT)
    except OrderError:
        return
    assert event.command in ("drop", "undo", "redo", "reset", "verify", "cancel")


def test_a_retraining_that_fails_says_why_and_the_queue_goes_on(tmp_path: Path) -> None:
    jobs = Jobs()
    first = jobs.submit(tmp_path / "nothing-here", "r", REFERENCE)
    second = jobs.submit(tmp_path / "nothing-here", "r", ORDERS[0])
    assert jobs.submit(tmp_path / "nothing-here", "r", ORDERS[0]) is second, "asked for twice"
    for _ in range(300):
        if jobs.ended == 2:
            break
        time.sleep(0.1)
    assert first.state == second.state == "failed"
    assert "no run at" in first.message
    assert jobs.active("r") == []


def test_a_waiting_retraining_can_be_taken_out_of_the_queue(tmp_path: Path) -> None:
    jobs = Jobs()
    jobs.submit(tmp_path / "nothing-here", "r", REFERENCE)
    waiting = jobs.submit(tmp_path / "nothing-here", "r", ORDERS[0])
    jobs.cancel("r", order_hash(ORDERS[0]))
    assert waiting.state == "cancelled" and waiting.process is None


def test_a_batch_runs_its_own_command_and_is_told_by_its_name(tmp_path: Path) -> None:
    jobs = Jobs()
    command = ("heatmap", str(tmp_path / "nothing-here"))
    batch = jobs.submit_batch(tmp_path, "r", "heat map", command)
    assert jobs.submit_batch(tmp_path, "r", "heat map", command) is batch, "asked for twice"
    other = jobs.submit_batch(tmp_path, "r", "more move", command)
    jobs.cancel("r", "more move")
    for _ in range(300):
        if jobs.ended == 2:
            break
        time.sleep(0.1)
    assert (batch.state, other.state) == ("failed", "cancelled")
    assert "no run at" in batch.message
    assert jobs.find("r", "heat map") is batch
