"""One service answers all pages: what is kept, who informed it, what is never computed twice."""

import json
import re
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from reorder_core.cache.estimates import ResultCache
from reorder_core.cache.recent import Recent
from reorder_core.cache.service import EstimateService
from reorder_core.cli.commands import app
from reorder_core.errors import EstimatorError
from reorder_core.estimators import informing_runs, open_estimator
from reorder_core.estimators.learning.retrainings import designed_runs
from reorder_core.judge.fidelity import fresh_orders, retrain_once
from reorder_core.orders.order import Order, make_order
from reorder_core.records.estimates import Estimate
from reorder_core.records.knows import Knows
from reorder_core.records.losses import Losses
from reorder_core.store.run import Run, open_run


@pytest.fixture(scope="module")
def real_run(real_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A copy without the retrainings of other tests: what informs an answer is counted here."""
    path = tmp_path_factory.mktemp("service") / "run"
    shutil.copytree(real_run.path, path, ignore=shutil.ignore_patterns("ledger"))
    return open_run(path)


@pytest.fixture(scope="module")
def orders(real_run: Run) -> list[Order]:
    """Four orders of which the first two are retrained, in this sequence."""
    found = fresh_orders(real_run, "random", 4, 511)
    for order in found[:2]:
        retrain_once(real_run, order)
    return found


def opened(run: Run, folder: Path) -> EstimateService:
    return EstimateService(run, ResultCache(folder / "cache.duckdb", run.fingerprint))


def same(one: Estimate, other: Estimate) -> bool:
    assert one.interval is not None and other.interval is not None
    return np.array_equal(one.losses_at.samples, other.losses_at.samples) and np.array_equal(
        one.interval.samples, other.interval.samples
    )


def test_what_one_page_computed_comes_from_memory_and_after_a_restart_from_the_database(
    real_run: Run, orders: list[Order], tmp_path: Path
) -> None:
    service = opened(real_run, tmp_path)
    asked = [(service.now(), orders[2]), (service.as_of(0), orders[1]),
             (service.now("projected"), orders[3])]  # fmt: skip
    first = [known.answer(order) for known, order in asked]
    assert [a.source for a in first] == ["computed"] * 3
    again = [known.answer(order) for known, order in asked]
    assert [a.source for a in again] == ["memory"] * 3
    service.close()
    restarted = opened(real_run, tmp_path)
    for before, (known, order) in zip(first, asked, strict=True):
        read = restarted.as_of(known.first, known.name).answer(order)
        assert read.source == "database" and read.knows == before.knows
        assert same(read.estimate, before.estimate)


def test_an_answer_says_what_it_knows_and_never_its_own_retraining(
    real_run: Run, orders: list[Order], tmp_path: Path
) -> None:
    service, designed = opened(real_run, tmp_path), len(designed_runs(real_run))
    others = len(informing_runs(real_run, orders[0])) - designed
    assert others >= 1, "or the test says nothing"
    found = service.now().answer(orders[0])
    assert found.words == f"hybrid, {designed} + {others} retrainings"
    assert service.now().answer(orders[3]).knows.ledger == others + 1
    assert service.as_of(0).answer(orders[0]).words == f"hybrid, {designed} retrainings"
    assert service.now("reference").answer(orders[0]).words == "reference"
    direct = open_estimator(real_run, "hybrid", informing_runs(real_run, orders[0]))
    expected = direct.estimate(orders[0])
    np.testing.assert_allclose(found.estimate.final.samples, expected.final.samples, atol=2e-6)
    built = service.as_of(0).answer(orders[0]).estimate.final.samples
    assert np.abs(built - expected.final.samples).max() > 1e-4, "what it knows makes a difference"


def test_the_number_as_it_was_comes_back_after_the_ledger_has_grown(
    real_run: Run, orders: list[Order], tmp_path: Path
) -> None:
    service = opened(real_run, tmp_path)
    had = len(real_run.ledger)
    then = service.now().answer(orders[3])
    (new,) = fresh_orders(real_run, "move", 1, 512)
    retrain_once(real_run, new)
    assert len(real_run.ledger) == had + 1
    today, before = service.now().answer(orders[3]), service.as_of(had).answer(orders[3])
    assert before.source == "memory" and same(before.estimate, then.estimate)
    assert before.knows == then.knows != today.knows
    assert today.knows.ledger == then.knows.ledger + 1
    fresh = opened(real_run, tmp_path / "elsewhere").as_of(had).answer(orders[3])
    assert fresh.source == "computed" and fresh.knows == then.knows, "resolvable anywhere"
    np.testing.assert_allclose(fresh.estimate.final.samples, then.estimate.final.samples, atol=2e-6)


def test_a_group_left_out_informs_no_answer_of_the_group(
    real_run: Run, orders: list[Order], tmp_path: Path
) -> None:
    known = opened(real_run, tmp_path).now()
    group = orders[:2]
    alone, together = known.answer(orders[0]), known.answer(orders[0], without=group)
    assert together.knows.ledger == alone.knows.ledger - 1
    assert known.answer(orders[1], without=group).knows == together.knows, "taught once"
    change = known.difference(orders[0], orders[1], without=group)
    assert known.found(orders[0], orders[1]) is change, "a pair leaves both out anyway"


def test_the_order_of_a_designed_retraining_is_estimated_without_it(
    real_run: Run, tmp_path: Path
) -> None:
    designed = designed_runs(real_run)
    own = make_order(designed.orders[0], real_run.count)
    found = opened(real_run, tmp_path).as_of(0).answer(own)
    assert found.knows.designed == len(designed) - 1
    error = np.abs(found.estimate.final.samples - designed.final.samples[0]).mean()
    assert error > 1e-5, "an estimate that knew it would repeat it"


def test_what_is_prepared_has_learned_before_an_order_is_asked(
    real_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = opened(real_run, tmp_path)
    service.now().prepare()
    monkeypatch.setattr(service.estimator(), "taught", lambda _: pytest.fail("learns again"))
    (fresh,) = fresh_orders(real_run, "random", 1, 5150)
    assert service.now().answer(fresh).source == "computed"


def test_two_who_ask_for_the_same_at_once_wait_for_one_computation(
    real_run: Run, orders: list[Order], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = opened(real_run, tmp_path)
    known, estimator = service.as_of(0), service.estimator()
    computed, estimate, ready = [], estimator.estimate, threading.Barrier(4)
    monkeypatch.setattr(estimator, "estimate", lambda o: computed.append(1) or estimate(o))
    sources = []

    def ask() -> None:
        ready.wait()
        sources.append(known.answer(orders[2]).source)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(computed) == 1 and sources.count("computed") == 1


def test_differences_are_computed_once_and_only_by_estimators_that_give_them(
    real_run: Run, orders: list[Order], tmp_path: Path
) -> None:
    service = opened(real_run, tmp_path)
    known = service.now()
    assert known.found(orders[2], orders[3]) is None
    found = known.difference(orders[2], orders[3])
    assert known.difference(orders[2], orders[3]) is found is known.found(orders[2], orders[3])
    with pytest.raises(EstimatorError, match="tracin gives no differences"):
        service.now("tracin").difference(orders[2], orders[3])
    with pytest.raises(EstimatorError, match="unknown estimator 'nobody'"):
        service.now("nobody")


def test_the_command_line_names_a_number_as_the_pages_do(
    real_run: Run, orders: list[Order], tmp_path: Path
) -> None:
    """With as many retrainings as the service's answer knows, in a terminal and as JSON."""
    order, service = orders[0], opened(real_run, tmp_path)
    words = service.now().answer(order).words
    assert re.fullmatch(r"hybrid, \d+ \+ \d+ retrainings", words)
    (tmp_path / "order.json").write_text(json.dumps(order.tolist()))
    asked = ["estimate", str(real_run.path), "--order", str(tmp_path / "order.json")]
    assert json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)["knows"] == words
    assert f"{words}; order" in CliRunner().invoke(app, asked).stdout


