"""Which windows are trained, held out or left to the base phase; what falls short of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from reorder_core.corpus.encoding import Encoder, Window, cut_windows
from reorder_core.corpus.overlap import RUN, SeenRuns, shared_runs
from reorder_core.corpus.samples import Document
from reorder_core.corpus.sources.source import Source
from reorder_core.corpus.splitting import (
    BASE_PER_DOCUMENT,
    PROBES_PER_DOCUMENT,
    TRAIN_PER_DOCUMENT,
    Split,
    equal_shares,
    take_windows,
)
from reorder_core.errors import CorpusError

# Streams of random numbers, so that one step's draws never shift another's.
LOADING, SPLITTING, TRAINED, PROBES, PLANTING, SHUFFLING, LEFT_OVER, RESERVING = range(8)
PROBES_WANTED = f"held-out probes that share no {RUN} tokens with a trained sample,"


@dataclass(frozen=True, slots=True)
class Short:
    """A domain that cannot give what is asked of it."""

    domain: str
    what: str
    got: int
    wanted: int


def texts_to_train(splits: Mapping[str, Split], config: Source) -> Iterator[Document]:
    """The documents that train and base are taken from, and not much more of a large corpus."""
    for split in splits.values():
        room = config.characters_per_domain(len(splits))
        for document in split.rest:
            if room <= 0:
                break
            yield document
            room -= len(document.text)


def take_trained(
    splits: Mapping[str, Split], config: Source, count: int, encoder: Encoder, seed: int
) -> tuple[list[Window], list[Window], list[Short]]:
    """(train, base), equal shares of each domain, no two windows the same; who falls short.

    Base takes documents that train left untouched, then what train left of its own.
    """
    cut = partial(cut_windows, encoder=encoder, length=config.sequence_length)
    random = np.random.default_rng([seed, TRAINED])
    seen: set[tuple[int, ...]] = set()
    train: list[Window] = []
    short: list[Short] = []
    untouched: list[int] = []
    shares = equal_shares(count, len(splits))
    for (domain, split), share in zip(splits.items(), shares, strict=True):
        taken, used = take_windows(split.rest, share, TRAIN_PER_DOCUMENT, cut, seen, random)
        if len(taken) < share:
            short.append(Short(domain, "training samples", len(taken), share))
        train += taken
        untouched.append(used)
    taken_by = []
    shares = equal_shares(config.base_samples, len(splits))
    for split, used, share in zip(splits.values(), untouched, shares, strict=True):
        rest = split.rest[used:]
        taken_by.append(take_windows(rest, share, BASE_PER_DOCUMENT, cut, seen, random)[0])
    random = np.random.default_rng([seed, LEFT_OVER])
    for split, used, share, taken in zip(splits.values(), untouched, shares, taken_by, strict=True):
        if len(taken) < share:
            wanted, of_train = share - len(taken), split.rest[:used]
            more, _ = take_windows(of_train, wanted, BASE_PER_DOCUMENT, cut, seen, random)
            taken.extend(more)
    base = [window for windows in taken_by for window in windows]
    if not short and 2 * len(base) < config.base_samples:
        raise too_little(
            config, [Short("this corpus", "base samples", len(base), config.base_samples)]
        )
    return train, base, short


@dataclass(frozen=True, slots=True)
class Probes:
    """Held-out windows, and how they came to be taken for unseen."""

    windows: list[Window]
    short: list[Short]
    notes: tuple[str, ...] = ()
    """Where wording that many samples share was set aside."""


def take_probes(
    splits: Mapping[str, Split], config: Source, encoder: Encoder, trained: list[Window], seed: int
) -> Probes:
    """Windows of held-out documents that share no run of tokens with what is trained.

    Where a domain has too few, wording that many of its trained samples share
    is set aside, such as one instruction that every row begins with.
    """
    cut = partial(cut_windows, encoder=encoder, length=config.sequence_length)
    random = np.random.default_rng([seed, PROBES])
    wanted = config.probes_per_domain
    seen, known = SeenRuns(w.tokens for w in trained), set[tuple[int, ...]]()
    probes, short, notes = [], [], []
    for domain, split in splits.items():
        every = sum(len(document.text) for document in split.held_out)
        candidates, _ = take_windows(split.held_out, every, PROBES_PER_DOCUMENT, cut, known, random)
        unseen = [w for w in candidates if w.tokens not in seen]
        if len(unseen) < wanted:
            shared = shared_runs([w.tokens for w in trained if w.domain == domain])
            was_trained = seen.own_wording(shared)
            more = [w for w in candidates if not was_trained(w.tokens)]
            if shared and len(more) >= wanted:
                notes.append(_told(domain, shared, encoder))
                unseen = more
        if len(unseen) < wanted:
            short.append(Short(domain, PROBES_WANTED, len(unseen), wanted))
        probes += unseen[:wanted]
    return Probes(probes, short, tuple(notes))


def _told(domain: str, shared: frozenset[tuple[int, ...]], encoder: Encoder) -> str:
    example = encoder.tokenizer.decode(list(min(shared)))
    return (
        f"in domain {domain!r} {len(shared)} runs of {RUN} tokens that many trained samples share "
        f"do not count as overlap, such as {example!r}"
    )


def too_little(config: Source, short: list[Short], able: tuple[str, ...] = ()) -> CorpusError:
    """Every domain that falls short, what it gives, and what to change."""
    if len(short) == 1:
        (one,) = short
        where = one.domain if one.what == "base samples" else f"domain {one.domain!r}"
        told = (
            f"too little text in {where}: it gives {one.got} {one.what} of at most "
            f"{config.sequence_length} tokens, but {one.wanted} are needed"
        )
    else:
        lines = "; ".join(f"{s.domain!r} gives {s.got} of {s.wanted} {s.what}" for s in short[:40])
        more = f"; and {len(short) - 40} more" if len(short) > 40 else ""
        told = f"too little text in {len(short)} domains: {lines}{more}"
    advice = "add text, lower these numbers, or name other domains in corpus.domains"
    if able:
        advice = f"add text, lower these numbers, or set corpus.domains: {_yaml(able)}"
    return CorpusError(
        f"{told} (samples {config.samples}, base_samples {config.base_samples}, "
        f"probes_per_domain {config.probes_per_domain}); {advice}"
    )


def _yaml(names: tuple[str, ...]) -> str:
    return "[" + ", ".join(names) + "]"
