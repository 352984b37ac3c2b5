import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from fabricated import TINY_STAGES, build_tiny, flip_last_byte, tiny_config

from reorder_core.building.stages import BuildContext, BuildStage, BuildState
from reorder_core.errors import ConfigError, RunBusy, StoreError
from reorder_core.store.files import file_digest, read_json, write_json
from reorder_core.store.lock import BuildLock, lock_holder
from reorder_core.store.run import open_run


def _logged(done: list[str]) -> tuple[BuildStage, ...]:
    """The tiny stages, noting which of them really run."""

    def noted(stage: BuildStage) -> BuildStage:
        return BuildStage(
            stage.name, stage.files, lambda c: done.append(stage.name) or stage.run(c)
        )

    return tuple(map(noted, TINY_STAGES))


def _digests(path: Path) -> dict[str, str]:
    return {file.name: file_digest(file) for file in path.glob("*.safetensors")}


def test_a_finished_build_does_nothing_again(tiny_path: Path):
    done: list[str] = []
    published = (tiny_path / "run.yaml").read_bytes()
    build_tiny(tiny_path, stages=_logged(done))
    assert done == []
    assert (tiny_path / "run.yaml").read_bytes() == published


@pytest.mark.parametrize("stage", [stage.name for stage in TINY_STAGES])
def test_a_build_cut_off_goes_on_with_the_stage_it_was_in(tmp_path: Path, stage: str):
    def cut(context: BuildContext) -> float:
        raise KeyboardInterrupt

    stages = [BuildStage(s.name, s.files, cut) if s.name == stage else s for s in TINY_STAGES]
    with pytest.raises(KeyboardInterrupt):
        build_tiny(tmp_path / "run", stages=stages)
    names = [s.name for s in TINY_STAGES]
    at = names.index(stage)
    with pytest.raises(StoreError, match=rf"unfinished \(stage {at + 1} of 3, {stage}\); run "):
        open_run(tmp_path / "run")
    done: list[str] = []
    resumed = build_tiny(tmp_path / "run", stages=_logged(done))
    assert done == names[at:]
    whole = build_tiny(tmp_path / "whole")
    assert _digests(resumed.path) == _digests(whole.path)
    assert resumed.id == whole.id


def test_only_the_stage_of_a_damaged_file_is_done_again(tiny_path: Path):
    before = _digests(tiny_path)
    flip_last_byte(tiny_path / "reference.safetensors")
    done: list[str] = []
    build_tiny(tiny_path, stages=_logged(done))
    assert done == ["reference"]
    assert _digests(tiny_path) == before


def test_a_stage_that_now_gives_other_bits_takes_its_successors_along(tiny_path: Path):
    def other(context: BuildContext) -> float:
        TINY_STAGES[1].run(context)
        context.save("start", {"weight": np.ones((4, 4), np.float32)})
        return 1.0

    (tiny_path / "start.safetensors").unlink()
    done: list[str] = []
    stages = list(_logged(done))
    stages[1] = BuildStage("reference", TINY_STAGES[1].files, other)
    build_tiny(tiny_path, stages=stages)
    assert done == ["position"]


def test_other_package_versions_start_an_unfinished_build_over(tiny_path: Path):
    (tiny_path / "run.yaml").unlink()
    state = read_json(tiny_path / "build.json")
    write_json(tiny_path / "build.json", state | {"versions": {"torch": "0.1"}})
    done: list[str] = []
    build_tiny(tiny_path, stages=_logged(done))
    assert done == ["corpus", "reference", "position"]


def test_what_only_the_build_needed_is_left_out_of_the_run(tmp_path: Path):
    config, path = tiny_config(), tmp_path / "run"
    with BuildLock(path):
        state = BuildState(path, config)
        state.run_stages(TINY_STAGES, BuildContext(config, path, lambda *_: None))
        state.publish({}, drop=["position.safetensors"])
    open_run(path).verify()
    assert not (path / "position.safetensors").exists()
    done: list[str] = []
    build_tiny(path, stages=_logged(done))
    assert done == []


