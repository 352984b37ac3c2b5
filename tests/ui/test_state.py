"""History, events from the browser, the retraining queue: no page needed."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reorder_core.errors import OrderError
from reorder_core.orders.moves import Move, apply, apply_all
from reorder_core.orders.order import make_order, order_hash, swap
from ui.app.history import LONGEST, History
from ui.app.jobs import Jobs
from ui.timeline.requests.events import Request, parse_event, sequence_of

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
    assert len(history.entries) == LONGEST and history.place == LONGEST - 1


def moved(history: History, sample: int, slot: int) -> None:
    move = Move("insert", (sample,), slot)
    history.commit(apply(history.order, move), move)


def test_a_move_dropped_from_the_middle_leaves_the_later_ones_done_without_it() -> None:
    history = History(REFERENCE)
    for sample, slot in ((0, 5), (1, 7), (2, 9)):
        moved(history, sample, slot)
    history.remove(2)
    without = apply(apply(REFERENCE, Move("insert", (0,), 5)), Move("insert", (2,), 9))
    assert np.array_equal(history.order, without)
    assert [e.move.samples for e in history.entries if e.move] == [(0,), (2,)]
    history.undo()
    assert [e.move.samples for e in history.entries if e.move] == [(0,), (1,), (2,)]
    assert history.place == 3 and not np.array_equal(history.order, without)


def test_a_move_ahead_of_the_place_can_be_dropped_and_the_order_stays() -> None:
    history = History(REFERENCE)
    moved(history, 0, 5)
    moved(history, 1, 7)
    history.undo()
    before = history.order
    history.remove(2)
    assert np.array_equal(history.order, before) and not history.can_redo


def test_a_branch_goes_its_own_way_and_the_first_stays_as_it_was() -> None:
    history = History(REFERENCE)
    moved(history, 0, 5)
    history.fork("  other   way ")
    moved(history, 1, 7)
    assert (history.branch, len(history.entries)) == ("other way", 3)
    history.switch("main")
    assert len(history.entries) == 2 and np.array_equal(
        history.order, apply(REFERENCE, Move("insert", (0,), 5))
    )
    history.forget("other way")
    assert list(history.lines) == ["main"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda h: h.fork("main"), "already"),
        (lambda h: h.fork("   "), "1 to 40"),
        (lambda h: h.fork("x" * 41), "1 to 40"),
        (lambda h: h.switch("nowhere"), "no branch 'nowhere'"),
        (lambda h: h.forget("main"), "the one shown"),
        (lambda h: h.jump(3), "no move 3"),
        (lambda h: h.remove(0), "no move 0"),
    ],
)
def test_what_the_history_cannot_do_is_said_and_changes_nothing(call: Any, words: str) -> None:
    history = History(REFERENCE)
    moved(history, 0, 5)
    rev = history.rev
    with pytest.raises(OrderError, match=words):
        call(history)
    assert history.rev == rev and list(history.lines) == ["main"]


def test_a_link_with_moves_brings_its_history_into_a_new_session() -> None:
    moves = [Move("insert", (3, 4), 0), Move("swap", (7,), 2)]
    end = apply_all(REFERENCE, moves)[-1]
    history = History(REFERENCE)
    history.adopt(end, moves)
    assert [e.move for e in history.entries[1:]] == moves == history.moves
    assert np.array_equal(history.order, end)


def test_a_drop_is_read_with_its_move() -> None:
    payload = {
        "type": "drop",
        "run": "r",
        "order": [*range(COUNT)],
        "move": {"kind": "swap", "samples": [3, 1], "slot": 4},
    }
    assert parse_event(payload, "r", COUNT).move == Move("swap", (3, 1), 4)


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
        ({"type": ["drop"]}, "unknown request"),
        ({"type": "jump", "place": -1, "hash": ""}, "damaged"),
        ({"type": "remove", "place": 1.5, "hash": ""}, "damaged"),
        ({"type": "fork", "name": "x" * 10**6}, "damaged"),
        ({"type": "fork"}, "damaged"),
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


keys = ["type", "seq", "run", "order", "move", "place", "hash", "name", "x"]
types = {"type": st.sampled_from(["drop", "jump", "fork", "undo", "explode"])}


@given(st.fixed_dictionaries(types, optional=dict.fromkeys(keys[1:], anything)) | anything)
def test_no_payload_breaks_the_reader(payload: object) -> None:
    assert sequence_of(payload) >= 0
    try:
        event = parse_event(payload, "r", COUNT)
    except OrderError:
        return
    assert isinstance(event.request, Request)


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