def test_many_estimates_are_read_at_once_and_are_the_same(
    real_run: Run, orders: list[Order], tmp_path: Path
) -> None:
    service = opened(real_run, tmp_path)
    expected = [service.now().answer(order).estimate for order in orders[:3]]
    service.close()
    restarted = opened(real_run, tmp_path)
    asked: list[str] = []
    once = restarted.cache.get_many
    restarted.cache.get_many = lambda *key: asked.append("many") or once(*key)  # pyright: ignore
    restarted.cache.get = lambda *key: pytest.fail("asked one by one")  # pyright: ignore
    found = restarted.now().ready(orders)
    assert asked == ["many"]
    assert list(found) == [estimate.order_hash for estimate in expected], "the fourth is nowhere"
    assert all(same(found[one.order_hash], one) for one in expected)
    assert [restarted.now().has(order) for order in orders] == [True, True, True, False]
    assert restarted.now().ready([]) == {}


def test_memory_forgets_what_was_not_asked_for_longest_and_stays_within_its_bytes() -> None:
    def sized(key: str) -> Estimate:
        losses = np.zeros((10, 100), np.float32)  # 4,000 bytes
        return Estimate("r", "e", key, Losses(losses, losses[:, :1]))

    memory = Recent(most=20_000)
    for number in range(4):
        memory.put(number, sized(str(number)))
    assert memory.get(0) is not None
    for number in range(4, 6):
        memory.put(number, sized(str(number)))
    assert memory.get(1) is None and memory.get(0) is not None and memory.get(5) is not None
    assert memory.bytes <= 20_000
    memory.put(0, sized("again"))
    assert memory.get(0).order_hash == "again" and memory.bytes <= 20_000
    memory.put("large", Estimate("r", "e", "x", Losses(np.zeros((10, 9000)), np.zeros((10, 1)))))
    assert memory.bytes <= 20_000 and memory.get("large") is None


@pytest.mark.parametrize(
    ("found", "words"),
    [(Knows(16, 3, ""), "hybrid, 16 + 3 retrainings"), (Knows(16, 0, ""), "hybrid, 16 retrainings"),
     (Knows(0, 1, ""), "hybrid, 0 + 1 retraining"), (Knows(0, 0, ""), "hybrid")],
)  # fmt: skip
def test_the_words_name_the_estimator_and_what_it_knows(found: Knows, words: str) -> None:
    assert found.words("hybrid") == words