def test_another_configuration_is_refused_and_nothing_lost(tiny_path: Path):
    with pytest.raises(ConfigError, match=r"holds run 'tiny' .*this config 'other' has"):
        build_tiny(tiny_path, tiny_config("other"))
    open_run(tiny_path).verify()


def test_a_published_run_without_its_build_record_is_still_recognized(tiny_path: Path):
    (tiny_path / "build.json").unlink()
    with pytest.raises(ConfigError, match="another configuration"):
        build_tiny(tiny_path, tiny_config(seed=9))
    build_tiny(tiny_path)


def test_a_folder_with_other_things_in_it_is_refused(tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigError, match="not empty and holds no run"):
        build_tiny(tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_parts_of_a_killed_write_are_cleaned_but_not_the_ledgers(tiny_path: Path):
    (tiny_path / "start.safetensors.1-1.part").write_bytes(b"half")
    (tiny_path / "ledger").mkdir()
    (tiny_path / "ledger" / "a.json.2-2.part").write_bytes(b"being written by a retraining")
    build_tiny(tiny_path)
    assert [p.name for p in tiny_path.rglob("*.part")] == ["a.json.2-2.part"]


_HOLDER = """
import sys, time
from pathlib import Path
from fabricated import TINY_STAGES, build_tiny
from reorder_core.building.stages import BuildStage

def stop(context):
    (context.path / "half.safetensors.part").write_bytes(b"half")
    print("in the stage", flush=True)
    time.sleep(60)

path, at = Path(sys.argv[1]), int(sys.argv[2])
stages = [BuildStage(s.name, s.files, stop) if i == at else s for i, s in enumerate(TINY_STAGES)]
build_tiny(path, stages=stages)
"""


@pytest.mark.parametrize("at", [0, 1, 2])
def test_kill_9_in_a_stage_frees_the_folder_and_costs_no_bits(tmp_path: Path, at: int):
    path = tmp_path / "run"
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path), str(at)],
        stdout=subprocess.PIPE, text=True, env=_environment(),
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "in the stage\n"
        with pytest.raises(RunBusy, match=rf"another build \(process id {holder.pid}, since"):
            build_tiny(path)
        with pytest.raises(RunBusy, match=rf"is being built \(stage {at + 1} of 3"):
            open_run(path)
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
    with pytest.raises(StoreError, match="unfinished"):
        open_run(path)
    build_tiny(path)
    assert not list(path.glob("*.part"))
    assert _digests(path) == _digests(build_tiny(tmp_path / "whole").path)


def _environment() -> dict[str, str]:
    here = Path(__file__).parent
    return {**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{here.parent}"}


def test_the_lock_is_free_after_the_block_and_leaves_no_file(tmp_path: Path):
    with BuildLock(tmp_path):
        holder = lock_holder(tmp_path)
        assert holder is not None
        assert holder["pid"] == os.getpid()
    assert lock_holder(tmp_path) is None
    assert os.listdir(tmp_path) == []


def test_a_second_build_in_the_same_process_waits_its_patience_then_refuses(tmp_path: Path):
    with BuildLock(tmp_path):
        began = time.monotonic()
        with pytest.raises(RunBusy, match="wait for it or choose another --out"):
            BuildLock(tmp_path).__enter__()
        assert time.monotonic() - began < 3


def test_a_folder_that_cannot_be_made_is_a_config_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot build into"):
        BuildLock(tmp_path / "file" / "run").__enter__()


def test_the_build_record_is_plain_json(tiny_path: Path):
    record = json.loads((tiny_path / "build.json").read_text())
    assert record["planned"] == ["corpus", "reference", "position"]
    assert set(record["steps"]["reference"]) == {"files", "rre", "seconds"}
