"""Real retrainings in the background, of one order or of many: one at a time, others queue.

One queue for the whole process (`queue()`), so that a retraining survives
reruns, page changes and reloads. Torch stays in the child process.
"""

import json
import logging
import subprocess
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

from reorder_core.errors import OrderError
from reorder_core.orders.order import Order, order_hash
from ui.app.job import Job
from ui.app.spare import Spare, spawn

log = logging.getLogger(__name__)
_KEPT_LINES = 12
MOST_WAITING = 64
"""Jobs that may wait or run at once."""
MOST_ENDED = 50
"""Ended jobs that are remembered, so that a page can say how they ended."""


class Jobs:
    """A queue with one worker thread that lives while there is work."""

    def __init__(self, spare: Spare | None = None) -> None:
        """`spare`: a process that is kept ready for the next retraining; None: none is."""
        self._spare = spare
        self._lock = threading.Lock()
        self._waiting: deque[Job] = deque()
        self._jobs: dict[tuple[str, str], Job] = {}
        self._worker: threading.Thread | None = None
        self.ended = 0
        """How many jobs have come to an end, whichever."""

    def submit(self, run_path: Path, run_id: str, order: Order, title: str = "") -> Job:
        """The job for this order: the one under way, or a new one."""
        return self._enqueue(Job(run_path, run_id, order_hash(order), order, title))

    def submit_batch(
        self, run_path: Path, run_id: str, name: str, arguments: tuple[str, ...]
    ) -> Job:
        """The job of that name: the one under way, or a new one of a whole command."""
        return self._enqueue(Job(run_path, run_id, name, None, arguments=arguments))

    def _enqueue(self, job: Job) -> Job:
        with self._lock:
            known = self._jobs.get(job.key)
            if known is not None and known.active:
                return known
            under_way = sum(other.active for other in self._jobs.values())
            if under_way >= MOST_WAITING:
                raise OrderError(
                    f"{under_way} retrainings wait already, and at most {MOST_WAITING} may; "
                    "cancel some, or wait"
                )
            self._jobs.pop(job.key, None)  # asked for again, it comes last
            self._jobs[job.key] = job
            self._forget()
            self._waiting.append(job)
            if self._worker is None or not self._worker.is_alive():
                self._worker = threading.Thread(target=self._work, daemon=True, name="retrain")
                self._worker.start()
        return job

    def _forget(self) -> None:
        """Keep only the last of those that have ended."""
        ended = [key for key, job in self._jobs.items() if not job.active]
        for key in ended[:-MOST_ENDED]:
            del self._jobs[key]

    def find(self, run_id: str, name: str) -> Job | None:
        return self._jobs.get((run_id, name))

    def all(self, run_id: str) -> list[Job]:
        """The run's jobs in the order they were asked for."""
        with self._lock:
            return [job for job in self._jobs.values() if job.run_id == run_id]

    def active(self, run_id: str) -> list[Job]:
        """Those that wait or run."""
        return [job for job in self.all(run_id) if job.active]

    def cancel(self, run_id: str, name: str) -> None:
        """Take a job out of the queue, or stop its process; what a batch has done is kept."""
        with self._lock:
            job = self._jobs.get((run_id, name))
            if job is None or not job.active:
                return
            job.state = "cancelled"
            if job in self._waiting:
                self._waiting.remove(job)
                self.ended += 1
            if job.process is not None:
                job.process.terminate()

    def prepare(self) -> None:
        """A retraining may be asked for soon: load PyTorch ahead, unless one is under way."""
        if self._spare is not None and self._worker is None:
            self._spare.prepare()

    def _next(self) -> Job | None:
        with self._lock:
            if not self._waiting:
                self._worker = None
                return None
            job = self._waiting.popleft()
            job.state, job.started = "running", time.monotonic()
            job.label = "starting" if job.order is None else "loading PyTorch"
            return job

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                self._run(job)
            except OSError as error:
                job.state, job.message = "failed", str(error)
            self.ended += 1
            if self._spare is not None and job.state == "done":
                self._spare.prepare()  # who judged one order may well judge another

    def _run(self, job: Job) -> None:
        command = (*_arguments(job), "--json")
        ready = self._spare.take(command) if self._spare is not None else None
        with ready or spawn("reorder_core", *command) as process:
            with self._lock:
                job.process = process
                if job.state == "cancelled":
                    process.terminate()
            _hand_over(job, process)
            words = _follow(job, process)
        _close(job, process.returncode, words)


def _arguments(job: Job) -> tuple[str, ...]:
    """The job's command; an order is handed over by `_hand_over`, and no file is left behind."""
    if job.order is None:
        return job.arguments
    return ("retrain", str(job.run_path), "--order", "/dev/stdin")


def _hand_over(job: Job, process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as stream:  # its process may have ended
        if job.order is not None:
            stream.write(json.dumps({"run": job.run_id, "order": job.order.tolist()}))


def _follow(job: Job, process: subprocess.Popen[str]) -> list[str]:
    """Read progress until the process ends; returns its last other lines."""
    words: deque[str] = deque(maxlen=_KEPT_LINES)
    for line in process.stderr or ():
        parts = line.split(maxsplit=3)
        if len(parts) >= 3 and parts[0] == "progress" and parts[1].isdigit() and parts[2].isdigit():
            job.note(parts[3].strip() if len(parts) > 3 else "", int(parts[1]), int(parts[2]))
        elif line.strip():
            words.append(line.strip())
            job.write(line.strip())
    return list(words)


def _close(job: Job, code: int, words: list[str]) -> None:
    """Say how it ended; a cancelled one that was done before it heard of it is done."""
    if job.state == "cancelled" and code != 0 and not _is_kept(job):
        job.write("cancelled")
        return
    if job.state == "cancelled":
        job.message = "it had finished before it could be cancelled; the result is kept"
        code = 0
    job.state = "done" if code == 0 else "failed"
    job.write(f"{job.state} after {time.monotonic() - job.started:.0f} s")
    if code != 0:
        job.message = (
            words[-1].removeprefix("error: ")
            if words
            else f"the retraining ended with exit code {code}"
        )
        log.warning("retraining failed (%s): %s", code, " | ".join(words))


def _is_kept(job: Job) -> bool:
    """Whether an order's retraining lies in the ledger, where no job begins with one."""
    return job.order is not None and (job.run_path / "ledger" / f"{job.name}.json").is_file()


_queue = Jobs(Spare())


def queue() -> Jobs:
    """The one queue of this process: no message of a browser can drop it, as it can a cache."""
    return _queue
