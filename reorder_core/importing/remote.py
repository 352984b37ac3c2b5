"""A published run in object storage or behind another address that fsspec knows.

Its files never change, so they are copied here once, digests compared, and read from the copy;
what grew beside the run since then is fetched at every opening.
"""

import hashlib
import os
from pathlib import Path
from typing import Any, BinaryIO

from reorder_core.errors import StoreError
from reorder_core.importing.bringing import (
    LARGEST_GROWN,
    LARGEST_TEXT,
    bring_in,
    grown_in,
    root_of,
)
from reorder_core.importing.sources import checked_name, pour
from reorder_core.store.files import replacing
from reorder_core.store.manifest import RUN_FILE


def is_address(place: Path | str) -> bool:
    """Whether it names a store, as in `s3://bucket/run`, and no folder of this machine."""
    return "://" in str(place)


def local_copy(address: str, home: Path | None = None) -> Path:
    """The folder here that holds the run at that address, up to date.

    One folder in `home` (REORDER_COPIES, else a cache folder of the user) for each build that
    was met there. Raises StoreError where it cannot be reached, is no run or is damaged.
    """
    source = AddressSource(address)
    root = root_of(source)
    build = hashlib.sha256(source.read(root + RUN_FILE)).hexdigest()[:16]
    folder = (home or _copies()) / build
    kept = next((path.parent for path in folder.glob(f"*/{RUN_FILE}")), None)
    if kept is None:
        return bring_in(source, folder).path
    for name, size in grown_in(source, root).items():
        target = kept / name
        if not target.is_file() or target.stat().st_size != size:
            with replacing(target) as file:
                source.pour(root + name, file, LARGEST_GROWN)
    return kept


class AddressSource:
    """Files of a folder at an address."""

    def __init__(self, address: str) -> None:
        """Lists them; StoreError where that fails, or a name would lead out of a folder."""
        from fsspec.core import url_to_fs

        self.title = address
        try:
            self._fs, top = url_to_fs(address)
            found = self._fs.find(top, detail=True)
        except Exception as error:  # each kind of store has its own
            raise self._failed("listed", error) from None
        self._top = str(top).rstrip("/")
        self.sizes: dict[str, int] = {}
        for path, entry in found.items():
            name = checked_name(address, path.removeprefix(self._top).lstrip("/"))
            self.sizes[name] = int(entry.get("size") or 0)

    def copy(self, name: str, target: Path, at_most: int) -> None:
        """Write that file; StoreError where it cannot be read or holds more than `at_most`."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            self.pour(name, file, at_most)

    def pour(self, name: str, file: BinaryIO, at_most: int) -> None:
        """The same into an open file."""
        try:
            with self._open(name) as found:
                pour(self.title, name, found, file, at_most)
        except StoreError:
            raise
        except Exception as error:
            raise self._failed(f"read ({name})", error) from None

    def read(self, name: str) -> bytes:
        """What a small file holds."""
        try:
            with self._open(name) as found:
                return found.read(LARGEST_TEXT)
        except Exception as error:
            raise self._failed(f"read ({name})", error) from None

    def _open(self, name: str) -> Any:
        return self._fs.open(f"{self._top}/{name}", "rb")

    def _failed(self, what: str, error: Exception) -> StoreError:
        return StoreError(
            f"{self.title} could not be {what}: {type(error).__name__}: {error}"[:600]
            + "; is the address right, and what fsspec needs for it installed and signed in?"
        )


def _copies() -> Path:
    named = os.environ.get("REORDER_COPIES")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(named) if named else cache / "reorder" / "runs"
