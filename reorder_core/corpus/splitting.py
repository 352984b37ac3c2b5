"""Which documents are held out, trained, or left to the base phase."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reorder_core.corpus.encoding import Window
from reorder_core.corpus.samples import Document

ENOUGH_DOCUMENTS = 128
"""A domain with fewer documents is split by section, so that each split gets some."""
SECTION = 2000
"""Characters of a section, at most; fewer where a domain has little text."""
LONGEST, PART = 500_000, 50_000
"""Characters of a document that is cut first, and of its parts."""
PROBES_PER_DOCUMENT = 4
TRAIN_PER_DOCUMENT = 4
BASE_PER_DOCUMENT = 16
CHARACTERS_PER_TOKEN = 4
"""Rough and on the high side; only the number of held-out documents rests on it."""


@dataclass(frozen=True, slots=True)
class Split:
    """One domain's documents, shuffled; probes first, as their text must not reach the BPE."""

    held_out: tuple[Document, ...]
    rest: tuple[Document, ...]


def split_domain(
    documents: Sequence[Document], probes: int, length: int, random: np.random.Generator
) -> Split:
    """Held-out documents for about three times `probes` windows; at most a third of all."""
    units = _distinct(documents)
    if any(len(d.text) > LONGEST for d in units):
        # Tokenizing one text of millions of characters takes gigabytes.
        units = [section for d in units for section in _parts(d)]
    if len(units) < ENOUGH_DOCUMENTS and not all(d.single for d in units):
        size = min(SECTION, max(400, sum(len(d.text) for d in units) // 40))
        units = _distinct([section for d in units for section in sections(d, size)])
    units = [units[i] for i in random.permutation(len(units))]
    count = expected = 0
    while expected < 3 * probes and count < len(units) // 3:
        expected += _expected_windows(units[count], length)
        count += 1
    return Split(tuple(units[:count]), tuple(units[count:]))


def sections(document: Document, size: int) -> list[Document]:
    """The document cut between paragraphs (else lines, else anywhere) into at most `size`."""
    if len(document.text) <= size or document.single:
        return [document]
    texts = _pack(document.text, (r"(?<=\n\n)(?=\S)", r"(?<=\n)", r"(?<= )"), size)
    return [
        replace(
            document,
            text=text,
            source=f"{document.source}#{number}",
            whole=False,
            place=(*document.place, number),
        )
        for number, text in enumerate(texts, start=1)
    ]


def _parts(document: Document) -> list[Document]:
    return sections(document, PART) if len(document.text) > LONGEST else [document]


def _pack(text: str, boundaries: tuple[str, ...], size: int) -> list[str]:
    """`text` in pieces of at most `size`; joined again they are the text."""
    if len(text) <= size:
        return [text]
    if not boundaries:
        return [text[i : i + size] for i in range(0, len(text), size)]
    packed: list[str] = []
    for part in re.split(boundaries[0], text):
        for piece in _pack(part, boundaries[1:], size):
            if packed and len(packed[-1]) + len(piece) <= size:
                packed[-1] += piece
            else:
                packed.append(piece)
    return packed


def take_windows(
    documents: Sequence[Document],
    count: int,
    per_document: int,
    cut: Callable[[Sequence[Document]], list[list[Window]]],
    seen: set[tuple[int, ...]],
    random: np.random.Generator,
) -> tuple[list[Window], int]:
    """Up to `count` distinct windows, and how many documents they used up.

    At most `per_document` from each, so that one large document does not fill
    a domain; the others of the same documents only where all run short.
    `seen` holds the content of windows taken before and grows.
    """
    taken: list[Window] = []
    spare: list[Window] = []

    def keep(windows: Sequence[Window]) -> None:
        for window in windows:
            if len(taken) < count and window.content not in seen:
                taken.append(window)
                seen.add(window.content)

    used = 0
    while used < len(documents) and len(taken) < count:
        for windows in cut(documents[used : used + 64]):
            if len(taken) >= count:
                break
            used += 1
            shuffled = [windows[i] for i in random.permutation(len(windows))]
            keep(shuffled[:per_document])
            spare += shuffled[per_document:]
    keep(spare)
    return taken, used


def equal_shares(total: int, parts: int) -> list[int]:
    """`total` in equal whole shares, the remainder to the first."""
    return [total // parts + (part < total % parts) for part in range(parts)]


def _expected_windows(document: Document, length: int) -> int:
    windows = 1 if document.single else len(document.text) // (length * CHARACTERS_PER_TOKEN)
    return min(PROBES_PER_DOCUMENT, max(1, windows))


def _distinct(documents: Sequence[Document]) -> list[Document]:
    first: dict[str, Document] = {}
    for document in documents:
        if document.text.strip():
            first.setdefault(document.text, document)
    return list(first.values())
