"""A process that has loaded PyTorch and waits, so that a retraining need not wait for it."""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

log = logging.getLogger(__name__)
ROOT = Path(__file__).parents[2]
KEPT = 900.0
"""Seconds that an unused one is kept: it holds about 430 MB."""


def spawn(*arguments: str) -> "subprocess.Popen[str]":
    """A Python that reads what it is told, and says on its standard error how far it is."""
    return subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=ROOT, text=True, errors="replace",
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


class Spare:
    """At most one such process. It ends when this one does: nobody holds its input then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._timer: threading.Timer | None = None

    def prepare(self) -> None:
        """Start one, unless one waits; it is kept for so long again."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                try:
                    self._process = spawn("reorder_core.cli.ready")
                except OSError as error:  # without it, a retraining loads PyTorch itself
                    log.warning("no process can be kept ready: %s", error)
                    return
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(KEPT, self.stop)
            self._timer.daemon = True
            self._timer.start()

    def take(self, arguments: Sequence[str]) -> "subprocess.Popen[str] | None":
        """The process, told to be that command of `python -m reorder_core`; None: there is none."""
        process = self._let_go()
        if process is None or process.stdin is None or process.poll() is not None:
            return None
        try:
            process.stdin.write(json.dumps(list(arguments)) + "\n")
            process.stdin.flush()
        except OSError:
            return None
        return process

    def stop(self) -> None:
        """End the one that waits."""
        process = self._let_go()
        if process is not None:
            process.terminate()
            process.communicate()

    def _let_go(self) -> "subprocess.Popen[str] | None":
        with self._lock:
            process, self._process = self._process, None
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        return process
