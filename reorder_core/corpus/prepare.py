"""From a configuration to token arrays: load, split, train the BPE, cut, check, shuffle."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reorder_core.corpus.chats import written
from reorder_core.corpus.choosing import (
    LOADING,
    PLANTING,
    RESERVING,
    SHUFFLING,
    SPLITTING,
    Probes,
    Short,
    take_probes,
    take_trained,
    texts_to_train,
    too_little,
)
from reorder_core.corpus.encoding import Encoder, Window, stack, train_tokenizer
from reorder_core.corpus.overlap import overlap
from reorder_core.corpus.planted import canary_documents, canary_windows, poison
from reorder_core.corpus.reading.cleaning import shown
from reorder_core.corpus.samples import Document, EncodedCorpus, TokenizedSamples
from reorder_core.corpus.sources.source import Found, Source
from reorder_core.corpus.splitting import Split, split_domain
from reorder_core.corpus.tokenizer_config import TokenizerConfig
from reorder_core.errors import CorpusError, unknown_domain

MOST_LEFT_OUT = 0.5
"""Share of the text that is left out with domains too small; where they hold more, an error."""
_BEGINNINGS, _SHOWN = 3, 80


@dataclass(frozen=True, slots=True)
class _Chosen:
    """One choice of windows from some domains."""

    train: list[Window]
    base: list[Window]
    probes: Probes
    encoder: Encoder
    short: list[Short]


def prepare_corpus(
    config: Source,
    tokenizer: TokenizerConfig,
    seed: int,
    encoder: Encoder | None = None,
    in_file_order: bool = False,
) -> EncodedCorpus:
    """Samples to analyse, held-out probes and samples of the base phase, as tokens.

    By a pretrained model's `encoder`, else by a tokenizer trained on the text.

    The same configuration, seed and text give the same bits. Sample ids are
    shuffled by seed, or follow the source's own order. Domains that cannot
    fill their share are left out, which the report says. Raises CorpusError
    for text that cannot be read or is not enough.
    """
    _refuse_planting(config)
    fingerprint = config.fingerprint()
    found = config.documents(np.random.default_rng([seed, LOADING]))
    found = written(found, encoder and encoder.chat, _why_no_chat(encoder))
    documents = _by_domain(found.documents)
    chosen, left_out = _choose(config, tokenizer, seed, documents, encoder)
    train = chosen.train
    if in_file_order:
        order = sorted(range(len(train)), key=lambda i: train[i].place)
    else:
        order = np.random.default_rng([seed, SHUFFLING]).permutation(len(train)).tolist()
    order = _reserve_last(order, train, config.reserve, np.random.default_rng([seed, RESERVING]))
    _refuse_unknown_repetitions(config, train)
    windows = {
        "train": [train[i] for i in order],
        "probes": chosen.probes.windows,
        "base": chosen.base,
    }
    parts = {name: stack(w, chosen.encoder, config.sequence_length) for name, w in windows.items()}
    for trained in ("train", "base"):
        assert chosen.probes.notes or not overlap(parts["probes"], parts[trained])
    read = report(found, documents, left_out, parts, chosen.probes.notes) | {"digest": fingerprint}
    return EncodedCorpus(
        **parts, tokenizer=chosen.encoder.tokenizer, digest=digest_of(parts), read=read
    )


def _why_no_chat(encoder: Encoder | None) -> str:
    if encoder is None:
        return "model.from names no pretrained model, and a new one's tokenizer knows no chats"
    return "the tokenizer of the model that model.from names has no chat template"


def _reserve_last(
    order: list[int], train: list[Window], reserve: int, random: np.random.Generator
) -> list[int]:
    """`order` with the reserve at its end: random samples, none of them planted."""
    if not reserve:
        return order
    plain = [place for place, i in enumerate(order) if not train[i].flags]
    chosen = set(random.permutation(plain)[:reserve].tolist())
    kept = [i for place, i in enumerate(order) if place not in chosen]
    return kept + [i for place, i in enumerate(order) if place in chosen]


def _refuse_unknown_repetitions(config: Source, train: Sequence[Window]) -> None:
    names = sorted({name for window in train for name in (*window.flags, window.domain)})
    for name in config.repetitions:
        if name not in names:
            raise CorpusError(
                f"corpus.repetitions names {name[:60]!r}, but no sample has that flag or domain; "
                f"there are {', '.join(names[:20])}"
            )


def _refuse_planting(config: Source) -> None:
    planted = config.planted
    if planted.samples + planted.poisoned > config.samples:
        raise CorpusError(
            f"corpus.samples is {config.samples}, but {planted.samples} canary samples and "
            f"{planted.poisoned} poisoned ones are to be planted; plant fewer, or train more "
            "samples"
        )


def _by_domain(documents: Sequence[Document]) -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = {}
    for place, document in enumerate(documents):
        found.setdefault(document.domain, []).append(replace(document, place=(place,)))
    return dict(sorted(found.items()))


def _choose(
    config: Source,
    tokenizer: TokenizerConfig,
    seed: int,
    found: Mapping[str, list[Document]],
    encoder: Encoder | None,
) -> tuple[_Chosen, dict[str, Short]]:
    """Windows of the domains named in the config, or of all that can fill their share.

    Without the small ones the shares of the others grow, so it is tried again
    until none falls short.
    """
    for domain in config.domains or ():
        if domain not in found:
            raise unknown_domain(domain, found)
    domains = list(dict.fromkeys(config.domains or found))
    left_out: dict[str, Short] = {}
    while True:
        chosen = _attempt(config, tokenizer, seed, {name: found[name] for name in domains}, encoder)
        if not chosen.short:
            return chosen, left_out
        left_out |= {short.domain: short for short in chosen.short}
        domains = [name for name in domains if name not in left_out]
        size = {name: sum(len(d.text) for d in documents) for name, documents in found.items()}
        small = sum(size[name] for name in left_out)
        if config.domains or not domains or small > MOST_LEFT_OUT * sum(size.values()):
            raise too_little(config, list(left_out.values()), tuple(domains))


def _attempt(
    config: Source,
    tokenizer: TokenizerConfig,
    seed: int,
    found: Mapping[str, list[Document]],
    encoder: Encoder | None,
) -> _Chosen:
    planted = config.planted
    secrets = canary_documents(planted.canaries, np.random.default_rng([seed, PLANTING]))
    splits = _split(config, seed, found)
    texts = [d.text for d in (*texts_to_train(splits, config), *secrets)]
    encoder = encoder or train_tokenizer(texts, tokenizer.vocab_size)
    count = config.samples + config.reserve - planted.samples
    train, base, short = take_trained(splits, config, count, encoder, seed)
    train = poison(train, planted.poisoned, np.random.default_rng([seed, PLANTING, 1]), encoder)
    train += canary_windows(secrets, planted.repetitions, encoder, config.sequence_length)
    probes = take_probes(splits, config, encoder, train + base, seed)
    known = {s.domain for s in short}
    return _Chosen(
        train, base, probes, encoder, [*short, *(s for s in probes.short if s.domain not in known)]
    )


def _split(config: Source, seed: int, found: Mapping[str, list[Document]]) -> dict[str, Split]:
    """Each domain's documents, split."""
    if config.samples < len(found):
        largest = sorted(found, key=lambda name: -sum(len(d.text) for d in found[name]))
        raise CorpusError(
            f"corpus.samples is {config.samples}, fewer than the {len(found)} domains "
            f"({', '.join(list(found)[:8])}); name some of them in corpus.domains, such as the "
            f"largest: [{', '.join(largest[: max(1, config.samples // 8)][:8])}]"
        )
    random = np.random.default_rng([seed, SPLITTING])
    return {
        name: split_domain(documents, config.probes_per_domain, config.sequence_length, random)
        for name, documents in found.items()
    }


