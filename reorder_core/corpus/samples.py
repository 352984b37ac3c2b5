"""What a corpus is made of: documents before splitting, token sequences after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # reading a configuration needs no tokenizer
    from tokenizers import Tokenizer

PAD, EOS = 0, 1
"""Ids of the special tokens <pad> and <eos>."""


Turn = tuple[str, str]
"""Who speaks in a chat, and what is said."""


@dataclass(frozen=True, slots=True)
class Document:
    """One text as it was found or generated, not yet tokens."""

    text: str
    domain: str
    source: str = ""
    """Where it was found, relative to the corpus: a topic, a module, a file, a row."""
    single: bool = False
    """One sample only: as many whole sentences as fit, instead of windows."""
    whole: bool = True
    """False for a section cut out of a larger document: its end is not an ending."""
    place: tuple[int, ...] = ()
    """Where it stands in the source's own order; a section's number comes after its document's."""
    before: int = 0
    """Characters at its beginning that are read but not learned; the loss is on the rest."""
    turns: tuple[Turn, ...] = ()
    """Of a chat that the tokenizer's own template is still to write; `text` is provisional then."""
    answer_only: bool = False
    """Whether of such a chat only the last answer is learned."""
    templated: bool = False
    """Written by that template: it begins and ends as the template says, with special tokens."""


@dataclass(frozen=True, slots=True)
class TextSample:
    """One sample as a person reads it: exactly what its tokens decode to."""

    text: str
    """Without the special tokens."""
    domain: str
    flags: tuple[str, ...] = ()
    """canary: planted, with a random secret. poison: its tokens are shuffled."""
    source: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class TokenizedSamples:
    """Samples beside their token ids; row i is the sample with id i."""

    samples: tuple[TextSample, ...]
    tokens: NDArray[np.int32]
    """(n, L), right-padded with <pad> = 0."""
    lengths: NDArray[np.int32]
    """(n,) tokens of each row that are not padding; <eos> counts."""
    starts: NDArray[np.int32] | None = None
    """(n,) the first token of each row that the loss counts; None: the second, as usual."""

    def __post_init__(self) -> None:
        assert len(self.samples) == len(self.tokens) == len(self.lengths)
        self.tokens.flags.writeable = False
        self.lengths.flags.writeable = False

    def __len__(self) -> int:
        return len(self.samples)


@dataclass(frozen=True, slots=True, eq=False)
class EncodedCorpus:
    """The analysed run's samples, held-out probes and the base phase's samples."""

    train: TokenizedSamples
    """Shuffled by seed; position i is sample id i."""
    probes: TokenizedSamples
    """Grouped by domain; none shares a run of tokens with train or base."""
    base: TokenizedSamples
    """Disjoint from train; fewer than asked where a domain has too little text."""
    tokenizer: Tokenizer
    digest: str
    """sha256 over every sample's split, domain, text and tokens."""
    read: dict[str, Any] | None = None
    """What was read and left out, for people; see `prepare`."""
