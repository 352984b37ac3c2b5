"""The search as a whole: really retrained, resumed, bounded by its budget, honest about a null."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reorder_core.curricula.asked import Asked, understand
from reorder_core.curricula.result import answer, best_entry, verdict
from reorder_core.curricula.scoring import Live, Scores
from reorder_core.curricula.search_state import open_state
from reorder_core.curricula.searching import Trainer, search
from reorder_core.errors import CurriculumError
from reorder_core.orders.order import Order, make_order
from reorder_core.store.ledger import Retrained
from reorder_core.store.run import Run, open_run
from reorder_core.training import loop

ASKED = Asked(("heldout",), budget=8, seed=3)


@pytest.fixture(scope="module")
def finished(real_run, tmp_path_factory):
    """One search, brought to its end in one go: (run, task, state)."""
    path = tmp_path_factory.mktemp("finished") / "run"
    shutil.copytree(real_run.path, path, ignore=shutil.ignore_patterns("ledger", "curricula"))
    run = open_run(path)
    return run, understand(run, ASKED), search(run, ASKED)


def test_the_budget_pays_for_all_retrainings_and_each_is_in_the_ledger(finished) -> None:
    run, task, state = finished
    found = answer(task, state)
    assert 0 < found["rre"] <= ASKED.budget
    assert found["retrainings"] == len(run.ledger) == task.retrainings
    for entry in state.verified:
        truth = run.ledger.of(entry.order)
        assert entry.realised == (pytest.approx(float(truth.final.probes.mean()), abs=1e-6),)


def test_the_order_found_beats_every_proposal_and_all_random_estimates(finished) -> None:
    run, task, state = finished
    found = answer(task, state)
    make_order(found["order"], run.count)
    known = [p["realised"] for p in found["proposals"].values() if p["realised"] is not None]
    assert known and found["realised"] < min(known)
    assert found["realised"] < min(state.random[0])
    assert found["clear"] and "standard deviations better" in found["verdict"]
    assert found["realised"] == min(entry["realised"] for entry in found["verified"])
    json.dumps(found)


@pytest.mark.parametrize("killed_at", [0, 2])
def test_a_search_killed_and_resumed_ends_with_the_same_result(
    finished, searched, monkeypatch, killed_at: int
) -> None:
    _, task, state = finished
    train, calls = Trainer.train, []

    def until_killed(self, order):
        if len(calls) == killed_at:
            raise KeyboardInterrupt
        calls.append(order)
        return train(self, order)

    monkeypatch.setattr(Trainer, "train", until_killed)
    with pytest.raises(KeyboardInterrupt):
        search(searched, ASKED)
    assert not open_state(searched, ASKED).done
    monkeypatch.setattr(Trainer, "train", train)
    resumed = search(searched, ASKED)
    assert answer(understand(searched, ASKED), resumed) == answer(task, state)


def test_a_kill_after_training_and_before_it_is_written_down_pays_once(
    finished, searched, monkeypatch
) -> None:
    _, task, state = finished
    train = Trainer.train

    def lost(self, order):
        train(self, order)
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "train", lost)
    with pytest.raises(KeyboardInterrupt):
        search(searched, ASKED)
    monkeypatch.setattr(Trainer, "train", train)
    resumed = search(searched, ASKED)
    assert resumed.paid == state.paid
    assert len(searched.ledger) == task.retrainings


def test_what_is_known_already_costs_nothing(finished) -> None:
    run, _, _ = finished
    again = search(run, replace(ASKED, budget=3))
    free = [e for e in again.verified if e.round == 0]
    assert again.paid <= 2 and all(e.realised for e in free)


def test_several_objectives_give_a_front_that_keeps_to_the_constraints(searched) -> None:
    asked = Asked(("heldout", "forget:canary"), 7, early="0-3", most_moves=30)
    task = understand(searched, asked)
    found = answer(task, search(searched, asked))
    assert found["objective"] == ["heldout", "forget:canary"]
    assert found["better"] == ["lower", "higher"]
    costs = np.array([part["realised"] for part in found["front"]]) * [1, -1]
    for cost in costs:
        assert not ((costs <= cost).all(1) & (costs < cost).any(1)).any()
    for part in found["front"]:
        assert task.constraints.holds(np.array(part["order"], np.int32))


def test_where_no_order_is_clearly_better_the_verdict_says_so(finished) -> None:
    run, task, state = finished
    best = best_entry(task, state)
    assert best is not None and best.realised is not None
    null = replace_random(state, best.realised[0])
    assert "no order found is clearly better than a random one" in verdict(task, null)
    assert answer(task, null)["clear"] is False
    assert len(run.ledger)


def replace_random(state, level: float):
    """The state, had random orders been like the best one."""
    fields = {name: getattr(state, name) for name in state.__slots__}
    random = [(level + 0.001 * np.random.default_rng(0).normal(size=48)).tolist()]
    return type(state)(**(fields | {"random": random}))


def test_a_budget_of_nothing_and_too_many_or_equal_objectives_are_told(real_run) -> None:
    for budget in (0, -1, float("nan")):
        with pytest.raises(CurriculumError, match="expected a number above 0"):
            understand(real_run, replace(ASKED, budget=budget))
    with pytest.raises(CurriculumError, match="given twice"):
        understand(real_run, Asked(("heldout", "heldout"), 3))


def test_a_damaged_state_is_told_and_another_search_has_its_own(searched) -> None:
    state = open_state(searched, ASKED)
    state.save()
    assert open_state(searched, replace(ASKED, seed=4)).path != state.path
    state.path.write_text("{")
    with pytest.raises(CurriculumError, match="is damaged"):
        open_state(searched, ASKED)


def diverging(monkeypatch: pytest.MonkeyPatch, which: Callable[[int], bool]) -> None:
    """Real training, but the losses of some orders end as no numbers."""
    train, trained = loop.retrain, []

    def diverge(run: Run, order: Order, **how: Any) -> Retrained:
        found = train(run, order, **how)
        trained.append(found)
        lost = which(len(trained))
        return replace(found, losses_at=found.losses_at.scaled(np.nan)) if lost else found

    monkeypatch.setattr(loop, "retrain", diverge)


def test_orders_that_diverge_midway_are_counted_told_and_never_best(
    searched: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    diverging(monkeypatch, lambda number: number in (2, 4, 5))
    task, state = understand(searched, ASKED), search(searched, ASKED)
    found = answer(task, state)
    assert state.done and found["diverged"] == 3
    assert len(found["verified"]) == task.retrainings
    assert np.isfinite(found["realised"])
    assert "3 of the 5 orders that were trained diverged" in found["verdict"]
    assert search(searched, ASKED).paid == state.paid, "read back, it is the same"


def test_where_all_diverge_that_is_the_message(
    searched: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    diverging(monkeypatch, lambda number: True)
    task, state = understand(searched, ASKED), search(searched, ASKED)
    with pytest.raises(CurriculumError, match="every one of the 5 orders that were"):
        answer(task, state)
    assert "Every one of the 5 orders" in verdict(task, state)


def test_estimates_that_are_no_numbers_end_the_search_before_anything_is_trained(
    searched: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = Live.scores

    def lost(self: Live, *asked: Any) -> list[Scores]:
        return [replace(found, value=found.value * np.nan) for found in scores(self, *asked)]

    monkeypatch.setattr(Live, "scores", lost)
    with pytest.raises(CurriculumError, match=r"estimates of \d+ of \d+ orders are no num"):
        search(searched, ASKED)
    assert not len(searched.ledger)
