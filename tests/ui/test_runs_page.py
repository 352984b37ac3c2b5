"""The runs page: which there are, two side by side, building from a form, deleting."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sitting import page

from reorder_core.analysis.two_runs import compared
from reorder_core.building.checks import refuse_contradictions
from reorder_core.config import RunConfig, parse_config, read_config
from reorder_core.store.manifest import config_digest
from reorder_core.store.run import Run, open_run
from ui.app import jobs, known_runs
from ui.pages import runs_building


@pytest.fixture
def runs(real_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(real_run.path, tmp_path / "runs" / "tiny")
    monkeypatch.setenv("REORDER_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def test_a_run_beside_itself_is_alike_in_everything(real_run: Run) -> None:
    found = compared(real_run, real_run)
    assert found is not None
    distinct = len({sample.text for sample in real_run.samples})
    assert len(found.frame) == distinct
    assert found.learned == pytest.approx(1.0) and found.curves == pytest.approx(1.0)
    assert np.ptp(found.frame.learned_one) > 0.01


def test_runs_of_different_text_are_not_compared(demo: Path, real_run: Run) -> None:
    assert compared(open_run(demo), real_run) is None


def test_the_page_lists_opens_and_compares(
    demo: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = page(demo, monkeypatch, "runs", {})
    assert not at.exception
    table = at.dataframe[0].value
    other = open_run(runs / "tiny")
    assert {open_run(demo).id, other.id} <= set(table["id"])
    assert [name for name in table["run"] if name.endswith("(open)")] == ["demo (open)"]
    at.selectbox(key="ro_runs_compare").set_value(other.id).run()
    assert any("texts are in both" in part.value for part in at.markdown)
    at.selectbox(key="ro_runs_open").set_value(other.id).run()
    at.button(key="ro_runs_open_it").click().run()
    assert not at.exception
    assert at.query_params["run"] == other.id


def test_the_form_and_its_yaml_give_the_same_run_and_a_build_is_queued(
    demo: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(jobs.Jobs, "submit_batch", lambda self, *given: asked.append(given))
    at = page(demo, monkeypatch, "runs", {})
    at.text_input(key="ro_build_name").set_value("mine")
    at.number_input(key="ro_build_steps").set_value(4).run()
    shown = parse_config(at.code[0].value)
    assert (shown.name, shown.training.steps, shown.corpus.samples) == ("mine", 4, 32)
    at.button(key="ro_build_begin").click().run()
    assert not at.exception
    kept = yaml.safe_load((runs / "mine.yaml").read_text())
    assert RunConfig.model_validate(kept) == shown
    assert config_digest(read_config(runs / "mine.yaml")) == config_digest(shown)
    (given,) = asked
    assert given[1:] == ("builds", "mine", ("build", str(runs / "mine.yaml"), "--out",
                                            str(runs / "mine")))  # fmt: skip


@pytest.mark.parametrize(
    "asked",
    [
        {"ro_build_optimizer": "adamw", "ro_build_schedule": "wsd", "ro_build_preset": "precise"},
        {"ro_build_base": 0, "ro_build_width": 32, "ro_build_layers": 3},
        {"ro_build_base": 8},
        {"ro_build_model": "a/model", "ro_build_lora": 4},
    ],
)
def test_what_the_form_writes_can_be_built(
    demo: Path, runs: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]
) -> None:
    at = page(demo, monkeypatch, "runs", {})
    for key, value in asked.items():
        for kind in ("selectbox", "number_input", "text_input"):
            for widget in getattr(at, kind):
                if widget.key == key:
                    widget.set_value(value)
        at.run()
    assert not at.exception and not at.error
    config = parse_config(at.code[0].value)
    refuse_contradictions(config)
    told = yaml.safe_dump(config.model_dump(mode="json"))
    assert all(str(value) in told for value in asked.values())


def test_what_is_wrong_with_the_form_is_told_before_anything_is_built(
    demo: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = page(demo, monkeypatch, "runs", {})
    at.text_input(key="ro_build_name").set_value("No Name!").run()
    assert "name" in at.error[0].value
    assert not [b for b in at.button if b.key == "ro_build_begin"]


def test_a_run_is_deleted_only_where_this_app_builds_and_by_its_name(
    demo: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = page(demo, monkeypatch, "runs", {})
    assert list(at.selectbox(key="ro_runs_delete").options) == [
        found.title for found in known_runs.known_runs() if found.path == runs / "tiny"
    ]
    assert at.button(key="ro_runs_delete_it").disabled
    name = open_run(runs / "tiny").name
    at.text_input(key="ro_runs_delete_name").set_value(name).run()
    at.button(key="ro_runs_delete_it").click().run()
    assert not at.exception
    assert not (runs / "tiny").exists() and demo.exists()


def test_a_read_only_app_builds_and_deletes_nothing(
    demo: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REORDER_READ_ONLY", "1")
    at = page(demo, monkeypatch, "runs", {})
    assert not at.exception
    keys = {button.key for button in at.button}
    assert not keys & {"ro_build_begin", "ro_runs_delete_it", "ro_import_it"}
    runs_building.begin("mine", "name: mine")
    assert not (runs / "mine.yaml").exists()
