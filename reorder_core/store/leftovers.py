"""What killed processes left: parts of files beside a run, folders for a moment's use.

Both carry their owner's process id in their name, and a part is locked while it
is written. Only what no living process on this machine owns is deleted.
"""

import fcntl
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger(__name__)
GROWING = ("ledger", "fidelity", "curricula", "cache", "measured", "measured/recall")
"""Folders beside a published run that others write into at any time."""
_PART = re.compile(r"\.(\d+)-\d+\.part$")
_SCRATCH = re.compile(r"^reorder-(\d+)-")


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder of this process that goes away; one that a kill left is removed by the next."""
    remove_scratch()
    with tempfile.TemporaryDirectory(prefix=f"reorder-{os.getpid()}-") as folder:
        yield Path(folder)


def remove_scratch(where: Path | None = None) -> None:
    """Delete our folders in the system's temporary one whose process has ended."""
    for folder in (where or Path(tempfile.gettempdir())).glob("reorder-*"):
        named = _SCRATCH.match(folder.name)
        if named and folder.is_dir() and not folder.is_symlink() and _has_ended(int(named[1])):
            log.info("removed %s, whose process has ended", folder)
            shutil.rmtree(folder, ignore_errors=True)


def remove_left(run: Path) -> None:
    """Delete the parts of files that killed processes left beside a run; what cannot be, stays."""
    for name in GROWING:
        for part in (run / name).glob("*.part"):
            named = _PART.search(part.name)
            if named and _has_ended(int(named[1])) and not _is_locked(part):
                with suppress(OSError):  # a folder that is not ours to write
                    part.unlink()
                    log.info("removed %s, whose process has ended", part)


def _has_ended(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False  # somebody else's, or no process id of ours
    return False


def _is_locked(part: Path) -> bool:
    """Whether its writer lives, on another machine, too; one that cannot be asked counts as it."""
    try:
        handle = os.open(part, os.O_RDONLY)
    except OSError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
    finally:
        os.close(handle)
