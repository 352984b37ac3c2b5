"""Canaries' texts and others of their form: the same text with other digits for its secret."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reorder_core.store.run import Run

CANARY = "canary"
ALTERNATIVES = 512
"""Secrets drawn for each canary."""
_DIGITS = re.compile(r"\d(?:[ -]?\d){3,}")
_TRIES = 64
_SEED = 5


@dataclass(frozen=True, slots=True, eq=False)
class Secret:
    """One canary's text and what could stand in its place."""

    samples: tuple[int, ...]
    """Those that have this text."""
    first: int
    """Of its tokens, the first of the secret."""
    end: int
    """The one behind the last that another secret may change."""
    space: float
    """log2 of how many secrets of that form, and of as many tokens, there are about."""
    tokens: NDArray[np.int32]
    """(M, L) the text with other secrets."""


def canary_texts(run: Run) -> list[tuple[int, ...]]:
    """Samples flagged as canaries, those with one text together."""
    found: dict[str, list[int]] = {}
    for sample in run.samples:
        if CANARY in sample.flags:
            found.setdefault(sample.text, []).append(sample.sample_id)
    return [tuple(ids) for ids in found.values()]


def find_secrets(run: Run, tokenizer: Any, count: int = ALTERNATIVES) -> list[Secret]:
    """The canaries whose secret can be told: a run of four digits or more in their text.

    Those that have none, or whose text is not what their tokens say, are left out, and those of
    which hardly any other secret has as many tokens.
    """
    tokens = run.arrays("tokens")
    rows, lengths = np.asarray(tokens["train"]), tokens["train_lengths"]
    made = (
        _secret(run.samples[ids[0]].text, ids, rows[ids[0], : lengths[ids[0]]], tokenizer,
                (count, rows.shape[1]), run.config.seed)
        for ids in canary_texts(run)
    )  # fmt: skip
    return [secret for secret in made if secret is not None]


def _secret(
    text: str, samples: tuple[int, ...], row: NDArray[Any], tokenizer: Any,
    shape: tuple[int, int], seed: int,
) -> Secret | None:  # fmt: skip
    match, encode = _DIGITS.search(text), partial(_encoded, tokenizer)
    own = encode(text)
    place = _found_at(own, row.tolist())
    if match is None or place is None:
        return None
    before, behind = row[:place].tolist(), row[place + len(own) :].tolist()
    digits, random = re.sub(r"\D", "", match[0]), np.random.default_rng([seed, _SEED])
    found: dict[str, list[int]] = {}
    tried = 0
    while len(found) < shape[0] and tried < _TRIES * shape[0]:
        tried += 1
        secret = _filled(match[0], random.integers(0, 10, len(digits)).tolist())
        ids = encode(text[: match.start()] + secret + text[match.end() :])
        # A digit that takes two tokens costs more whatever was learned, so only secrets of as
        # many tokens are compared.
        if len(ids) == len(own) and secret != match[0]:
            found[secret] = [*before, *ids, *behind]
    if len(found) < shape[0]:
        return None
    rows = np.zeros(shape, np.int32)
    rows[:, : len(row)] = list(found.values())
    changed = np.flatnonzero((rows[:, : len(row)] != row).any(0))
    space = len(digits) * float(np.log2(10)) + float(np.log2(len(found) / tried))
    return Secret(samples, int(changed[0]), int(changed[-1]) + 1, space, rows)


def _filled(form: str, digits: Sequence[int]) -> str:
    """The form of a secret with these digits."""
    left = iter(digits)
    return "".join(str(next(left)) if letter.isdigit() else letter for letter in form)


def _encoded(tokenizer: Any, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False).ids


def _found_at(part: Sequence[int], whole: Sequence[int]) -> int | None:
    """Where `part` lies in `whole`: behind a beginning, before an ending, if there is one."""
    for place in range(len(whole) - len(part) + 1):
        if list(whole[place : place + len(part)]) == list(part):
            return place
    return None
