"""corpus.json: the texts of a run, as pages show them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reorder_core.errors import StoreError
from reorder_core.store.files import read_json, write_json

if TYPE_CHECKING:  # build-side types; their modules are not needed to query a run
    from reorder_core.corpus.samples import EncodedCorpus, TokenizedSamples


@dataclass(frozen=True, slots=True)
class Sample:
    """One training sample, as a page shows it."""

    sample_id: int
    text: str
    domain: str
    flags: tuple[str, ...]
    """What is special: "canary", "poisoned" …"""
    tokens: int
    """Its length."""
    source: str = ""
    """Where the text was found."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The content of corpus.json."""

    digest: str
    samples: tuple[Sample, ...]
    probes: tuple[Sample, ...]
    """Held-out samples; their ids count on their own."""
    probe_domains: tuple[str, ...]
    """Columns of every probe loss."""


def domains_of(domains: Iterable[str]) -> tuple[str, ...]:
    """The different names among `domains`, sorted: the order used throughout a run."""
    return tuple(sorted(set(domains)))


def write_corpus(path: Path, encoded: "EncodedCorpus") -> None:
    """corpus.json at `path`, with training samples, probes and the corpus digest."""
    value = {
        "digest": encoded.digest,
        "samples": _records(encoded.train),
        "probes": _records(encoded.probes),
        "probe_domains": domains_of(sample.domain for sample in encoded.probes.samples),
    }
    write_json(path, value if encoded.read is None else value | {"read": encoded.read})


def read_report(path: Path) -> dict[str, Any] | None:
    """What was read for the corpus.json at `path`; None where it does not say, as older ones."""
    try:
        report = read_json(path).get("read")
    except (StoreError, AttributeError):
        return None
    return report if isinstance(report, dict) else None


def read_corpus(path: Path) -> Texts:
    """What `write_corpus` wrote; StoreError where it is missing or damaged."""
    return texts_in(read_json(path), path)


def texts_in(value: Any, path: Path) -> Texts:
    """The texts in what a corpus.json holds; `path` names it in errors."""
    try:
        return Texts(
            digest=str(value["digest"]),
            samples=_samples(value["samples"]),
            probes=_samples(value["probes"]),
            probe_domains=tuple(value["probe_domains"]),
        )
    except (KeyError, TypeError) as error:
        raise StoreError(f"{path} is damaged ({error!r}); build the run again") from None


def _samples(records: list[dict[str, Any]]) -> tuple[Sample, ...]:
    return tuple(
        Sample(index, **{**record, "flags": tuple(record["flags"])})
        for index, record in enumerate(records)
    )


def _records(part: "TokenizedSamples") -> list[dict[str, Any]]:
    return [
        {
            "text": sample.text,
            "domain": sample.domain,
            "flags": list(sample.flags),
            "tokens": int(length),
            "source": sample.source,
        }
        for sample, length in zip(part.samples, part.lengths, strict=True)
    ]
