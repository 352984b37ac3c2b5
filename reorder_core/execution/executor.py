"""How tasks get done: one after another in this process, or by an Executor of many workers."""

import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from reorder_core.errors import ExecutionError
from reorder_core.execution.task import Place, Shards, Task, Workplace, perform
from reorder_core.store.files import Arrays

OnDone = Callable[[], None]
"""Called when one more task's shard is written, by one thread at a time."""


class Executor(AbstractContextManager["Executor"], Protocol):
    """Does tasks; used in a `with`, at whose end its workers go."""

    def run(self, place: Place, tasks: Sequence[Task], shards: Shards, on_done: OnDone) -> None:
        """When this returns every task's shard is written.

        Raises ExecutionError for a worker that died again and again, and what a unit raised.
        """
        ...


class InProcess(AbstractContextManager["InProcess"]):
    """One task after another, here."""

    def __exit__(self, *_: object) -> None:
        return None

    def run(self, place: Place, tasks: Sequence[Task], shards: Shards, on_done: OnDone) -> None:
        workplace = Workplace(place)
        for asked in tasks:
            shards.write(asked, perform(workplace, asked))
            on_done()


def do_in_order(
    executor: Executor,
    place: Place,
    tasks: Sequence[Task],
    shards: Shards,
    on_progress: Callable[[int, int], None],
    take: Callable[[int, Arrays], None],
) -> None:
    """Has tasks done and hands over what each gave, in the order of the tasks.

    `take(number, arrays)` is called as soon as this and all before it are done, never twice
    at a time, though from any thread. Shards of an earlier attempt are used.
    """
    missing = [asked for asked in tasks if not shards.has(asked)]
    done, taken = len(tasks) - len(missing), 0
    on_progress(done, len(tasks))

    def hand_over() -> None:
        nonlocal taken
        while taken < len(tasks) and shards.path(tasks[taken]).is_file():
            take(taken, shards.read(tasks[taken]))
            taken += 1

    def count() -> None:
        nonlocal done
        done += 1
        hand_over()
        on_progress(done, len(tasks))

    hand_over()
    if missing:
        executor.run(place, missing, shards, count)
    assert taken == len(tasks), f"{taken} of {len(tasks)} tasks came to an end"


def forget(shards: Path) -> None:
    """Delete a folder of shards that nobody needs any more."""
    shutil.rmtree(shards, ignore_errors=True)


def open_executor(name: str, workers: int) -> Executor:
    """`here`, `local` with that many processes, `ray` or `ray:ADDRESS`.

    Raises ExecutionError for another name, and where ray is not installed or not reached.
    """
    kind, _, address = name.partition(":")
    if kind == "here" and not address:
        return InProcess()
    if kind == "local" and not address:
        from reorder_core.execution.local import LocalWorkers

        return LocalWorkers(workers)
    if kind == "ray":
        from reorder_core.execution.on_ray import OnRay

        return OnRay(address, workers)
    raise ExecutionError(
        f"no executor {name[:60]!r}; known: here, local, ray, ray:ADDRESS "
        "(--workers says how many processes)"
    )
