"""Progress of long work on stderr: bars for a person, plain lines for a program."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_SECONDS_BETWEEN_LINES = 1.0


class ProgressReport:
    """`with ProgressReport() as on_progress:` gives an `on_progress(label, done, total)`.

    On a terminal each label has a bar with the time left. Elsewhere a line
    `progress <done> <total> <label>` appears, at most one a second of each label.
    """

    def __init__(
        self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream, self._clock = stream or sys.stderr, clock
        self._last, self._label = float("-inf"), ""
        self._bars = _bars(self._stream) if self._stream.isatty() else None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "ProgressReport":
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars:
            self._bars.stop()

    def __call__(self, label: str, done: int, total: int) -> None:
        if self._bars:
            self._draw(self._bars, label, done, total)
        elif label != self._label or self._clock() - self._last >= _SECONDS_BETWEEN_LINES:
            self._last, self._label = self._clock(), label
            print(f"progress {done} {total} {label}", file=self._stream, flush=True)

    def _draw(self, bars: Progress, label: str, done: int, total: int) -> None:
        if label not in self._tasks:
            self._tasks[label] = bars.add_task(label, total=total)
        bars.update(self._tasks[label], completed=done, total=total)


def _bars(stream: TextIO) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(file=stream),
    )
