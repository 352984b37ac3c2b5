"""A run whose settings make estimates noise says so."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from real import tiny_real_config

from reorder_core.building.build import build_run
from reorder_core.estimators import open_estimator
from reorder_core.estimators.learning.retrainings import designed_runs
from reorder_core.judge import measures
from reorder_core.judge.cautions import cautions, self_check
from reorder_core.orders.order import make_order
from reorder_core.store.run import Run, open_run

ROOT = Path(__file__).parents[1]


def built(path: Path, **changes: Any) -> Run:
    config = tiny_real_config(**changes, position={"orders": 16})
    return open_run(build_run(config, path / "run"))


def test_the_demo_is_sound() -> None:
    demo = open_run(ROOT / "data" / "demo")
    found = self_check(demo)
    assert found.retrained == 16 and not found.diverged
    assert found.effect > 1e-3
    assert 0.7 < found.r2 < 1
    assert cautions(demo) == []


def test_an_effect_that_is_rounding_is_told(tmp_path: Path) -> None:
    run = built(tmp_path, training={"learning_rate": 1e-8})
    (told,) = cautions(run)
    assert "rounding" in told and "higher learning rate" in told


def test_a_training_past_the_reach_of_the_expansion_is_told(tmp_path: Path) -> None:
    run = built(tmp_path, training={"learning_rate": 0.03})
    assert self_check(run).r2 < 0.5
    assert any("past the reach" in told for told in cautions(run))


def test_a_run_without_retrainings_says_that_nothing_is_known(tmp_path: Path) -> None:
    (told,) = cautions(built(tmp_path, calibration={"orders": 0}))
    assert "calibration.orders: 16" in told


def test_the_check_learns_from_no_retraining(real_run: Run) -> None:
    runs, projected = designed_runs(real_run), open_estimator(real_run, "projected")
    estimated = [
        projected.estimate(make_order(order, real_run.count)).final.samples for order in runs.orders
    ]
    oracle = measures.r2(np.stack(estimated), runs.final.samples, real_run.reference.final.samples)
    assert self_check(real_run).r2 == pytest.approx(oracle, abs=1e-3)
