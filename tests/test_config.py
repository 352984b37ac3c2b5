"""A wrong configuration, as the person at the command line meets it; equal ones give equal bits."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from pydantic import ValidationError
from real import TINY, tiny_real_config

from reorder_core.building.curvature import draws
from reorder_core.config import PRESETS, RunConfig, read_config
from reorder_core.store import costs
from reorder_core.store.files import file_digest
from reorder_core.store.manifest import _identifying, config_digest, read_manifest
from reorder_core.store.run import Run, open_run
from reorder_core.training.loop import retrain
from reorder_core.training.schedule import anchor_steps

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("part", "changed", "words"),
    [
        ("training", {"steps": 9}, "9 · 4 = 36, but corpus.samples is 48"),
        ("projection", {"anchors": 13}, "anchors 13 is more than the 12 steps"),
        ("training", {"sped": 1}, "training.sped: unknown field"),
        ("training", {"learning_rate": -1}, "training.learning_rate"),
        ("model", {"hidden_size": 18, "heads": 4}, "hidden_size 18 is not a multiple"),
    ],
)
def test_a_wrong_config_is_told_in_one_message(
    tmp_path: Path, part: str, changed: dict[str, Any], words: str
) -> None:
    config, out = tmp_path / "wrong.yaml", tmp_path / "run"
    config.write_text(yaml.safe_dump(TINY | {part: TINY[part] | changed}), encoding="utf-8")
    command = [sys.executable, "-m", "reorder_core", "build", str(config), "--out", str(out)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert told.returncode != 0
    assert told.stderr.startswith("error: ") and words in told.stderr
    assert told.stderr.count("\n") == 1
    assert not out.exists()


def test_same_config_gives_same_bits(real_run: Run, tmp_path: Path) -> None:
    from reorder_core.building.build import build_run

    again = build_run(tiny_real_config(), tmp_path / "again")
    names = sorted(file.relative_to(again) for file in again.rglob("*.safetensors"))
    assert len(names) >= 7
    for name in names:
        assert file_digest(again / name) == file_digest(real_run.path / name), name


def test_another_reference_order_is_another_run_of_the_same_samples(
    real_run: Run, tmp_path: Path
) -> None:
    from reorder_core.building.build import build_run

    config = tiny_real_config(training={"order_seed": 7}, position={"orders": 16})
    other = open_run(build_run(config, tmp_path / "other"))
    assert other.samples == real_run.samples
    for name in ("start", "tokens"):
        assert file_digest(other.file(name)) == file_digest(real_run.file(name)), name
    assert sorted(other.reference_order.tolist()) == list(range(other.count))
    assert (other.reference_order != real_run.reference_order).mean() > 0.5
    change = other.reference.final.samples - real_run.reference.final.samples
    assert np.abs(change).mean() > 0.002  # the orders differ in what they teach
    # A retraining of the one's order in the other is the one's reference run.
    again = retrain(other, real_run.reference_order)
    assert np.array_equal(again.final.samples, real_run.reference.final.samples)
    assert other.id != real_run.id


def test_runs_built_before_a_field_came_keep_their_identity() -> None:
    demo = read_config(ROOT / "data" / "demo.yaml")
    manifest = read_manifest(ROOT / "data" / "demo")
    assert config_digest(demo) == manifest.config_digest


def test_a_preset_fills_what_is_not_given_and_names_no_run_of_before() -> None:
    plain = tiny_real_config()
    value = plain.model_dump(exclude_unset=True) | {"calibration": {}, "position": {}}
    quick = RunConfig.model_validate(
        value | {"projection": {"preset": "quick", "rank": 96}, "calibration": {"orders": 2}}
    )
    assert (quick.projection.anchors, quick.projection.rank, quick.projection.kept) == (2, 96, 480)
    assert not quick.projection.adjoint
    assert (quick.calibration.orders, quick.position.orders) == (2, 256)
    assert config_digest(quick) != config_digest(plain)
    told = _identifying(plain)["projection"]
    assert not {"preset", "adjoint"} & set(told)


@pytest.mark.parametrize("preset", ["cheap", 3])
def test_an_unknown_preset_is_refused_by_name(preset: object) -> None:
    value: dict[str, Any] = tiny_real_config().model_dump(mode="json")
    value["projection"] = {"preset": preset}
    with pytest.raises(ValidationError, match=r"preset\n.*'quick', 'standard' or 'precise'"):
        RunConfig.model_validate(value)


def test_a_preset_keeps_its_budget_on_real_text() -> None:
    """In reference trainings of precomputation, for the text of data/python-docs.yaml."""
    samples, probes, domains = 256, 48, 3
    for name, most in (("quick", 17), ("standard", 30)):
        parts = PRESETS[name]
        projection, orders = parts["projection"], parts["calibration"]["orders"]
        anchors = anchor_steps(32, projection["anchors"])
        rre = (
            costs.gradients_rre(anchors, samples, probes)
            + costs.curvature_rre(len(anchors), *draws(projection["rank"], samples), samples)
            + costs.calibration_rre(orders, samples, probes)
            + costs.centre_rre(samples, probes)
        )
        if projection.get("adjoint", True):
            rre += costs.adjoint_rre(domains, samples, probes, samples, False)
        assert rre < most
