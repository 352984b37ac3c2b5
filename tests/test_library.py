"""reorder_core as a library, and an estimator that comes from outside."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_sources import run_reorder

import reorder_core
from reorder_core.errors import CurriculumError, EstimatorError, OrderError
from reorder_core.estimators import ABILITIES, ABOUT, ESTIMATORS
from reorder_core.store.run import Run

ROOT = Path(__file__).parents[1]
STILL = '''
"""An estimator from another package: nothing ever changes, and it says so with certainty."""

import numpy as np

from reorder_core.orders.order import order_hash
from reorder_core.records.estimates import Estimate
from reorder_core.records.losses import Losses


class Still:
    name, about, can = "still", "nothing ever changes", frozenset({"intervals"})
    precompute_rre, bytes, fitted_on = 0.0, 0, frozenset()

    def __init__(self, run, runs):
        self.run = run

    def estimate(self, order):
        at = self.run.reference.losses_at
        ends = Losses(*(np.stack([row, row]) for row in (at.final.samples, at.final.probes)))
        return Estimate(self.run.id, self.name, order_hash(order), at, ends)
'''


def test_the_documents_example_runs() -> None:
    text = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.S)
    done = subprocess.run([sys.executable, "-c", example], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "(280,)" in done.stdout, "a loss a sample, those of the reserve, too"


def test_a_list_an_array_and_a_file_are_the_same_order(real_run: Run, tmp_path: Path) -> None:
    ids = real_run.reference_order[::-1].tolist()
    (tmp_path / "order.json").write_text(json.dumps(ids))
    asked = (ids, np.array(ids), tmp_path / "order.json")
    found = [reorder_core.estimate(real_run, order, "projected") for order in asked]
    for other in found[1:]:
        np.testing.assert_array_equal(found[0].final.samples, other.final.samples)
    with pytest.raises(OrderError, match="appears in slots"):
        reorder_core.estimate(real_run, [0, *ids[1:]])


def test_a_difference_of_an_order_with_itself_is_nothing(real_run: Run) -> None:
    order = real_run.reference_order[::-1]
    assert reorder_core.difference(real_run, order, order).held_out == 0
    with pytest.raises(EstimatorError, match="projected gives no differences between orders"):
        reorder_core.difference(real_run, order, order, "projected")
    with pytest.raises(EstimatorError, match="unknown estimator 'none'"):
        reorder_core.difference(real_run, order, order, "none")


def test_a_curriculum_is_that_of_the_command_line(real_run: Run, tmp_path: Path) -> None:
    """One search: the command finds it done, and prints the same."""
    copy = tmp_path / "run"
    shutil.copytree(real_run.path, copy, ignore=shutil.ignore_patterns("cache", "curricula"))
    run = reorder_core.open_run(copy)
    found = reorder_core.curriculum(run, "heldout", budget=2.5, seed=3, max_moves=40)
    assert sorted(found["order"]) == list(range(run.count)) and found["retrainings"] <= 2
    truth = reorder_core.retrain(run, found["order"])
    assert found["realised"] == pytest.approx(truth.final.held_out, abs=1e-6)
    told = run_reorder(
        tmp_path, "curriculum", str(copy), "--budget", "2.5", "--seed", "3", "--max-moves", "40",
        "--json",
    )  # fmt: skip
    assert json.loads(told.stdout)["order"] == found["order"]
    with pytest.raises(CurriculumError, match="cannot be spent"):
        reorder_core.curriculum(run, budget=0)


def test_an_unknown_name_is_no_part_of_the_package() -> None:
    assert "estimate" in dir(reorder_core)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = reorder_core.nonsense  # type: ignore[attr-defined]


def test_every_estimator_says_what_it_is_and_can(real_run: Run) -> None:
    from reorder_core.estimators import LIVE_ESTIMATORS, open_estimator

    assert set(ABOUT) == set(ABILITIES) == set(ESTIMATORS)
    order = real_run.reference_order[::-1]
    for name in LIVE_ESTIMATORS:
        opened = open_estimator(real_run, name)
        has = opened.estimate(order.copy()).interval is not None
        assert has == ("intervals" in opened.can), name
        assert hasattr(opened, "difference") == ("differences" in opened.can), name
        assert hasattr(opened, "taught") == ("learns" in opened.can), name
        assert hasattr(opened, "materialize") == ("materialize" in opened.can), name


def test_an_estimator_is_one_file_and_its_registration(tmp_path: Path) -> None:
    (tmp_path / "still.py").write_text(STILL)
    about = tmp_path / "still-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: still\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[reorder.estimators]\nstill = still:Still\n")
    order = tmp_path / "order.json"
    order.write_text(json.dumps(list(range(255, -1, -1))))
    asked = ("estimate", ROOT / "data" / "demo", "--order", order, "--estimator", "still", "--json")
    found = run_reorder(tmp_path, *asked)
    assert found.returncode == 0, found.stderr
    answer = json.loads(found.stdout)
    assert answer["estimator"] == "still"
    assert all(cell["lo"] == cell["loss"] == cell["hi"] for cell in answer["samples"].values())
    (about / "entry_points.txt").unlink()
    refused = run_reorder(tmp_path, *asked)
    assert refused.returncode == 1 and "unknown estimator 'still'" in refused.stderr
