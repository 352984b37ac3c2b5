"""A run's files changed on disk after it was opened reach no number."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reorder_core.errors import StoreError
from reorder_core.estimators import informing_runs, open_estimator
from reorder_core.store import contents
from reorder_core.store.run import Run, open_run

DEMO = Path(__file__).parents[1] / "data" / "demo"


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return shutil.copytree(DEMO, tmp_path / "run", ignore=shutil.ignore_patterns("cache"))


def estimated(run: Run) -> bytes:
    estimator = open_estimator(run, "hybrid", informing_runs(run))
    return estimator.estimate(run.reference_order[::-1]).losses_at.samples.tobytes()


def overwrite(path: Path) -> None:
    """4,096 bytes in the middle turned over, in place."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        old = file.read(4096)
        file.seek(-len(old), os.SEEK_CUR)
        file.write(bytes(255 - byte for byte in old))


def test_what_is_overwritten_after_opening_changes_no_estimate_and_is_told_later(copied: Path):
    run, whole = open_run(copied), estimated(open_run(copied))
    for name in ("curvature", "projected", "position", "reference", "centre", "calibration"):
        overwrite(copied / f"{name}.safetensors")
    assert estimated(run) == whole
    with pytest.raises(StoreError, match="was altered: its digest is"):
        open_run(copied)
    with pytest.raises(StoreError, match="was altered"):
        run.verify()


def test_cutting_files_in_place_neither_kills_nor_changes_an_open_run(copied: Path):
    """A memory-mapped file that is cut ends the process with SIGBUS; hence another process."""
    program = f"""
import os, pathlib
from test_altered_while_open import estimated
from reorder_core.store.run import open_run
path = pathlib.Path({str(copied)!r})
run, whole = open_run(path), estimated(open_run(path))
for file in path.glob("*.*"):
    os.truncate(file, file.stat().st_size // 3)
assert estimated(run) == whole
assert run.samples[0].text
print("alive")
"""
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert found.stdout.strip() == "alive", (found.returncode, found.stderr[-500:])


@pytest.mark.parametrize(("kept", "mapped"), [(64, 128), (0, 1 << 30), (0, 64)])
def test_large_files_are_compared_as_often_as_they_are_read(
    copied: Path, monkeypatch: pytest.MonkeyPatch, kept: int, mapped: int
):
    whole = estimated(open_run(copied))
    monkeypatch.setattr(contents, "KEPT", kept)
    monkeypatch.setattr(contents, "MAPPED", mapped)
    run = open_run(copied)
    assert estimated(run) == whole
    overwrite(copied / "curvature.safetensors")
    with pytest.raises(StoreError, match=r"curvature.safetensors was altered"):
        estimated(run)


def test_arrays_cannot_be_written_to(copied: Path):
    array = open_run(copied).arrays("calibration")["orders"]
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 0
