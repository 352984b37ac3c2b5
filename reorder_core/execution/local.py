"""Worker processes on this machine, which stay for all tasks of a command."""

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from reorder_core.errors import ExecutionError, ReorderError
from reorder_core.execution.executor import OnDone
from reorder_core.execution.task import Place, Shards, Task

log = logging.getLogger(__name__)
ATTEMPTS = 3
"""How often a task is given out whose worker dies."""
MOST_WORKERS = 256


class WorkerDied(Exception):
    """A worker's process ended before its answer."""


class LocalWorkers(AbstractContextManager["LocalWorkers"]):
    """So many processes; a task whose worker dies is given to a new one."""

    def __init__(self, workers: int) -> None:
        if not 1 <= workers <= MOST_WORKERS:
            raise ExecutionError(f"{workers} workers were asked for; give 1 to {MOST_WORKERS}")
        self._workers = [_Worker() for _ in range(workers)]

    @property
    def processes(self) -> list[int]:
        """Ids of the worker processes that live."""
        return [found for worker in self._workers if (found := worker.process_id)]

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.stop()

    def run(self, place: Place, tasks: Sequence[Task], shards: Shards, on_done: OnDone) -> None:
        """See Executor."""
        waiting, lock, faults = deque(tasks), threading.Lock(), list[BaseException]()

        def serve(worker: _Worker) -> None:
            try:
                while not faults:
                    with lock:
                        if not waiting:
                            return
                        task = waiting.popleft()
                    _done(worker, place, task, shards)
                    with lock:
                        on_done()
            except BaseException as error:
                faults.append(error)

        threads = [
            threading.Thread(target=serve, args=(worker,), daemon=True)
            for worker in self._workers[: len(tasks)]
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if faults:
            raise faults[0]


def _done(worker: "_Worker", place: Place, task: Task, shards: Shards) -> None:
    question = {
        "place": place.to_json(), "unit": task.unit, "arguments": dict(task.arguments),
        "shards": str(shards.folder),
    }  # fmt: skip
    for attempt in range(1, ATTEMPTS + 1):
        try:
            answer = worker.ask(question)
        except WorkerDied as error:
            log.warning("%s; task %s is done again", error, task.name)
            if attempt == ATTEMPTS:
                raise ExecutionError(
                    f"{error}, {ATTEMPTS} times in a row on task {task.name}; what is done is "
                    "kept, the same command goes on from there (memory? fewer --workers)"
                ) from None
            continue
        if answer["done"]:
            return
        if "told" in answer:
            raise ReorderError(answer["told"])
        raise ExecutionError(f"a worker failed on task {task.name}: {answer['fault']}\n"
                             f"{answer['trace']}")  # fmt: skip


class _Worker:
    """One process, started when it is first asked, and again when it has died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._words: BinaryIO | None = None

    @property
    def process_id(self) -> int | None:
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        process = self._started()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps(question).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = b""
        if not line.endswith(b"\n"):
            words = self._last_words()
            self.stop()
            raise WorkerDied(f"a worker ended with exit code {process.returncode}{words}")
        return json.loads(line)

    def _started(self) -> subprocess.Popen[bytes]:
        if self.process_id is None:
            self.stop()
            root = str(Path(__file__).parents[2])
            paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
            self._words = tempfile.TemporaryFile()  # noqa: SIM115
            self._process = subprocess.Popen(
                [sys.executable, "-m", "reorder_core.execution.worker"],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._words,
            )  # fmt: skip
        assert self._process is not None
        return self._process

    def _last_words(self) -> str:
        if self._words is None:
            return ""
        self._words.seek(0)
        lines = self._words.read()[-4000:].decode(errors="replace").strip().splitlines()
        return f" ({lines[-1][:300]})" if lines else ""

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(BrokenPipeError):
                        pipe.close()
        if self._words is not None:
            self._words.close()
            self._words = None
