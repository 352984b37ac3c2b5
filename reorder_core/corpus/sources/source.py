"""What every source of text is: fields in the config, documents, a name for people.

A new source is one file with a class like this one's children, and one line:
in `SOURCES` (see this package's `__init__`), or, from another package, in the
entry point group `reorder.sources`. Its class variable `label` is what pages call it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from reorder_core.corpus.samples import Document

Count = Annotated[int, Field(ge=1)]
Whole = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class Found:
    """What a source came up with."""

    documents: list[Document]
    """In the source's own order."""
    files: int = 0
    """Files that gave a document."""
    rows: int = 0
    """Rows of tables that were looked at, with text or without."""
    notes: tuple[str, ...] = ()
    """What a person should know of the reading: what was left out, replaced, guessed."""


@dataclass(frozen=True, slots=True)
class Planted:
    """Samples with a purpose, put among those of the analysed run."""

    canaries: int = 0
    repetitions: int = 1
    poisoned: int = 0

    @property
    def samples(self) -> int:
        """Training samples that are canaries."""
        return self.canaries * self.repetitions


class Source(BaseModel):
    """The `corpus` part of a configuration; `kind` says which child of this class reads it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    label: ClassVar[str] = ""
    """What pages call this kind of text."""

    kind: str
    domains: tuple[str, ...] | None = None
    """Only these domains, in equal shares; none takes all that can fill theirs."""
    samples: Annotated[int, Field(ge=2)] = 256
    """Samples of the analysed run: steps · batch_size of one epoch."""
    reserve: Whole = 0
    """R, further samples that the reference run never trains: an order may."""
    repetitions: dict[str, Count] = {}
    """Flag or domain, such as canary → spare visits of each such sample; an order may train them.
    The reference run does not."""
    base_samples: Whole = 2048
    """Samples of the base phase, disjoint from the analysed ones."""
    probes_per_domain: Count = 16
    sequence_length: Annotated[int, Field(ge=8)] = 64
    """Tokens of a sample, at most."""

    def documents(self, random: np.random.Generator) -> Found:
        """All its text; the same bits for the same `random`.

        Raises CorpusError for text that is missing, empty or unreadable.
        """
        raise NotImplementedError

    def fingerprint(self) -> str | None:
        """Names the content of the files behind it; None where no files of the user's are read."""
        return None

    @property
    def planted(self) -> Planted:
        """What is planted among its samples; nothing unless a source says so."""
        return Planted()

    def located(self, folder: Path) -> Self:
        """The same source, its relative paths taken from `folder`, where the config lies."""
        return self

    def samples_per_domain(self, domains: int) -> int:
        """Samples wanted of a domain, with three candidates for each probe."""
        return (
            (self.samples + self.reserve + self.base_samples) // domains
            + 1
            + 3 * self.probes_per_domain
        )

    def characters_per_domain(self, domains: int) -> int:
        """Text to look at of each domain: some three times what its samples hold."""
        return 50_000 + 3 * 4 * self.sequence_length * self.samples_per_domain(domains)
