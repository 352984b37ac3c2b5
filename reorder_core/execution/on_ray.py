"""Ray's workers, on this machine or a cluster that sees the run's folder at the same path.

What travels is JSON in and a shard's bytes out; Ray's own transport carries the
name of `_performed`. Where a worker dies Ray gives its task to another.
"""

import importlib
import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from reorder_core.errors import ExecutionError, ReorderError
from reorder_core.execution.executor import OnDone
from reorder_core.execution.task import Place, Shards, Task, Workplace, perform, placed
from reorder_core.store.files import replacing

ATTEMPTS = 3
_here: dict[str, Workplace] = {}


def _performed(question: str) -> tuple[str, bytes]:
    """In a worker of Ray: ("", a shard's bytes), or (what a user should be told, nothing)."""
    value = json.loads(question)
    task = Task(value["unit"], value["arguments"])
    key = json.dumps(value["place"])
    if key not in _here:
        _here.clear()
        _here[key] = Workplace(placed(value["place"]))
    workplace = _here[key]
    with tempfile.TemporaryDirectory(prefix=f"reorder-{os.getpid()}-") as folder:
        shards = Shards(Path(folder), workplace.place.basis)
        try:
            shards.write(task, perform(workplace, task))
        except ReorderError as error:
            return str(error), b""
        return "", shards.path(task).read_bytes()


class OnRay(AbstractContextManager["OnRay"]):
    """A cluster of Ray by its address, or, without one, Ray started here for this command."""

    def __init__(self, address: str, workers: int) -> None:
        try:
            ray = importlib.import_module("ray")
        except ModuleNotFoundError:
            raise ExecutionError("the executor ray needs Ray: pip install ray") from None
        self._ray: Any = ray
        root = str(Path(__file__).parents[2])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        options: dict[str, Any] = {
            "runtime_env": {"env_vars": {"PYTHONPATH": os.pathsep.join(paths)}},
            "log_to_driver": False, "include_dashboard": False, "logging_level": "ERROR",
        }  # fmt: skip
        if address:
            del options["include_dashboard"]
            options["address"] = address
        else:
            options["num_cpus"] = workers
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        try:
            ray.init(**options)
        except (ConnectionError, ValueError, RuntimeError) as error:
            where = f"a cluster of Ray at {address!r}" if address else "Ray on this machine"
            raise ExecutionError(f"cannot reach {where} ({error})") from None

    def __exit__(self, *_: object) -> None:
        self._ray.shutdown()

    def run(self, place: Place, tasks: Sequence[Task], shards: Shards, on_done: OnDone) -> None:
        """See Executor."""
        where = Place(place.folder.resolve(), place.config, place.basis).to_json()
        remote = self._ray.remote(num_cpus=1, max_retries=ATTEMPTS - 1)(_performed)
        asked = {
            remote.remote(
                json.dumps({"place": where, "unit": task.unit, "arguments": dict(task.arguments)})
            ): task
            for task in tasks
        }
        waiting = list(asked)
        while waiting:
            (ready,), waiting = self._ray.wait(waiting, num_returns=1)
            try:
                told, content = self._ray.get(ready)
            except self._ray.exceptions.RayError as error:
                for other in waiting:
                    self._ray.cancel(other, force=True)
                raise ExecutionError(
                    f"a worker of Ray failed on task {asked[ready].name}: {error}; what is done is "
                    "kept, the same command goes on from there"
                ) from None
            if told:
                for other in waiting:
                    self._ray.cancel(other, force=True)
                raise ReorderError(told)
            with replacing(shards.path(asked[ready])) as file:
                file.write(content)
            on_done()
