"""The user's own text: files of text, tables, or both; compressed or not.

What a file is, its content says; see `corpus/reading`. Files are read, never
run. All is held in memory.
"""

import hashlib
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import AfterValidator, model_validator

from reorder_core.corpus.reading.records import ranges_of
from reorder_core.corpus.reading.row_template import CHATS, fields
from reorder_core.corpus.reading.text_files import Reading, files_under
from reorder_core.corpus.sources.source import Found, Source
from reorder_core.errors import ConfigError


def _template(value: str) -> str:
    fields(value)
    return value


def _rows(value: str) -> str:
    ranges_of(value)
    return value


class Folder(Source):
    """`corpus.kind: folder`."""

    label: ClassVar[str] = "Own text"
    kind: Literal["folder"] = "folder"
    path: Path
    """A folder of text files and tables, or one of either; relative to the config; ~ is home."""
    text_column: str = "text"
    """Tables: the column that holds the text, or a chat as a list of turns."""
    domain_column: str | None = None
    """Tables: the column that names the domain; none takes the file's or the folder's name."""
    template: Annotated[str, AfterValidator(_template)] | None = None
    """Tables: "{prompt}\\n{response}" joins columns; "{role}: {content}" writes a chat's turn."""
    response_column: str | None = None
    """Tables: the loss is on this column of the template only; on the last turn, where it holds a
    chat. What comes before it is read, not learned."""
    chat_template: bool = False
    """Tables: chats are written by the pretrained model's own chat template."""
    rows: Annotated[str, AfterValidator(_rows)] | None = None
    """Tables: only these rows, counted from 1 over all tables: "1-5000"."""

    @model_validator(mode="after")
    def _response_is_in_the_text(self) -> Self:
        response = self.response_column
        if self.chat_template and self.template:
            raise ValueError("chat_template and template both say how a chat is written; set one")
        if response is None:
            return self
        named = fields(self.template) if self.template else ()
        if set(named) == {"role", "content"} or not named:
            if response not in (self.text_column, *CHATS):
                raise ValueError(
                    f"response_column is {response!r}, but no template names it: write one, such "
                    f'as "{{prompt}}\\n{{{response}}}"'
                )
        elif named[-1] != response:
            raise ValueError(
                f"response_column is {response!r}, but the template ends with {named[-1]!r}; the "
                "loss is on the text from the response on, so it comes last"
            )
        return self

    def documents(self, random: np.random.Generator) -> Found:
        """A document for each file of text, or each row of a table; draws nothing."""
        return Reading(self).found()

    def located(self, folder: Path) -> Self:
        """The same with a path that holds from where the command runs."""
        try:
            return self.model_copy(update={"path": folder / self.path.expanduser()})
        except RuntimeError as error:
            raise ConfigError(f"corpus.path {self.path}: {error}; write it out") from None

    def fingerprint(self) -> str | None:
        """Of every file's name and bytes; None where the path leads nowhere now."""
        digest = hashlib.sha256()
        if not self.path.exists():
            return None
        for path, name in files_under(self.path):
            try:
                with path.open("rb") as file:
                    inside = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                inside = str(error.errno)
            digest.update(f"{name}\0{inside}\0".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()
