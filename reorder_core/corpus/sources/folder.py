"""The user's own text: a folder, one text file, or one JSONL, CSV or Parquet file.

Files are read as text, never run. All is held in memory.
"""

import io
import json
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np

from reorder_core.corpus.samples import Document
from reorder_core.corpus.sources.source import Found, Source
from reorder_core.corpus.sources.wording import words
from reorder_core.errors import CorpusError

log = logging.getLogger(__name__)

TEXT_SUFFIXES = frozenset(
    words(
        ".txt .text .md .markdown .rst .tex .org .html .htm .xml .csv .tsv .json .jsonl .yaml "
        ".yml .toml .py .c .h .cpp .hpp .java .js .ts .go .rs .rb .r .jl .sh .sql .css"
    )
)
"""These are meant to be text: bytes that are not UTF-8 are an error, elsewhere they are skipped."""


class Folder(Source):
    """`corpus.kind: folder`."""

    label: ClassVar[str] = "Own text"
    kind: Literal["folder"] = "folder"
    path: Path
    """A folder of text files and tables, or one of either; relative to the config; ~ is home."""
    text_column: str = "text"
    domain_column: str | None = None
    """Tables: the column that names the domain; none takes the file's or the folder's name."""

    def documents(self, random: np.random.Generator) -> Found:
        """A document for each file of text, or each row of a table; draws nothing."""
        return Found(folder_documents(self))

    def located(self, folder: Path) -> Self:
        """The same with an absolute path, or one relative to where the command runs."""
        return self.model_copy(update={"path": folder / self.path.expanduser()})


def folder_documents(config: "Folder") -> list[Document]:
    """A document for each file, or each row of a table.

    The domain of a file is its first-level sub-folder, of a file at the top
    the folder itself; of a row, its `domain_column` or else the file's name.
    Raises CorpusError for what is missing, empty, or not UTF-8.
    """
    path = config.path
    if path is None or not path.exists():
        raise CorpusError(
            f"corpus.path names {path}, where nothing is; expected a folder of text, or one "
            "text, JSONL, CSV or Parquet file"
        )
    if path.is_dir():
        return _folder(path)
    readers = {".jsonl": _jsonl, ".ndjson": _jsonl, ".csv": _csv, ".parquet": _parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        text = _text(path, required=True) or ""
        if not text.strip():
            raise CorpusError(f"{path} is empty; expected UTF-8 text")
        return [Document(text, path.stem, path.name)]
    return _rows(reader(path), path, config)


def _folder(root: Path) -> list[Document]:
    documents: list[Document] = []
    empty: list[str] = []
    unread: list[str] = []
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if any(part.startswith(".") for part in inside.parts) or not path.is_file():
            continue
        text = _text(path, required=path.suffix.lower() in TEXT_SUFFIXES)
        if text is None:
            unread.append(str(inside))
        elif not text.strip():
            empty.append(str(inside))
        else:
            domain = inside.parts[0] if len(inside.parts) > 1 else root.resolve().name
            documents.append(Document(text, domain, inside.as_posix()))
    for what, skipped in (("empty", empty), ("not UTF-8 text", unread)):
        if skipped:
            log.warning("skipped %d files that are %s: %s", len(skipped), what, _few(skipped))
    if not documents:
        raise CorpusError(
            f"no text in {root}: {len(empty)} empty files, {len(unread)} that are not UTF-8 text, "
            "hidden ones not counted; expected files such as .txt, .md or .py in UTF-8"
        )
    return documents


def _text(path: Path, required: bool) -> str | None:
    """The file's text; None for binary, unless text is `required`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        if not required:
            return None
        seen = error.object[error.start : error.start + 4].hex(" ")
        raise CorpusError(
            f"{path} is not UTF-8: byte {error.start} starts {seen}; "
            "save it as UTF-8, or move it out of the folder"
        ) from None
    except OSError as error:
        raise CorpusError(f"cannot read {path}: {error}") from None
    if "\0" in text:
        if not required:
            return None
        raise CorpusError(f"{path} holds NUL characters, so it is not plain text; save it as UTF-8")
    return text


# --- tables --------------------------------------------------------------------

Row = tuple[str, dict[str, Any]]
"""Where the row is, and its values by column."""


def _rows(rows: Iterable[Row], path: Path, config: "Folder") -> list[Document]:
    wanted = [config.text_column] + [config.domain_column] * (config.domain_column is not None)
    documents: list[Document] = []
    where = ""
    for where, row in rows:
        for column in wanted:
            if column not in row:
                raise CorpusError(
                    f"{path}, {where}: no column {column!r}; its columns are "
                    f"{_few(list(map(str, row)))}; name one in corpus.text_column or domain_column"
                )
        text = row[config.text_column]
        if text is None:
            continue
        if not isinstance(text, str):
            raise CorpusError(
                f"{path}, {where}: {config.text_column!r} holds {type(text).__name__} "
                f"({str(text)[:40]!r}); expected text"
            )
        domain = path.stem if config.domain_column is None else row[config.domain_column]
        if domain is None or not str(domain).strip():
            raise CorpusError(
                f"{path}, {where}: {config.domain_column!r} is empty; expected a domain's name, "
                "or no corpus.domain_column"
            )
        if text.strip():
            documents.append(Document(text, str(domain), where))
    if not documents:
        seen = "is empty" if not where else f"has no text in column {config.text_column!r}"
        raise CorpusError(f"{path} {seen}; expected a row for each text")
    return documents


def _jsonl(path: Path) -> Iterator[Row]:
    for number, line in enumerate((_text(path, required=True) or "").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise CorpusError(f"{path}, line {number} is not JSON: {error}") from None
        if not isinstance(row, dict):
            raise CorpusError(
                f"{path}, line {number} holds {type(row).__name__}; expected an object with a text"
            )
        yield f"line {number}", row


def _csv(path: Path) -> Iterator[Row]:
    import pandas as pd  # half a second, and no other kind of corpus needs it

    text = _text(path, required=True) or ""
    if not text.strip():
        return
    try:
        table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, ValueError) as error:
        raise CorpusError(f"{path} is not a CSV table: {error}") from None
    yield from _table_rows(table)


def _parquet(path: Path) -> Iterator[Row]:
    import pandas as pd

    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        raise CorpusError(f"{path} is not a Parquet file that can be read: {error}") from None
    yield from _table_rows(table)


def _table_rows(table: Any) -> Iterator[Row]:
    table = table.astype(object).where(table.notna(), None)
    for number, row in enumerate(table.to_dict("records"), start=1):
        yield f"row {number}", row


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
