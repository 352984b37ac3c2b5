"""Real English and real code that every CPython installation carries, read in place.

Domains: `reference` (the language reference that `help()` shows), `docstrings`
and `code` (the standard library, without its docstrings). Nothing is executed:
modules are read as text and parsed.
"""

import ast
import importlib
import os
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from reorder_core.corpus.samples import Document
from reorder_core.corpus.sources.source import Found, Source
from reorder_core.corpus.sources.wording import words
from reorder_core.errors import CorpusError

DOMAINS = ("reference", "docstrings", "code")
SKIPPED_FOLDERS = frozenset(
    words(
        "__pycache__ __phello__ dist-packages encodings ensurepip idlelib lib-dynload lib2to3 "
        "pydoc_data site-packages test tests turtledemo"
    )
)
SKIPPED_FILES = frozenset(
    words("entities.py stringprep.py token.py keyword.py opcode.py this.py __hello__.py")
)
"""Tables made by a program, or no text to learn from."""
SHORTEST_DOCSTRING = 80
"""Characters."""


class PythonDocs(Source):
    """`corpus.kind: python-docs`."""

    label: ClassVar[str] = "Python docs"
    kind: Literal["python-docs"] = "python-docs"

    def documents(self, random: np.random.Generator) -> Found:
        """Topics, docstrings and code."""
        found = python_documents(self.characters_per_domain(len(DOMAINS)), random)
        return Found(found, files=len({d.source for d in found}))


def python_documents(characters: int, random: np.random.Generator) -> list[Document]:
    """The reference topics, and shuffled modules until docstrings and code have `characters` each.

    Raises CorpusError where this Python came without its documentation or sources.
    """
    documents = list(_reference(random))
    paths = standard_library()
    room = {"docstrings": characters, "code": characters}
    for index in random.permutation(len(paths)).tolist():
        if max(room.values()) <= 0:
            break
        for document in read_module(*paths[index]):
            if room[document.domain] > 0:
                documents.append(document)
                room[document.domain] -= len(document.text)
    return documents


def standard_library() -> list[tuple[Path, str]]:
    """Each module's file and its path within the library, sorted."""
    root = Path(sysconfig.get_paths()["stdlib"])
    found = []
    for folder, folders, files in os.walk(root):
        # In place, so that os.walk does not enter site-packages, which is large.
        folders[:] = [f for f in folders if f not in SKIPPED_FOLDERS and "config-" not in f]
        for file in files:
            if file.endswith(".py") and file not in SKIPPED_FILES and "_sysconfigdata" not in file:
                path = Path(folder, file)
                found.append((path, path.relative_to(root).as_posix()))
    if not found:
        raise CorpusError(
            f"no standard library source under {root}; kind python-docs reads the .py files that "
            "a full CPython installation carries; use one, or another corpus.kind"
        )
    return sorted(found, key=lambda item: item[1])


def _reference(random: np.random.Generator) -> Iterator[Document]:
    try:
        topics = importlib.import_module("pydoc_data.topics").topics
    except (ImportError, AttributeError):
        raise CorpusError(
            "this Python has no pydoc_data.topics, the language reference that help() shows; "
            "install a full CPython (on Debian: libpython3-stdlib), or use another corpus.kind"
        ) from None
    # Topics quote each other at length; a paragraph stays only where it comes first.
    seen: set[str] = set()
    names = sorted(topics)
    for index in random.permutation(len(names)).tolist():
        kept = []
        for paragraph in topics[names[index]].split("\n\n"):
            key = " ".join(paragraph.split())
            if key and key not in seen:
                kept.append(paragraph)
            seen.add(key)
        if kept:
            yield Document("\n\n".join(kept), "reference", f"topics/{names[index]}")


def read_module(path: Path, name: str) -> Iterator[Document]:
    """One module's docstrings as one document, the rest of its source as another."""
    try:
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
    except (OSError, UnicodeDecodeError, SyntaxError, ValueError):
        return  # a file for another Python, or in an old encoding: there are plenty of others
    lines = source.splitlines(keepends=True)
    texts: dict[str, None] = {}
    for node in _definitions(tree):
        text = ast.get_docstring(node)
        if text is None:
            continue
        if len(text) >= SHORTEST_DOCSTRING:
            texts.setdefault(text)
        first = node.body[0]
        if first.lineno == getattr(node, "lineno", 0):
            continue  # `def f(): "text"`: the line is code as well
        for number in range(first.lineno - 1, first.end_lineno or first.lineno):
            lines[number] = ""
    if texts:
        yield Document("\n\n".join(texts) + "\n", "docstrings", name)
    code = "".join(lines).strip("\n")
    if code:
        yield Document(code + "\n", "code", name)


Definition = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _definitions(node: ast.AST) -> Iterator[Definition]:
    """What may have a docstring, in reading order; expressions are not entered, for speed."""
    if isinstance(node, Definition):
        yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.stmt, ast.excepthandler, ast.match_case)):
            yield from _definitions(child)
