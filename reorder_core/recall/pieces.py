"""Which part of a sample's text each of its tokens is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def token_ends(
    tokenizer: Any, tokens: NDArray[Any], lengths: NDArray[Any], texts: Sequence[str]
) -> NDArray[np.int32]:
    """(N, L) characters of its text that lie before each token's end; padding stays at the end.

    A token that holds part of a letter ends before it; the one that completes it, behind.
    """
    ends = np.zeros(tokens.shape, np.int32)
    for sample, text in enumerate(texts):
        row = tokens[sample, : lengths[sample]].tolist()
        pieces = tokenizer.decode_batch([[token] for token in row])
        if "".join(pieces) == text:
            found = np.cumsum([len(piece) for piece in pieces])
        else:  # spaces at the front, letters in parts: only what stands before tells
            whole = tokenizer.decode_batch([row[: place + 1] for place in range(len(row))])
            found = np.array([_agree(part, text) for part in whole])
        ends[sample, : len(row)] = np.maximum.accumulate(np.minimum(found, len(text)))
        ends[sample, len(row) :] = len(text)
    return ends


def _agree(part: str, text: str) -> int:
    """How many letters the two begin with alike."""
    for place, (one, other) in enumerate(zip(part, text, strict=False)):
        if one != other:
            return place
    return min(len(part), len(text))
