"""A file's content: as it is, or expanded where it is compressed. Recognized by first bytes."""

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from reorder_core.errors import CorpusError

LARGEST = 1 << 30
"""Bytes of a file, expanded, that are read; all is held in memory."""
_CHUNK = 1 << 20
FORMS = "gzip, bzip2, xz, Zstandard and zip"
_NAMED = {
    b"%PDF-": "a PDF", b"7z\xbc\xaf\x27\x1c": "a 7z archive", b"Rar!": "a RAR archive",
    b"SQLite format 3": "an SQLite database", b"\x04\x22\x4d\x18": "compressed by LZ4",
    b"{\\rtf": "a Rich Text document", b"\x89PNG": "a picture", b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture", b"\x7fELF": "a program",
}  # fmt: skip
_PACKED = {
    b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "Zstandard",
}  # fmt: skip
_SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zstd", ".lzma")


@dataclass(frozen=True, slots=True)
class Content:
    """One file, or one member of a zip archive."""

    name: str
    """Its path within the corpus, with / between the parts."""
    data: bytes = field(repr=False)
    path: Path
    """Where it, or the archive that holds it, lies."""

    @property
    def bare_name(self) -> str:
        """The last part of the name without the suffix of a compression."""
        last = self.name.rsplit("/", 1)[-1]
        return Path(last).stem if last.lower().endswith(_SUFFIXES) else last

    @property
    def suffix(self) -> str:
        """.jsonl of a.JSONL.gz; "" for none."""
        return Path(self.bare_name).suffix.lower()

    @property
    def stem(self) -> str:
        """a of a.jsonl.gz"""
        return Path(self.bare_name).stem


class NotText(CorpusError):
    """A file that is no text and no table; in a folder it is left out and counted."""


def contents(path: Path, name: str) -> Iterator[Content]:
    """The file, expanded; each member of a zip archive.

    Raises NotText for what is recognized as something else, CorpusError for
    what is broken or larger than LARGEST.
    """
    try:
        with path.open("rb") as file:
            head = file.read(512)
            file.seek(0)
            if head[:4] == b"PK\x03\x04":
                yield from _members(path, name)
                return
            packing = next((form for magic, form in _PACKED.items() if head.startswith(magic)), "")
            stream = _opened(file, packing, path)
            data = _bounded(stream, path, packing)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError) as error:
        packing = "cannot be read" if isinstance(error, PermissionError) else "is damaged"
        raise CorpusError(f"{path} {packing} ({error}); copy it again, or leave it out") from None
    yield Content(name, data, path)


def _opened(file: IO[bytes], packing: str, path: Path) -> Any:
    if packing == "Zstandard":
        import pyarrow as pa

        return pa.CompressedInputStream(pa.PythonFile(file), "zstd")
    openers = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}
    return openers[packing](file) if packing else file


def _bounded(stream: Any, path: Path, packing: str) -> bytes:
    parts, size = [], 0
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        if size > LARGEST:
            raise CorpusError(
                f"{path} holds more than {LARGEST:,} bytes" + " once expanded" * bool(packing)
                + ", the most that is read; take a part of it"
            )  # fmt: skip
        parts.append(chunk)
    return b"".join(parts)


def _members(path: Path, name: str) -> Iterator[Content]:
    """Zip members in name order; their sizes together stay within LARGEST."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = sorted(archive.infolist(), key=lambda info: info.filename)
            names = {info.filename for info in infos}
            if names & {"[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"}:
                raise NotText(f"{path} is an Office document, e-book or program; save it as text")
            room = LARGEST
            for info in infos:
                parts = info.filename.split("/")
                if info.is_dir() or any(p.startswith((".", "__MACOSX")) for p in parts):
                    continue
                with archive.open(info) as file:
                    data = file.read(min(info.file_size, room) + 1)
                room -= len(data)
                if room < 0:
                    raise CorpusError(
                        f"{path} holds more than {LARGEST:,} bytes once expanded, the most that "
                        "is read; unpack it and take a part"
                    )
                yield Content(f"{name}/{info.filename}", data, path)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError) as error:
        raise CorpusError(
            f"{path} is a zip archive that cannot be unpacked ({error}); unpack it yourself"
        ) from None


def checked(content: Content) -> Content:
    """The same; raises NotText for what its first bytes show to be neither text nor table."""
    head = content.data[:512]
    what = next((what for magic, what in _NAMED.items() if head.startswith(magic)), "")
    if head[257:262] == b"ustar":
        what = "a tar archive"
    packed = head.startswith((*_PACKED, b"PK\x03\x04"))
    if what or packed:
        place = content.path if content.path.name == content.name else content.name
        raise NotText(
            f"{place} is {what or 'compressed twice'}, which is not read; "
            f"unpack it, or save it as text or a table"
        )
    return content


def decoded(content: Content) -> str:
    """The text of UTF-8, or of UTF-16 or UTF-32 that begin with their mark.

    Raises NotText for another encoding, with the first bytes that say so.
    """
    data = content.data
    encoding = "utf-8-sig"
    for mark, marked in ((b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"),
                         (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):  # fmt: skip
        if data.startswith(mark):
            encoding = marked
            break
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        seen = data[error.start : error.start + 4].hex(" ")
        raise NotText(
            f"{content.path} is not {'UTF-8' if encoding == 'utf-8-sig' else encoding.upper()}: "
            f"byte {error.start} starts {seen}; save it as UTF-8, or move it out of the folder"
        ) from None
