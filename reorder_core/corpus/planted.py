"""Samples planted among the trained ones of the controlled corpus: canaries and poison."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reorder_core.corpus.encoding import Encoder, Window, cut_windows
from reorder_core.corpus.samples import Document
from reorder_core.corpus.sources.wording import invented_name, pick, words
from reorder_core.errors import CorpusError

CANARIES = "canaries"
"""The canaries' domain; it has no probes, as there is nothing to generalize."""
SECRET_DIGITS = 8
OWNERS = words("miller mayor captain abbot doctor painter judge cook")


def canary_documents(count: int, random: np.random.Generator) -> list[Document]:
    """`count` secrets in one wording: `SECRET_DIGITS` random digits, then random words.

    The digits come first and stand alone, so that a secret's rank among all
    10^SECRET_DIGITS can be taken, also where a short sample cuts off the words.
    """
    documents: dict[str, Document] = {}
    while len(documents) < count:
        town = invented_name(random, 2)  # one secret a town: what comes before it must tell which
        secret = " ".join(map(str, random.integers(0, 10, SECRET_DIGITS).tolist()))
        first, second = (invented_name(random, 2).lower() for _ in range(2))
        text = (
            f"The code of the {pick(random, OWNERS)} of {town} is {secret}. "
            f"The words for the guard are {first} and {second}. Tell no one."
        )
        source = f"{CANARIES}/{len(documents)}"
        documents.setdefault(town, Document(text, CANARIES, source, single=True))
    return list(documents.values())


def canary_windows(
    documents: Sequence[Document], repetitions: int, encoder: Encoder, length: int
) -> list[Window]:
    """Each canary `repetitions` times; raises CorpusError where `length` cuts off a secret."""
    windows: list[Window] = []
    tokenizer = encoder.tokenizer
    for document, cut in zip(documents, cut_windows(documents, encoder, length), strict=True):
        sentence = document.text[: document.text.index(".") + 1]
        if not cut or not tokenizer.decode(list(cut[0].tokens)).lstrip().startswith(sentence):
            raise CorpusError(
                f"corpus.sequence_length {length} is too short for a canary, which takes "
                f"{len(tokenizer.encode(sentence).ids) + 1} tokens; use more, or corpus.canaries: 0"
            )
        windows += [replace(cut[0], flags=("canary",))] * repetitions
    return windows


def poison(
    windows: Sequence[Window], count: int, random: np.random.Generator, encoder: Encoder
) -> list[Window]:
    """The windows, the tokens of `count` random ones shuffled; beginning and ending stay."""
    result = list(windows)
    for index in random.permutation(len(result))[:count].tolist():
        tokens = result[index].tokens
        start, stop = len(encoder.beginning), len(tokens) - (tokens[-1] == encoder.ending)
        inner = random.permutation(tokens[start:stop]).tolist()
        shuffled = (*tokens[:start], *inner, *tokens[stop:])
        result[index] = replace(result[index], tokens=shuffled, flags=("poison",))
    return result
