"""From a configuration to token arrays: load, split, train the BPE, cut, check, shuffle."""

import hashlib
from functools import partial

import numpy as np
from tokenizers import Tokenizer

from reorder_core.config import CorpusConfig, TokenizerConfig
from reorder_core.corpus.encoding import Window, cut_windows, stack, train_tokenizer
from reorder_core.corpus.overlap import SeenRuns, overlap
from reorder_core.corpus.python_docs import DOMAINS, python_documents
from reorder_core.corpus.samples import Document, EncodedCorpus, TokenizedSamples
from reorder_core.corpus.splitting import (
    PROBES_PER_DOCUMENT,
    TRAIN_PER_DOCUMENT,
    Split,
    equal_shares,
    split_domain,
    take_windows,
)
from reorder_core.errors import CorpusError

# Streams of random numbers, so that one step's draws never shift another's.
LOADING, SPLITTING, TAKING, SHUFFLING = range(4)


def prepare_corpus(config: CorpusConfig, tokenizer: TokenizerConfig, seed: int) -> EncodedCorpus:
    """Samples to analyse, held-out probes and samples of the base phase, as tokens.

    The same configuration, seed and text give the same bits. Raises
    CorpusError for text that cannot be read or is not enough.
    """
    by_domain = _by_domain(_load(config, seed), config)
    length = config.sequence_length
    random = np.random.default_rng([seed, SPLITTING])
    splits = {
        domain: split_domain(documents, config.probes_per_domain, length, random)
        for domain, documents in by_domain.items()
    }
    bpe = train_tokenizer(
        (d.text for split in splits.values() for d in split.rest), tokenizer.vocab_size
    )
    train, base = _take_trained(splits, config, bpe, seed)
    probes = _take_probes(splits, config, bpe, SeenRuns(w.tokens for w in train + base), seed)
    order = np.random.default_rng([seed, SHUFFLING]).permutation(len(train))
    parts = {
        "train": stack([train[i] for i in order], bpe, length),
        "probes": stack(probes, bpe, length),
        "base": stack(base, bpe, length),
    }
    assert not overlap(parts["probes"], parts["train"])
    assert not overlap(parts["probes"], parts["base"])
    return EncodedCorpus(**parts, tokenizer=bpe, digest=_digest(parts))


def _load(config: CorpusConfig, seed: int) -> list[Document]:
    random = np.random.default_rng([seed, LOADING])
    if config.kind == "python-docs":
        return python_documents(_characters(config), random)
    raise NotImplementedError(config.kind)


def _characters(config: CorpusConfig) -> int:
    """Text to read of each domain: some three times what the samples hold."""
    domains = len(config.domains or DOMAINS)
    samples = (config.samples + config.base_samples) // domains + 3 * config.probes_per_domain
    return 100_000 + 3 * 4 * config.sequence_length * samples


def _by_domain(documents: list[Document], config: CorpusConfig) -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = {}
    for document in documents:
        found.setdefault(document.domain, []).append(document)
    wanted = config.domains or tuple(sorted(found))
    for domain in wanted:
        if domain not in found:
            raise CorpusError(
                f"corpus.domains names {domain!r}, which this corpus has not; "
                f"it has {', '.join(sorted(found))}"
            )
    return {domain: found[domain] for domain in dict.fromkeys(wanted)}


def _take_trained(
    splits: dict[str, Split], config: CorpusConfig, bpe: Tokenizer, seed: int
) -> tuple[list[Window], list[Window]]:
    """(train, base), equal shares of each domain, no two windows the same."""
    cut = partial(cut_windows, tokenizer=bpe, length=config.sequence_length)
    seen: set[tuple[int, ...]] = set()
    train: list[Window] = []
    base: list[Window] = []
    left: list[tuple[Document, ...]] = []
    random = np.random.default_rng([seed, TAKING])
    shares = equal_shares(config.samples, len(splits))
    for (domain, split), share in zip(splits.items(), shares, strict=True):
        taken, used = take_windows(split.rest, share, TRAIN_PER_DOCUMENT, cut, seen, random)
        if len(taken) < share:
            raise _too_little(config, domain, "training samples", len(taken), share)
        train += taken
        left.append(split.rest[used:])
    for documents, share in zip(left, equal_shares(config.base_samples, len(left)), strict=True):
        base += take_windows(documents, share, 4 * TRAIN_PER_DOCUMENT, cut, seen, random)[0]
    if 2 * len(base) < config.base_samples:
        raise _too_little(config, "all", "base samples", len(base), config.base_samples)
    return train, base


def _take_probes(
    splits: dict[str, Split], config: CorpusConfig, bpe: Tokenizer, trained: SeenRuns, seed: int
) -> list[Window]:
    cut = partial(cut_windows, tokenizer=bpe, length=config.sequence_length)
    random = np.random.default_rng([seed, TAKING, 1])
    probes: list[Window] = []
    for domain, split in splits.items():
        everything = 10**9
        candidates, _ = take_windows(
            split.held_out, everything, PROBES_PER_DOCUMENT, cut, set(), random
        )
        unseen = [w for w in candidates if w.tokens not in trained]
        if len(unseen) < config.probes_per_domain:
            raise _too_little(config, domain, "probes", len(unseen), config.probes_per_domain)
        probes += unseen[: config.probes_per_domain]
    return probes


def _too_little(
    config: CorpusConfig, domain: str, what: str, got: int, wanted: int
) -> CorpusError:
    where = f"domain {domain!r}" if domain != "all" else "this corpus"
    return CorpusError(
        f"too little text in {where}: it gives {got} {what} of at most "
        f"{config.sequence_length} tokens, but {wanted} are needed (samples {config.samples}, "
        f"base_samples {config.base_samples}, probes_per_domain {config.probes_per_domain}); "
        "add text, lower these numbers, or name other domains in corpus.domains"
    )


def _digest(parts: dict[str, TokenizedSamples]) -> str:
    digest = hashlib.sha256()
    for name, part in parts.items():
        for sample in part.samples:
            digest.update(repr((name, sample.domain, sample.flags, sample.text)).encode())
        digest.update(part.tokens.astype("<i4").tobytes())
    return digest.hexdigest()
