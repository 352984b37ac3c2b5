"""One pass over a folder or a file: texts and tables told apart, and what was left out."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from reorder_core.corpus.reading.arrow_rows import arrow_table
from reorder_core.corpus.reading.cleaning import cleaned, one_line
from reorder_core.corpus.reading.csv_rows import SUFFIXES as CSV_SUFFIXES
from reorder_core.corpus.reading.csv_rows import csv_table
from reorder_core.corpus.reading.json_rows import LINE_SUFFIXES, json_table
from reorder_core.corpus.reading.records import Choice, Tally, documents_of, ranges_of
from reorder_core.corpus.reading.row_template import CHATS, Wording
from reorder_core.corpus.reading.rows import Table
from reorder_core.corpus.reading.unpacking import Content, NotText, checked, contents, decoded
from reorder_core.corpus.samples import Document
from reorder_core.corpus.sources.source import Found
from reorder_core.corpus.sources.wording import words
from reorder_core.errors import CorpusError

FORMS = (
    "text in UTF-8, or tables as JSON, JSON Lines, CSV, TSV, Parquet or Arrow, "
    "also inside gzip, bzip2, xz, Zstandard or zip"
)
_TABLES = (*LINE_SUFFIXES, *CSV_SUFFIXES, ".json")
_PROSE = frozenset(
    words(
        ".md .markdown .rst .tex .org .html .htm .xml .yaml .yml .toml .py .c .h .cpp .hpp .java "
        ".js .ts .go .rs .rb .r .sh .sql .css"
    )
)
"""Text for certain, whatever its lines look like."""
_ABOUT = re.compile(r"(readme|license|licence)(\..*)?", re.I)
"""Left out where they lie beside or above tables."""
_DESCRIBED = re.compile(r"dataset_(infos?|dict)\.json|state\.json")
"""What `datasets` writes beside its tables."""
_DESCRIPTIONS = "about the tables beside them"
_SHARD = re.compile(r"[-_.]\d+-of-\d+$")
_PAIRS = (
    ("prompt", "response"), ("prompt", "completion"), ("instruction", "output"),
    ("question", "answer"),
)  # fmt: skip


class Wanted(Protocol):
    """What is to be read: the fields of `corpus.kind: folder`."""

    @property
    def path(self) -> Path: ...
    @property
    def text_column(self) -> str: ...
    @property
    def domain_column(self) -> str | None: ...
    @property
    def template(self) -> str | None: ...
    @property
    def response_column(self) -> str | None: ...
    @property
    def rows(self) -> str | None: ...
    @property
    def chat_template(self) -> bool: ...


def files_under(root: Path) -> Iterator[tuple[Path, str]]:
    """Each file and its name within the corpus, sorted; hidden ones left out."""
    if root.is_file():
        yield root, root.name
        return
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if not any(part.startswith(".") for part in inside.parts) and path.is_file():
            yield path, inside.as_posix()


class Reading:
    """One pass over the files, with what it came across."""

    def __init__(self, source: Wanted) -> None:
        self.source, self.root = source, source.path
        self.alone = source.path.is_file()
        self.tally, self.choice = Tally(), Choice(ranges_of(source.rows) if source.rows else ())
        self.texts: list[tuple[Content, Document]] = []
        self.tables: dict[str, list[Document]] = {}
        self.lacking: dict[str, Table] = {}
        """Tables without the column that holds the text."""
        self.left_out: dict[str, list[str]] = {}
        self.forms: dict[str, int] = {}
        self.notes: list[str] = []

    def found(self) -> Found:
        """All documents, texts and rows in the order of their files."""
        if not self.root.exists():
            raise CorpusError(
                f"corpus.path names {self.root}, where nothing is; expected a folder of text, or "
                f"one file: {FORMS}"
            )
        for path, name in files_under(self.root):
            self._read(path, name)
        if self.tally.faults:
            raise CorpusError(_several(self.tally.faults, "faulty tables"))
        self._settle_lacking()
        texts = [(c.name, [d]) for c, d in self.texts if not self._is_about_tables(c)]
        found = dict(sorted([*texts, *self.tables.items()]))
        documents = [document for part in found.values() for document in part]
        if not documents:
            raise self._nothing()
        files = sum(bool(part) for part in found.values())
        return Found(documents, files, self.tally.rows, tuple(self._told()))

    def _read(self, path: Path, name: str) -> None:
        with self._minding(name):
            for content in contents(path, name):
                with self._minding(content.name):
                    self._take(content)

    @contextmanager
    def _minding(self, name: str) -> Iterator[None]:
        """What cannot be read is noted, and the reading goes on."""
        try:
            yield
        except NotText as error:
            self._leave_out("not text or a table", name, error)
        except CorpusError as error:
            self.tally.faults.append(str(error))

    def _take(self, content: Content) -> None:
        if not self.alone and _DESCRIBED.fullmatch(content.bare_name):
            self._leave_out(_DESCRIPTIONS, content.name, None)
            return
        table = self._table(checked(content))
        if table is not None:
            self._take_table(content, table)
            return
        text = decoded(content)
        if "\0" in text:
            raise NotText(
                f"{content.path} holds NUL characters, so it is not plain text; save it as UTF-8"
            )
        if not text.strip():
            self._leave_out("empty", content.name, CorpusError(
                f"{content.path} is empty; expected UTF-8 text"))  # fmt: skip
            return
        if self.alone and content.suffix == ".json":
            raise CorpusError(
                f"{content.path} is JSON without rows; expected an array of objects, one object a "
                "line, or columns of values"
            )
        text, replaced = cleaned(text)
        self.tally.replaced += replaced
        self.forms["text"] = self.forms.get("text", 0) + 1
        self.texts.append((content, Document(text, self._domain(content, False), content.name)))

    def _table(self, content: Content) -> Table | None:
        wanted = [*self._wording.columns, *([self.source.domain_column or ""])]
        wanted = [name for name in wanted if name]
        if not self.source.template:
            wanted += [name for name in CHATS if name not in wanted]
        table = arrow_table(content, wanted)
        if table is not None:
            return table
        suffix, place = content.suffix, self._place(content)
        text = decoded(content)
        if "\0" in text and suffix not in _TABLES:
            return None
        if not text.strip() and suffix in _TABLES:
            return Table("an empty table", (), ())
        if suffix in _PROSE:
            return None
        if suffix not in CSV_SUFFIXES:
            table = json_table(text, place, suffix, wanted)
        return table or csv_table(text, place, suffix, wanted)

    def _take_table(self, content: Content, table: Table) -> None:
        wording = self._wording_for(table)
        if not table.columns:
            self._leave_out("empty", content.name, CorpusError(
                f"{content.path} is empty; expected a row for each text"))  # fmt: skip
            return
        if not all(name in table.columns for name in self._needed(wording)):
            self.lacking[content.name] = table
            return
        self.forms[table.form] = self.forms.get(table.form, 0) + 1
        rows = self.tally.rows
        self.tables[content.name] = documents_of(
            table.rows, (content.name, self._place(content)), wording, self.source.domain_column,
            self._domain(content, True), self.tally, self.choice,
        )  # fmt: skip
        if self.alone and not self.tables[content.name] and len(self.tables) == 1:
            if self.tally.rows == rows and not self.source.rows:
                raise CorpusError(f"{content.path} is empty; expected a row for each text")
            columns = " and ".join(map(repr, wording.columns))
            raise CorpusError(
                f"{content.path} has no text in column {columns}; expected a row for each text"
            )

    @property
    def _wording(self) -> Wording:
        source = self.source
        return Wording(
            source.text_column, source.template, source.response_column, source.chat_template
        )

    def _wording_for(self, table: Table) -> Wording:
        """As configured; a table without a text column may hold a chat."""
        wording = self._wording
        if wording.columns != ("text",) or "text" in table.columns:
            return wording
        chat = next((name for name in CHATS if name in table.columns), None)
        if chat is None:
            return wording
        note = f"turns of {chat!r} are joined, as there is no column 'text'"
        if note not in self.notes and not wording.by_tokenizer:
            self.notes.append(note)
        response = self.source.response_column
        return Wording(chat, self.source.template, response and chat, wording.by_tokenizer)

    def _needed(self, wording: Wording) -> list[str]:
        domain = self.source.domain_column
        return [*wording.columns, *([domain] if domain else [])]

    def _settle_lacking(self) -> None:
        """Tables without the column: left out beside texts, an error where there are none."""
        if not self.lacking:
            return
        told = [self._lacks(name, table) for name, table in self.lacking.items()]
        others = [c for c, _ in self.texts if not self._is_about_tables(c)]
        if self.alone or not others:
            raise CorpusError(_several(told, "tables without the column"))
        for name in self.lacking:
            self._leave_out("tables without the column that holds the text", name, None)

    def _lacks(self, name: str, table: Table) -> str:
        missing = next(n for n in self._needed(self._wording) if n not in table.columns)
        pair = next((p for p in _PAIRS if set(p) <= set(table.columns)), None)
        advice = "name one in corpus.text_column or domain_column"
        if pair:
            advice += f', or join several: corpus.template: "{{{pair[0]}}}\\n{{{pair[1]}}}"'
        place = self.root if self.alone else self.root / name
        return (
            f"{place}, read as {table.form}: no column {missing!r}; its columns are "
            f"{_few([one_line(column) for column in table.columns])}; {advice}"
        )

    def _is_about_tables(self, content: Content) -> bool:
        if (not self.tables and not self.lacking) or not _ABOUT.fullmatch(content.bare_name):
            return False
        folder = content.name.rpartition("/")[0]
        beside = any(name.startswith(folder) for name in (*self.tables, *self.lacking))
        listed = self.left_out.setdefault(_DESCRIPTIONS, [])
        if beside and content.name not in listed:
            listed.append(content.name)
        return beside

    def _domain(self, content: Content, is_table: bool) -> str:
        parts = content.name.split("/")
        if len(parts) > 1 and not (self.alone and len(parts) == 2):
            return one_line(parts[1 if self.alone else 0].removesuffix(".zip"))
        if is_table or self.alone:
            return one_line(_SHARD.sub("", content.stem)) or "text"
        return one_line(self.root.resolve().name) or "text"

    def _place(self, content: Content) -> str:
        return str(
            content.path
            if content.path.name == content.name.split("/")[-1]
            else self.root.parent / content.name
            if self.alone
            else self.root / content.name
        )

    def _leave_out(self, reason: str, name: str, error: CorpusError | None) -> None:
        if self.alone and "/" not in name and error is not None:
            raise CorpusError(str(error)) from None
        self.left_out.setdefault(reason, []).append(name)

    def _told(self) -> Iterator[str]:
        forms = ", ".join(f"{count} as {form}" for form, count in sorted(self.forms.items()))
        yield f"files read: {forms}"
        for reason, names in self.left_out.items():
            if names:
                yield f"left out {len(names)} files, {reason}: {_few(list(map(one_line, names)))}"
        if self.tally.without_text:
            yield f"left out {self.tally.without_text} rows without text"
        if self.tally.replaced:
            yield f"replaced {self.tally.replaced} control characters and half characters by U+FFFD"
        yield from self.notes

    def _nothing(self) -> CorpusError:
        if self.source.rows and self.choice.seen:
            return CorpusError(
                f"corpus.rows {self.source.rows!r} takes none of the {self.choice.seen} rows "
                f"with text in {self.root}"
            )
        left = "; ".join(f"{len(n)} {why}: {_few(n)}" for why, n in self.left_out.items() if n)
        return CorpusError(
            f"no text in {self.root} ({left or 'no files, hidden ones not counted'}); "
            f"expected {FORMS}"
        )


def _several(told: list[str], what: str) -> str:
    if len(told) == 1:
        return told[0]
    return f"{len(told)} {what}: " + " | ".join(told[:5]) + " | …" * (len(told) > 5)


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
