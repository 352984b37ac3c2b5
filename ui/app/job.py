"""A job of the queue: what it is to do, how far it is, when it should end."""

import math
import subprocess
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from reorder_core.orders.order import Order

LOGGED = 400
"""Lines of a job's log that are kept."""
State = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass(eq=False)
class Job:
    """What a child process is to do for a run: retrain one order, or a command's many."""

    run_path: Path
    run_id: str
    name: str
    """Tells it from the run's other jobs: the order's hash, or the batch's name."""
    order: Order | None
    """None for a batch."""
    title: str = ""
    """What it is in words; a batch goes by its name."""
    arguments: tuple[str, ...] = ()
    """Of a batch: those of `python -m reorder_core`."""
    state: State = "queued"
    done: int = 0
    total: int = 0
    label: str = "waiting"
    started: float = 0.0
    """time.monotonic() when it began"""
    message: str = ""
    """Why it failed, in the child's words."""
    log: deque[str] = field(default_factory=lambda: deque(maxlen=LOGGED), repr=False)
    """What the child said, and when it came to what; the latest last."""
    process: subprocess.Popen[str] | None = field(default=None, repr=False)
    _phase: tuple[str, float, int] = ("", 0.0, 0)
    """Label of what is counted, when it was first told of, and how much was done then."""
    _end: float = math.inf
    """time.monotonic() when this phase should end, as told last; it only comes nearer."""

    @property
    def key(self) -> tuple[str, str]:
        return (self.run_id, self.name)

    @property
    def active(self) -> bool:
        return self.state in ("queued", "running")

    def note(self, label: str, done: int, total: int) -> None:
        """Take in how far the child says it is."""
        now = time.monotonic()
        if label != self._phase[0]:
            self.write(label)
        if label != self._phase[0] or total != self.total:
            self._phase, self._end = (label, now, done), math.inf
        self.label, self.done, self.total = label, done, total
        _, since, before = self._phase
        if total and done > before:
            self._end = min(self._end, now + (now - since) / (done - before) * (total - done))

    def write(self, line: str) -> None:
        """Append a line to the log, with the time of day."""
        self.log.append(f"{time.strftime('%H:%M:%S')} {line}")

    @property
    def left(self) -> float | None:
        """Seconds until what is counted now should end; None before that is known.

        Counted from its own first step, not from the start of a process that
        first has to load PyTorch; from one look to the next it never grows.
        """
        if self.state != "running" or math.isinf(self._end):
            return None
        return max(0.0, self._end - time.monotonic())
