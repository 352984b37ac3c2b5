"""The queue of retrainings: limits, what it remembers, what it says of time and of endings."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from reorder_core.errors import OrderError
from reorder_core.orders.order import make_order
from reorder_core.store.run import open_run
from ui.app import job as job_module
from ui.app import jobs, spare
from ui.app.job import Job
from ui.app.jobs import MOST_ENDED, MOST_WAITING, Jobs

COUNT = 40
ROOT = Path(__file__).parents[1]
RANDOM = np.random.default_rng(2)


def order():
    return make_order(RANDOM.permutation(COUNT), COUNT)


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """A queue whose worker does nothing."""
    monkeypatch.setattr(Jobs, "_work", lambda self: None)
    return Jobs()


def test_the_queue_takes_so_many_and_says_what_to_do(idle: Jobs, tmp_path: Path) -> None:
    for _ in range(MOST_WAITING):
        idle.submit(tmp_path, "r", order())
    with pytest.raises(OrderError, match="cancel some, or wait"):
        idle.submit(tmp_path, "r", order())
    first = idle.all("r")[0]
    idle.cancel("r", first.name)
    idle.submit(tmp_path, "r", order())
    assert len(idle.active("r")) == MOST_WAITING


def test_only_the_last_that_ended_are_remembered(idle: Jobs, tmp_path: Path) -> None:
    asked = []
    for _ in range(MOST_ENDED + 30):
        asked.append(idle.submit(tmp_path, "r", order()))
        idle.cancel("r", asked[-1].name)
    idle.submit(tmp_path, "r", order())
    kept = [job.name for job in idle.all("r")]
    assert len(kept) <= MOST_ENDED + 1
    assert asked[-1].name in kept and asked[0].name not in kept


def test_the_queue_is_no_cache_that_a_visitor_can_clear() -> None:
    import streamlit as st

    before = jobs.queue()
    st.cache_resource.clear()
    assert jobs.queue() is before


def test_the_time_left_never_grows_and_does_not_count_loading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(job_module.time, "monotonic", lambda: now[0])
    job = Job(tmp_path, "r", "x", None, state="running")
    job.note("loading PyTorch", 0, 0)
    now[0] += 30
    assert job.left is None
    seen = []
    for step, took in enumerate([0, 1, 1, 5, 1, 8, 1, 1]):  # an uneven machine
        now[0] += took
        job.note("training", step, 8)
        if job.left is not None:
            seen.append(job.left)
    assert seen[0] == pytest.approx(7.0), "a second a step, the 30 of loading left out"
    assert seen == sorted(seen, reverse=True)
    job.note("evaluating", 1, 4)
    assert job.left is None, "another phase is counted anew"


def ended(job: Job) -> Job:
    until = time.monotonic() + 60
    while job.process is None or job.process.poll() is None or job.state == "running":
        assert time.monotonic() < until
        time.sleep(0.02)
    time.sleep(0.1)
    return job


ECHO = """
import os, sys
line = b""
while not line.endswith(b"\\n"):
    line += os.read(0, 1) or b"\\n"
if line.strip():
    order = open("/dev/stdin").read()
    sys.stderr.write(f"progress 1 1 told\\n{line.decode().strip()} {len(order)}\\n")
    sys.exit(3)
"""


def test_a_retraining_goes_to_the_process_that_is_ready_and_another_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[str, ...]] = []

    def standing_in(*arguments: str) -> "subprocess.Popen[str]":
        started.append(arguments)
        return subprocess.Popen([sys.executable, "-c", ECHO], text=True, stdin=subprocess.PIPE,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # fmt: skip

    monkeypatch.setattr(spare, "spawn", standing_in)
    kept = spare.Spare()
    queue = Jobs(kept)
    queue.prepare()
    queue.prepare()
    assert started == [("reorder_core.cli.ready",)], "never more than one waits"
    job = ended(queue.submit(tmp_path, "r", order()))
    wanted = ["retrain", str(tmp_path), "--order", "/dev/stdin", "--json"]
    assert job.message.startswith(json.dumps(wanted)) and job.state == "failed"
    assert job.label == "told", "what it says of its progress is heard"
    assert len(started) == 1, "after a failure nothing is made ready"
    assert kept.take(["info"]) is None
    queue.prepare()
    kept.stop()
    assert kept.take(["info"]) is None


def test_what_is_ready_is_the_command_it_is_told_to_be_and_ends_with_whoever_keeps_it(
    tiny_path: Path,
) -> None:
    command = [sys.executable, "-m", "reorder_core.cli.ready"]
    told = json.dumps(["info", str(tiny_path), "--json"]) + "\n"
    done = subprocess.run(command, input=told, capture_output=True, text=True, cwd=ROOT)
    assert json.loads(done.stdout)["run"] == open_run(tiny_path).id, done.stderr
    left = subprocess.run(command, input="", capture_output=True, text=True, cwd=ROOT)
    assert (left.returncode, left.stdout, left.stderr) == (0, "", "")


@pytest.mark.parametrize("kept", [True, False])
def test_a_cancelled_retraining_that_had_finished_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    real = subprocess.Popen

    def sleeping(command: list[str], **options):
        return real([sys.executable, "-c", "import time; time.sleep(60)"], **options)

    monkeypatch.setattr(spare.subprocess, "Popen", sleeping)
    queue = Jobs()
    job = queue.submit(tmp_path, "r", order())
    while job.process is None:
        time.sleep(0.01)
    if kept:
        (tmp_path / "ledger").mkdir()
        (tmp_path / "ledger" / f"{job.name}.json").write_text("{}")
    queue.cancel("r", job.name)
    ended(job)
    assert job.state == ("done" if kept else "cancelled")
    assert ("had finished" in job.message) == kept