def report(
    found: Found,
    documents: Mapping[str, list[Document]],
    left_out: Mapping[str, Short],
    parts: Mapping[str, TokenizedSamples],
    notes: tuple[str, ...],
) -> dict[str, Any]:
    """What was read, as `plan`, `build` and their --json tell it."""
    counts = {name: Counter(s.domain for s in part.samples) for name, part in parts.items()}
    return {
        "files": found.files,
        "rows": found.rows,
        "documents": len(found.documents),
        "duplicates": sum(len(d) - len({one.text for one in d}) for d in documents.values()),
        "domains": {
            name: {
                "documents": len(documents.get(name, ())),
                "characters": sum(len(d.text) for d in documents.get(name, ())),
                **{part: counts[part][name] for part in parts},
            }
            for name in sorted({*counts["train"], *counts["probes"]})
        },
        "left_out": {
            name: f"gives {short.got} of {short.wanted} {short.what.rstrip(',')}"
            for name, short in left_out.items()
        },
        "beginnings": [
            {"domain": s.domain, "source": s.source, "text": shown(s.text, _SHOWN)}
            for s in parts["train"].samples[:_BEGINNINGS]
        ],
        "notes": [*found.notes, *notes],
    }


def digest_of(parts: Mapping[str, TokenizedSamples]) -> str:
    """sha256 over every sample's split, domain, text and tokens."""
    digest = hashlib.sha256()
    for name, part in parts.items():
        for sample in part.samples:
            digest.update(repr((name, sample.domain, sample.flags, sample.text)).encode())
        digest.update(part.tokens.astype("<i4").tobytes())
        if part.starts is not None:
            digest.update(part.starts.astype("<i4").tobytes())
    return digest.hexdigest()
