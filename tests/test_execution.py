"""Who does the work makes no difference: same bits here, by processes, by Ray, after any kill."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from fabricated import flip_last_byte
from real import tiny_real_config

from reorder_core.building.build import build_run
from reorder_core.building.curvature import drawn_at
from reorder_core.building.stages import SHARDS
from reorder_core.errors import ExecutionError, StoreError
from reorder_core.execution import local
from reorder_core.execution.executor import open_executor
from reorder_core.execution.local import LocalWorkers
from reorder_core.execution.task import Place, Task, Workplace, perform, task
from reorder_core.judge.fidelity import fresh_orders, retrain_all
from reorder_core.store.files import file_digest
from reorder_core.store.run import Run, open_run

ROOT = Path(__file__).parents[1]


def digests(run: Run) -> dict[str, str]:
    """SHA-256 of every published array; results.duckdb carries an identifier of its own."""
    assert run.manifest is not None
    return {n: f.sha256 for n, f in run.manifest.files.items() if n.endswith(".safetensors")}


def before_draws(real_run: Run, out: Path) -> Path:
    """A copy of a finished run from which a build has to go on with the draws of curvature."""
    shutil.copytree(real_run.path, out, ignore=shutil.ignore_patterns("ledger", "fidelity"))
    (out / "run.yaml").unlink()
    for name in ("curvature", "calibration", "centre", "position"):
        (out / f"{name}.safetensors").unlink()
    return out


@pytest.mark.parametrize("name", ["local", "ray"])
def test_workers_build_the_same_bits(name: str, real_run: Run, tmp_path: Path):
    with open_executor(name, 2) as executor:
        path = build_run(tiny_real_config(), tmp_path / "run", executor=executor)
    assert digests(open_run(path)) == digests(real_run)
    assert not (path / SHARDS).exists()


def killing(executor: LocalWorkers, times: int) -> Callable[[str, int, int], None]:
    """An on_progress at which a worker is killed, at most so often."""
    killed = list[int]()

    def on_progress(label: str, done: int, total: int) -> None:
        if label == "designed retrainings" and done > len(killed) < times:
            killed.append(executor.processes[0])
            os.kill(killed[-1], signal.SIGKILL)

    return on_progress


def test_a_worker_that_is_killed_changes_nothing(real_run: Run, tmp_path: Path):
    out = before_draws(real_run, tmp_path / "run")
    with LocalWorkers(2) as executor:
        path = build_run(tiny_real_config(), out, killing(executor, 2), executor)
    assert digests(open_run(path)) == digests(real_run)


def test_a_task_that_kills_every_worker_is_told_and_the_rest_is_kept(
    real_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(local, "ATTEMPTS", 1)
    out = before_draws(real_run, tmp_path / "run")
    with (
        pytest.raises(ExecutionError, match=r"exit code -9, 1 times in a row.*goes on from there"),
        LocalWorkers(1) as executor,
    ):
        build_run(tiny_real_config(), out, killing(executor, 1), executor)
    assert list((out / SHARDS).glob("designed-*.safetensors"))
    path = build_run(tiny_real_config(), out)
    assert digests(open_run(path)) == digests(real_run)


class Killed(BaseException):
    """Stands for the end of the process that asks."""


@pytest.mark.parametrize("damaged", [False, True])
def test_what_was_done_is_used_again_unless_it_is_damaged(
    real_run: Run, tmp_path: Path, damaged: bool
):
    def stop(label: str, done: int, total: int) -> None:
        if label == "designed retrainings" and done == 5:
            raise Killed

    out = before_draws(real_run, tmp_path / "run")
    with pytest.raises(Killed):
        build_run(tiny_real_config(), out, stop)
    shards = sorted((out / SHARDS).glob("designed-*.safetensors"))
    assert len(shards) == 5
    if damaged:
        flip_last_byte(shards[0])
    counted = list[int]()

    def count(label: str, done: int, total: int) -> None:
        if label == "designed retrainings":
            counted.append(done)

    path = build_run(tiny_real_config(), out, count)
    assert counted == list(range(5 - damaged, 9))
    assert digests(open_run(path)) == digests(real_run)


def test_workers_leave_the_ledger_that_retraining_in_turn_leaves(real_run: Run, tmp_path: Path):
    orders = fresh_orders(real_run, "random", 5, 31)
    orders.append(orders[0])
    kept = []
    for name in ("here", "local"):
        copy = tmp_path / name
        shutil.copytree(real_run.path, copy, ignore=shutil.ignore_patterns("ledger", "fidelity"))
        run = open_run(copy)
        with open_executor(name, 2) as executor:
            retrain_all(run, orders, lambda *_: None, executor)
        entries = run.ledger.in_sequence()
        kept.append([(e.sequence, e.order_hash, e.losses_at.samples.tolist()) for e in entries])
        assert "accuracy" in run.measured.of(entries[0].order_hash)
    assert len(kept[0]) == 5 and kept[0] == kept[1]


ASKING = """
import time
from reorder_core.execution.local import LocalWorkers
workers = LocalWorkers(2)
for worker in workers._workers:
    worker._started()
print(*workers.processes, flush=True)
time.sleep(600)
"""


def test_workers_end_when_the_process_that_asked_is_killed():
    command = [sys.executable, "-c", ASKING]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        workers = [int(word) for word in asking.stdout.readline().split()]
        asking.kill()
    assert len(workers) == 2
    until = time.monotonic() + 60
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < until, f"{workers} outlive the process that asked"
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("name", "workers", "told"),
    [
        ("slurm", 2, r"no executor 'slurm'; known: here, local, ray, ray:ADDRESS"),
        ("local", 1000, r"1000 workers were asked for; give 1 to 256"),
        ("local:7", 2, "no executor 'local:7'"),
    ],
)
def test_an_executor_that_cannot_be_had_is_told(name: str, workers: int, told: str):
    with pytest.raises(ExecutionError, match=told):
        open_executor(name, workers)


@pytest.mark.parametrize(
    "unit", ["os:getcwd", "reorder_core.store.files:file_digest", "reorder_core.store.files:none"]
)
def test_only_units_of_the_package_are_called(unit: str, tmp_path: Path):
    with pytest.raises(StoreError, match="is no unit of reorder_core"):
        perform(Workplace(Place(tmp_path)), Task(unit, {}))


def test_a_task_is_named_after_all_that_it_depends_on():
    names = {task(drawn_at, anchor=anchor).name for anchor in range(3)}
    assert len(names) == 3 and all(name.startswith("drawn_at-") for name in names)
    with pytest.raises(AssertionError, match="is no unit"):
        task(cast(Any, file_digest))
