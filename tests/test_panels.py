"""What Python describes of the instrument: lists and cards as texts, what a click on them does."""

import pytest
from fabricated import build_tiny
from trees import found, text

from reorder_core.explore.suggestions import Goal
from ui.app import numbers
from ui.app.job import Job
from ui.timeline.panels import history, queue, suggested
from ui.timeline.panels.tree import el

RECORD = {
    "branch": "main",
    "branches": [["main", 2], ["what if", 1]],
    "place": 1,
    "start": {"hash": "aa", "words": "Start: the reference order"},
    "moves": [
        {"hash": "bb", "words": "canary 3: step 4 → step 9", "samples": [3], "kind": "insert",
         "effect": {"own": [-0.41, -0.5, -0.3], "heldOut": [0.003, -0.001, 0.007]},
         "verified": True},
        {"hash": "cc", "words": "sample 8: step 1 → step 2", "samples": [8], "kind": "insert",
         "effect": None, "verified": False},
    ],
}  # fmt: skip


def test_attributes_are_written_as_html_has_them_and_what_is_missing_is_left_out() -> None:
    node = el("p", "a", None, class_="ro-x", data_of="1", hidden=False, title=None, disabled=True)
    assert node == ["p", {"class": "ro-x", "data-of": "1", "disabled": True}, "a"]


def test_a_move_says_what_it_alone_changed_and_where_a_click_goes() -> None:
    moves = [one for one in found(history.drawn(RECORD)) if one[1].get("class") == "ro-move"]
    assert [text(one) for one in moves] == [
        "Start: the reference order",
        "canary 3: step 4 → step 9 ◇own loss −0.410 [−0.500, −0.300]"
        "held-out +0.0030 [−0.0010, +0.0070]×",
        "sample 8: step 1 → step 2estimating …×",
    ]
    assert [one[1].get("data-ahead") for one in moves] == [None, None, True]
    go = moves[1][2]
    assert go[1]["on"] == {"send": ["jump", {"place": 1, "hash": "bb"}], "samples": [3]}
    assert go[1]["aria-current"] == "step"
    sides = [one[1]["data-side"] for one in found(moves) if "data-side" in one[1]]
    assert sides == ["fall", "unclear"]


def test_only_another_branch_than_this_and_main_can_be_deleted_and_only_when_sure() -> None:
    (button,) = found(history.drawn(RECORD), data_command="forget")
    assert text(button) == "Delete what if"
    assert button[1]["on"]["sure"] == "Really delete what if?"
    alone = {**RECORD, "branches": [["main", 2]]}
    assert not list(found(history.drawn(alone), data_command="forget"))


def test_a_waiting_retraining_says_when_it_starts_once_that_is_known(tmp_path) -> None:
    run = build_tiny(tmp_path / "run")
    jobs = [
        Job(run.path, run.id, name, run.reference_order, f"order {name}") for name in ("x", "y")
    ]
    jobs[0].state = "running"

    def rows() -> list[str]:
        drawn = found(queue.drawn(jobs))
        return [text(one) for one in drawn if one[1].get("class") == "ro-queue-state"]

    assert rows() == ["waiting …", "waits"]
    jobs[0].note("retraining", 0, 32)
    jobs[0]._phase = ("retraining", jobs[0]._phase[1] - 8, 0)
    jobs[0].note("retraining", 8, 32)
    assert rows()[0].startswith("retraining 8 of 32, 24 s left")
    assert rows()[1].startswith("waits, starts in about 2")


@pytest.mark.parametrize(
    ("value", "digits", "told"),
    [(-0.41, 3, "−0.410"), (0.41, 3, "+0.410"), (-0.0001, 3, "0.000"), (float("nan"), 3, "–"),
     (float("inf"), 3, "–"), (None, 3, "–"), (2.0, 0, "+2")],
)  # fmt: skip
def test_a_change_carries_its_sign_and_what_is_not_known_is_a_dash(
    value: float | None, digits: int, told: str
) -> None:
    assert numbers.signed(value, digits) == told


def test_the_words_of_a_suggestion_keep_a_domain_apart() -> None:
    goal = Goal("domain", "שלום")
    row = {"move": {"kind": "insert", "samples": [4], "slot": 2}, "words": "sample 4: step 1",
           "effect": [-0.002, -0.003, -0.001], "clear": True}  # fmt: skip
    assert "\u2068שלום\u2069" in suggested.said(goal, [row], 3, 3)
    _, listed, *parts = found(suggested.drawn(goal, [row]))
    assert listed[1]["on"] == {"move": row["move"]}
    assert any(one[0] == "bdi" for one in parts)
