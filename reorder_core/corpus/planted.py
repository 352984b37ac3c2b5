"""Samples planted among the trained ones of the controlled corpus: canaries and poison."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from tokenizers import Tokenizer

from reorder_core.corpus.encoding import Window, cut_windows
from reorder_core.corpus.samples import EOS, Document
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
    documents: Sequence[Document], repetitions: int, bpe: Tokenizer, length: int
) -> list[Window]:
    """Each canary `repetitions` times; raises CorpusError where `length` cuts off a secret."""
    windows: list[Window] = []
    for document, cut in zip(documents, cut_windows(documents, bpe, length), strict=True):
        sentence = document.text[: document.text.index(".") + 1]
        if not cut or not bpe.decode(list(cut[0].tokens)).startswith(sentence):
            raise CorpusError(
                f"corpus.sequence_length {length} is too short for a canary, which takes "
                f"{len(bpe.encode(sentence).ids) + 1} tokens; use more, or corpus.canaries: 0"
            )
        windows += [replace(cut[0], flags=("canary",))] * repetitions
    return windows


def poison(windows: Sequence[Window], count: int, random: np.random.Generator) -> list[Window]:
    """The windows, the tokens of `count` random ones shuffled; <eos> stays last."""
    result = list(windows)
    for index in random.permutation(len(result))[:count].tolist():
        tokens = result[index].tokens
        stop = len(tokens) - (tokens[-1] == EOS)
        shuffled = (*random.permutation(tokens[:stop]).tolist(), *tokens[stop:])
        result[index] = replace(result[index], tokens=shuffled, flags=("poison",))
    return result
