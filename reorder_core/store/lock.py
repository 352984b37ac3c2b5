"""One build at a time in a folder; the lock dies with its process, however that ends."""

import fcntl
import json
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from reorder_core.errors import ConfigError, RunBusy

_LOCK_FILE = ".lock"
_PATIENCE = 0.5  # seconds: a reader that looks whether the lock is held holds it for an instant


class BuildLock:
    """`with BuildLock(folder):` owns the folder; RunBusy where another build does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / _LOCK_FILE
        self._handle = -1

    def __enter__(self) -> "BuildLock":
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._handle = self._acquired()
        except (FileExistsError, NotADirectoryError, PermissionError) as error:
            raise ConfigError(
                f"cannot build into {self.folder} ({error.strerror}); choose another --out"
            ) from None
        record = {"pid": os.getpid(), "since": time.strftime("%H:%M:%S")}
        os.ftruncate(self._handle, 0)
        os.write(self._handle, json.dumps(record).encode())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Unlinked while held: whoever waits on this file finds that it is no longer the path's.
        self.path.unlink(missing_ok=True)
        os.close(self._handle)

    def _acquired(self) -> int:
        until = time.monotonic() + _PATIENCE
        while True:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            if _locks(handle, fcntl.LOCK_EX) and _is_still(self.path, handle):
                return handle
            os.close(handle)
            if time.monotonic() > until:
                raise RunBusy(
                    f"another build {_told(lock_holder(self.folder))}is writing into "
                    f"{self.folder}; wait for it or choose another --out"
                )
            time.sleep(0.02)


def lock_holder(folder: Path) -> dict[str, Any] | None:
    """Process id and start time of the build that owns the folder; None where none does."""
    try:
        handle = os.open(folder / _LOCK_FILE, os.O_RDONLY)
    except OSError:
        return None
    try:
        if _locks(handle, fcntl.LOCK_SH):
            return None
        return _record(os.read(handle, 1000))
    finally:
        os.close(handle)


def _record(content: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(content))
    except (ValueError, TypeError):  # caught between taking the lock and signing it
        return {}


def _told(holder: dict[str, Any] | None) -> str:
    return f"(process id {holder['pid']}, since {holder['since']}) " if holder else ""


def _locks(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False
