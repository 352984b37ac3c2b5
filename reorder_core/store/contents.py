"""What a run's published files hold, compared with their digests before it is believed.

A file is read into memory and the digest is taken of what was read, so that
whatever happens to it on disk afterwards reaches no number. Only very large
ones are mapped instead, and compared again whenever their folder shows a change.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from reorder_core.store.files import Content, FileState, mapped, state_of
from reorder_core.store.manifest import FileRecord, check_digest, check_files

KEPT = 64 << 20
"""Bytes; larger files are read anew each time, which is once an estimator."""
MAPPED = 512 << 20
"""Bytes from which a file is mapped."""


class Contents:
    """The published files of one run, read at most once each."""

    def __init__(self, folder: Path, files: Mapping[str, FileRecord]) -> None:
        self._folder, self._files = folder, files
        self._kept: dict[str, Content] = {}
        self._checked: dict[str, FileState | None] = {}

    def __contains__(self, name: str) -> bool:
        """Whether the run was published with that file."""
        return name in self._files

    def read(self, name: str) -> Content:
        """The file as it was published; StoreError where it is missing, cut off or altered."""
        kept = self._kept.get(name)
        if kept is not None:
            return kept
        record = self._files[name]
        content = self._mapped(name) if record.bytes > MAPPED else self._in_memory(name)
        if record.bytes <= KEPT:
            self._kept[name] = content
        return content

    def _in_memory(self, name: str) -> bytes:
        path, record = self._folder / name, self._files[name]
        try:
            with path.open("rb") as file:
                content = file.read(record.bytes + 1)
        except OSError:
            content = b""
        if len(content) != record.bytes:
            check_files(self._folder, {name: record}, ())
        check_digest(path, record, hashlib.sha256(content).hexdigest())
        return content

    def _mapped(self, name: str) -> Content:
        state = state_of(self._folder / name)
        if state is None or self._checked.get(name) != state:
            check_files(self._folder, {name: self._files[name]})
            self._checked[name] = state
        return mapped(self._folder / name)

    def read_all(self, names: set[str]) -> None:
        """Compare the sizes of all files and the digests of these; StoreError names the first."""
        check_files(self._folder, dict(self._files), ())
        for name in self._files:
            if name in names:
                self.read(name)
