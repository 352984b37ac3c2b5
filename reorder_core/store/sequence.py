"""Numbers for what many processes append to a folder: each once, in the order of appending."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SEQUENCE_FILE = ".sequence"
"""Holds the last number given, so that one is not given again when its file is deleted."""
_PATIENCE = 5.0  # seconds: numbering and writing take some milliseconds


@contextmanager
def next_number(folder: Path, highest: Callable[[], int]) -> Iterator[int]:
    """A number above `highest()` and all given before, kept when the block ends well.

    Nobody else gets one meanwhile. Where a lock cannot be had in some seconds
    (its owner is stopped, or the file system has none) this goes on without: two
    files may then have one number, and readers sort them by name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / SEQUENCE_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _locked_soon(handle)
        number = max(_last(handle), highest()) + 1
        yield number
        os.pwrite(handle, f"{number:>20}\n".encode(), 0)
    finally:
        os.close(handle)


def _last(handle: int) -> int:
    try:
        return int(os.pread(handle, 21, 0))
    except ValueError:
        return 0


def _locked_soon(handle: int) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                return
            time.sleep(0.005)
        except OSError:
            return
