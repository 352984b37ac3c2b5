"""From a configuration to token arrays: load, split, train the BPE, cut, check, shuffle."""

import hashlib
from collections.abc import Iterator
from functools import partial

import numpy as np

from reorder_core.config import TokenizerConfig
from reorder_core.corpus.encoding import Encoder, Window, cut_windows, stack, train_tokenizer
from reorder_core.corpus.overlap import RUN, SeenRuns, overlap
from reorder_core.corpus.planted import canary_documents, canary_windows, poison
from reorder_core.corpus.samples import Document, EncodedCorpus, TokenizedSamples
from reorder_core.corpus.sources.source import Source
from reorder_core.corpus.splitting import (
    BASE_PER_DOCUMENT,
    PROBES_PER_DOCUMENT,
    TRAIN_PER_DOCUMENT,
    Split,
    equal_shares,
    split_domain,
    take_windows,
)
from reorder_core.errors import CorpusError, unknown_domain

# Streams of random numbers, so that one step's draws never shift another's.
LOADING, SPLITTING, TRAINED, PROBES, PLANTING, SHUFFLING = range(6)


def prepare_corpus(
    config: Source, tokenizer: TokenizerConfig, seed: int, encoder: Encoder | None = None
) -> EncodedCorpus:
    """Samples to analyse, held-out probes and samples of the base phase, as tokens.

    By a pretrained model's `encoder`, else by a tokenizer trained on the text.

    The same configuration, seed and text give the same bits. Raises
    CorpusError for text that cannot be read or is not enough.
    """
    planted = config.planted
    if planted.samples + planted.poisoned > config.samples:
        raise CorpusError(
            f"corpus.samples is {config.samples}, but {planted.samples} canary samples and "
            f"{planted.poisoned} poisoned ones are to be planted; plant fewer, or train more "
            "samples"
        )
    secrets = canary_documents(planted.canaries, np.random.default_rng([seed, PLANTING]))
    splits = _split(config, seed)
    texts = [d.text for d in (*_texts_to_train(splits, config), *secrets)]
    bpe = encoder or train_tokenizer(texts, tokenizer.vocab_size)

    train, base = _take_trained(splits, config, config.samples - planted.samples, bpe, seed)
    train = poison(train, planted.poisoned, np.random.default_rng([seed, PLANTING, 1]), bpe)
    train += canary_windows(secrets, planted.repetitions, bpe, config.sequence_length)
    probes = _take_probes(splits, config, bpe, SeenRuns(w.tokens for w in train + base), seed)
    order = np.random.default_rng([seed, SHUFFLING]).permutation(len(train))
    chosen = {"train": [train[i] for i in order], "probes": probes, "base": base}
    parts = {name: stack(w, bpe, config.sequence_length) for name, w in chosen.items()}
    for trained in ("train", "base"):
        assert not overlap(parts["probes"], parts[trained])
    return EncodedCorpus(**parts, tokenizer=bpe.tokenizer, digest=_digest(parts))


def _split(config: Source, seed: int) -> dict[str, Split]:
    """Each wanted domain's documents, split; sorted by domain unless the config orders them."""
    found: dict[str, list[Document]] = {}
    for document in config.documents(np.random.default_rng([seed, LOADING])).documents:
        found.setdefault(document.domain, []).append(document)
    random = np.random.default_rng([seed, SPLITTING])
    splits: dict[str, Split] = {}
    for domain in dict.fromkeys(config.domains or sorted(found)):
        if domain not in found:
            raise unknown_domain(domain, sorted(found))
        splits[domain] = split_domain(
            found[domain], config.probes_per_domain, config.sequence_length, random
        )
    if config.samples < len(splits):
        raise CorpusError(
            f"corpus.samples is {config.samples}, fewer than the {len(splits)} domains "
            f"({', '.join(list(splits)[:8])}); name some of them in corpus.domains"
        )
    return splits


def _texts_to_train(splits: dict[str, Split], config: Source) -> Iterator[Document]:
    """The documents that train and base are taken from, and not much more of a large corpus."""
    for split in splits.values():
        room = config.characters_per_domain(len(splits))
        for document in split.rest:
            if room <= 0:
                break
            yield document
            room -= len(document.text)


def _take_trained(
    splits: dict[str, Split], config: Source, count: int, bpe: Encoder, seed: int
) -> tuple[list[Window], list[Window]]:
    """(train, base), equal shares of each domain, no two windows the same."""
    cut = partial(cut_windows, encoder=bpe, length=config.sequence_length)
    random = np.random.default_rng([seed, TRAINED])
    seen: set[tuple[int, ...]] = set()
    train: list[Window] = []
    base: list[Window] = []
    left: list[tuple[Document, ...]] = []
    shares = equal_shares(count, len(splits))
    for (domain, split), share in zip(splits.items(), shares, strict=True):
        taken, used = take_windows(split.rest, share, TRAIN_PER_DOCUMENT, cut, seen, random)
        if len(taken) < share:
            raise _too_little(config, f"domain {domain!r}", "training samples", len(taken), share)
        train += taken
        left.append(split.rest[used:])
    for documents, share in zip(left, equal_shares(config.base_samples, len(left)), strict=True):
        base += take_windows(documents, share, BASE_PER_DOCUMENT, cut, seen, random)[0]
    if 2 * len(base) < config.base_samples:
        raise _too_little(config, "this corpus", "base samples", len(base), config.base_samples)
    return train, base


def _take_probes(
    splits: dict[str, Split], config: Source, bpe: Encoder, trained: SeenRuns, seed: int
) -> list[Window]:
    """Windows of held-out documents that share no run of tokens with what is trained."""
    cut = partial(cut_windows, encoder=bpe, length=config.sequence_length)
    random = np.random.default_rng([seed, PROBES])
    wanted = config.probes_per_domain
    seen: set[tuple[int, ...]] = set()
    probes: list[Window] = []
    for domain, split in splits.items():
        every = sum(len(document.text) for document in split.held_out)
        candidates, _ = take_windows(split.held_out, every, PROBES_PER_DOCUMENT, cut, seen, random)
        unseen = [w for w in candidates if w.tokens not in trained]
        if len(unseen) < wanted:
            what = f"held-out probes that share no {RUN} tokens with a trained sample,"
            raise _too_little(config, f"domain {domain!r}", what, len(unseen), wanted)
        probes += unseen[:wanted]
    return probes


def _too_little(config: Source, where: str, what: str, got: int, wanted: int) -> CorpusError:
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
