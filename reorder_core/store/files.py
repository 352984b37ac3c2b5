"""Files that are whole or not there: arrays, JSON and text, and their digests.

Everything is written to `<name>.<process>.part`, flushed to disk and renamed,
so that a kill at any moment leaves the old file or the new one.
"""

import fcntl
import hashlib
import json
import math
import mmap
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reorder_core.errors import StoreError

Arrays = dict[str, NDArray[Any]]
Content = bytes | mmap.mmap

# safetensors' names for element types; the format is little-endian.
_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2",
    "I8": "|i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
_NAMES = {np.dtype(text): name for name, text in _DTYPES.items()}
_MAX_HEADER = 100_000_000  # safetensors' own limit


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that becomes `path` when the block ends well, and vanishes when not."""
    part = part_of(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with part.open("wb") as file:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # see `leftovers`
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def part_of(path: Path) -> Path:
    """Where this thread writes what will become `path`; two writers never share one."""
    return path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")


def write_text(path: Path, text: str) -> None:
    """`path` holding the text in UTF-8, atomically."""
    with replacing(path) as file:
        file.write(text.encode("utf-8"))


def write_json(path: Path, value: Any, indent: int | None = None) -> None:
    """`path` holding the value as JSON, atomically; NaN and infinities become null."""
    text = json.dumps(finite(value), ensure_ascii=False, indent=indent, allow_nan=False)
    write_text(path, text + "\n")


def finite(value: Any) -> Any:
    """The value with JSON's types only: what is not a finite number becomes None."""
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [finite(item) for item in value]
    if isinstance(value, np.generic):
        # float32's shortest text comes back as the same float32, at half the length.
        value = float(str(value)) if isinstance(value, np.floating) else value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def read_json(path: Path) -> Any:
    """The value in a JSON file; StoreError where there is none or it is damaged."""
    try:
        return json_in(path.read_bytes(), path)
    except FileNotFoundError:
        raise StoreError(f"{path} is missing; build the run again") from None
    except OSError as error:
        raise StoreError(f"{path} is damaged ({error}); build the run again") from None


def json_in(content: Content, path: Path) -> Any:
    """The value in a JSON file's content; `path` names it in errors."""
    try:
        return json.loads(content[:].decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path} is damaged ({error}); build the run again") from None


def write_arrays(
    path: Path, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any] | None = None
) -> None:
    """`path` holding named arrays in the safetensors format, atomically.

    The same arrays and metadata give the same bytes: safetensors' own writer
    shuffles metadata keys, and equal digests are how a resumed build is checked.
    """
    header: dict[str, Any] = {}
    if metadata:
        header["__metadata__"] = {key: str(metadata[key]) for key in sorted(metadata)}
    # Wide elements first, so that every array starts on a multiple of its element size.
    names = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    offset = 0
    for name in names:
        array = arrays[name]
        end = offset + array.nbytes
        code = _NAMES[array.dtype.newbyteorder("<")]
        header[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)
    with replacing(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in names:
            little = arrays[name].astype(arrays[name].dtype.newbyteorder("<"), copy=False)
            file.write(np.ascontiguousarray(little).data)


def read_arrays(path: Path) -> Arrays:
    """The named arrays of a safetensors file: read-only and memory-mapped, nothing copied.

    Raises StoreError for a file that is missing, truncated or not safetensors.
    """
    return arrays_in(mapped(path), path)


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata that `write_arrays` put beside the arrays."""
    return metadata_in(mapped(path), path)


def mapped(path: Path) -> mmap.mmap:
    """A file's content as it is on disk; whoever cuts the file meanwhile ends this process."""
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise StoreError(f"{path} is missing; build the run again") from None
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} is truncated or damaged ({error}); build it again") from None


def arrays_in(content: Content, path: Path) -> Arrays:
    """The arrays in a safetensors file's content, sharing its memory; `path` names it in errors."""
    header, start = _header(content, path)
    try:
        return {
            name: _view(content, start, entry)
            for name, entry in header.items()
            if name != "__metadata__"
        }
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{path} is truncated or damaged ({error}); build it again") from None


def metadata_in(content: Content, path: Path) -> dict[str, str]:
    """As `read_metadata`, of a file's content."""
    return dict(_header(content, path)[0].get("__metadata__", {}))


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def json_digest(value: Any) -> str:
    """SHA-256 of a JSON value, the same whatever order its keys are in."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


class FileState(NamedTuple):
    """Changes whenever a file is written to or replaced, as far as its folder tells."""

    modified: int
    """Nanoseconds."""
    bytes: int
    inode: int


def state_of(path: Path) -> FileState | None:
    """The file's state now; None where there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return FileState(found.st_mtime_ns, found.st_size, found.st_ino)


def remove_parts(folders: Iterable[Path]) -> None:
    """Delete what killed writers left in these folders."""
    for folder in folders:
        for pattern in ("*.part", "*.part.wal"):  # the second is DuckDB's beside the first
            for part in folder.glob(pattern):
                part.unlink(missing_ok=True)


def _header(content: Content, path: Path) -> tuple[dict[str, Any], int]:
    """What the arrays are, and the byte at which they begin."""
    try:
        start = 8 + int.from_bytes(content[:8], "little")
        if not 8 < start <= min(len(content), _MAX_HEADER):
            raise ValueError(f"its header would end at byte {start} of {len(content)}")
        header = json.loads(content[8:start])
        if not isinstance(header, dict):
            raise ValueError("its header is no mapping")
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path} is truncated or damaged ({error}); build it again") from None
    return header, start


def _view(buffer: Content, start: int, entry: dict[str, Any]) -> NDArray[Any]:
    dtype = np.dtype(_DTYPES[entry["dtype"]])
    first, end = entry["data_offsets"]
    shape = tuple(entry["shape"])
    count = math.prod(shape)
    if first < 0 or end - first != count * dtype.itemsize or start + end > len(buffer):
        raise ValueError(f"an array would end at byte {start + end} of {len(buffer)}")
    if not count:
        return np.empty(shape, dtype)
    return np.frombuffer(buffer, dtype, count, start + first).reshape(shape)


def _sync_folder(folder: Path) -> None:
    """Make a rename itself survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
