"""What is brought in: a folder or a zip archive as names and contents, its dangers refused.

Nothing is written by a name that the source gives before the name was checked,
no link is followed, and no more is read than was declared.
"""

import os
import stat
import struct
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol

from reorder_core.errors import StoreError

MOST_FILES = 20_000
LARGEST = 4 << 30
"""Bytes of all files of an archive, unpacked."""
STEEPEST = 100
"""How often smaller than its content an archive may be; arrays and JSON hardly reach 10."""
SMALL = 64 << 20
"""Bytes unpacked that no ratio is asked of."""
_LARGEST_DIRECTORY = 4 << 20
_LONGEST_NAME = 200
_CHUNK = 1 << 20
_END, _END_SIZE, _LOCATOR, _LOCATOR_SIZE = b"PK\x05\x06", 22, b"PK\x06\x07", 20
_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Source(Protocol):
    """Files by their names, which are relative, with `/` between folders."""

    @property
    def title(self) -> str:
        """Where it comes from, for messages."""
        ...

    @property
    def sizes(self) -> Mapping[str, int]:
        """Name → bytes."""
        ...

    def copy(self, name: str, target: Path, at_most: int) -> None:
        """Write that file; StoreError where it holds more than `at_most` bytes."""
        ...


class FolderSource:
    """A folder on this machine."""

    def __init__(self, folder: Path) -> None:
        """Raises StoreError for links, devices and too many files inside."""
        self.title, self._folder = str(folder), folder
        self.sizes: dict[str, int] = {}
        for root, folders, files in os.walk(folder, onerror=_fails):
            for name in (*folders, *files):
                path = Path(root, name)
                mode = path.lstat().st_mode
                if stat.S_ISLNK(mode):
                    raise StoreError(f"{path} is a link; copy the file itself into its place")
                if name in files:
                    if not stat.S_ISREG(mode):
                        raise StoreError(f"{path} is no ordinary file; take it out")
                    self.sizes[path.relative_to(folder).as_posix()] = path.stat().st_size
            _counted(self.title, len(self.sizes))

    def copy(self, name: str, target: Path, at_most: int) -> None:
        """Write that file; StoreError where it holds more than `at_most` bytes."""
        with (self._folder / name).open("rb") as found:
            _written(self.title, name, found, target, at_most)


class ZipSource:
    """A zip archive, opened by `zip_source`."""

    def __init__(self, title: str, archive: zipfile.ZipFile) -> None:
        """Raises StoreError for names that lead out, links, bombs, encryption."""
        self.title, self._archive = title, archive
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        _counted(title, len(entries))
        for entry in archive.infolist():
            _refuse_entry(title, entry)
        names = [entry.filename for entry in entries]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise StoreError(f"{title} holds {twice!r} twice; pack it again")
        self.sizes = {entry.filename: entry.file_size for entry in entries}
        _refuse_bomb(title, entries)

    def copy(self, name: str, target: Path, at_most: int) -> None:
        """Write that file; StoreError where it is damaged or holds more than `at_most` bytes."""
        try:
            with self._archive.open(name) as found:
                _written(self.title, name, found, target, at_most)
        except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as error:
            raise StoreError(f"{self.title}: {name} cannot be unpacked ({error})") from None
        except Exception as error:  # zlib.error is a plain Exception
            if type(error).__module__ != "zlib":
                raise
            raise StoreError(f"{self.title}: {name} cannot be unpacked ({error})") from None


@contextmanager
def zip_source(title: str, content: Path | BinaryIO) -> Any:
    """The archive as a source; StoreError where it is none, or one that is not to be trusted."""
    try:
        with content.open("rb") if isinstance(content, Path) else _kept(content) as file:
            _refuse_large_directory(title, file)
            with zipfile.ZipFile(file) as archive:
                yield ZipSource(title, archive)
    except zipfile.BadZipFile as error:
        raise StoreError(f"{title} is no zip archive that can be read ({error})") from None


@contextmanager
def _kept(file: BinaryIO) -> Any:
    """A file that whoever gave it closes."""
    yield file


def checked_name(title: str, name: str) -> str:
    """The name; StoreError where it could lead out of the folder it is unpacked into."""
    parts = name.removesuffix("/").split("/")
    wrong = (
        "\\" in name or ":" in parts[0] or name.startswith("/")
        or any(part in ("", ".", "..") for part in parts)
        or not name.isprintable() or len(name) > _LONGEST_NAME
    )  # fmt: skip
    if wrong:
        raise StoreError(
            f"{title} holds the name {name[:_LONGEST_NAME]!r}, which leads elsewhere or is no "
            "plain relative name; nothing of it was taken"
        )
    return name


def _refuse_entry(title: str, entry: zipfile.ZipInfo) -> None:
    checked_name(title, entry.orig_filename)
    checked_name(title, entry.filename)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind and not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        raise StoreError(f"{title}: {entry.filename} is a link or a device; pack the file itself")
    if entry.flag_bits & 1:
        raise StoreError(f"{title}: {entry.filename} is encrypted; pack it without a password")
    if entry.compress_type not in _PLAIN:
        raise StoreError(
            f"{title}: {entry.filename} is packed by method {entry.compress_type}; "
            "use deflate, as `zip -r` does, or none"
        )


def _refuse_bomb(title: str, entries: Iterable[zipfile.ZipInfo]) -> None:
    entries = list(entries)
    size = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if size > LARGEST:
        raise StoreError(
            f"{title} would unpack to {size / 1e9:.1f} GB; at most {LARGEST / 1e9:.1f} are taken: "
            "unpack it yourself and import the folder"
        )
    if size > SMALL and size > STEEPEST * packed:
        raise StoreError(
            f"{title} would unpack to {size / max(1, packed):,.0f} times its size, as a zip bomb "
            f"does; a run's files hardly shrink, and at most {STEEPEST} times is taken"
        )


def _refuse_large_directory(title: str, file: BinaryIO) -> None:
    """Before Python reads the list of names, of which each takes a kilobyte of memory."""
    file.seek(0, os.SEEK_END)
    size = file.tell()
    file.seek(max(0, size - _END_SIZE - 65_535 - _LOCATOR_SIZE))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_SIZE:
        raise StoreError(f"{title} is no zip archive that can be read (it has no end record)")
    if tail[max(0, at - _LOCATOR_SIZE) : at].startswith(_LOCATOR):
        raise StoreError(
            f"{title} is a zip64 archive, for more than 4 GB or 65,535 files; "
            "unpack it yourself and import the folder"
        )
    (directory,) = struct.unpack_from("<L", tail, at + 12)
    if directory > _LARGEST_DIRECTORY:
        raise StoreError(f"{title} lists {directory:,} bytes of names; a run has some hundred")
    file.seek(0)


def _written(title: str, name: str, found: IO[bytes], target: Path, at_most: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        pour(title, name, found, file, at_most)


def pour(title: str, name: str, found: IO[bytes], file: BinaryIO, at_most: int) -> None:
    """All that `found` holds into `file`; StoreError where that is more than `at_most` bytes."""
    while chunk := found.read(_CHUNK):
        at_most -= len(chunk)
        if at_most < 0:
            raise StoreError(f"{title}: {name} holds more than it should; nothing was taken")
        file.write(chunk)


def _counted(title: str, count: int) -> None:
    if count > MOST_FILES:
        raise StoreError(f"{title} holds more than {MOST_FILES:,} files; a run has some hundred")


def _fails(error: OSError) -> None:
    raise error
