"""A recall as it lies beside a run: one sealed array file an order, under RUN/measured/recall.

Beside the ledger and not in it, as all that is measured: no estimator learns from it.
"""

import hashlib
import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reorder_core.errors import StoreError
from reorder_core.store.files import (
    Arrays,
    FileState,
    arrays_in,
    mapped,
    metadata_in,
    state_of,
    write_arrays,
)
from reorder_core.store.run import Run
from reorder_core.store.sealed import Damage

log = logging.getLogger(__name__)
Array = NDArray[Any]
_ADVICE = "delete it, then measure it again with: python -m reorder_core recall"
_NAME = re.compile(r"([0-9a-f]{16})(?:\.([a-z+_-]{1,40}))?\.safetensors")


@dataclass(frozen=True, slots=True, eq=False)
class Recall:
    """What was measured on one model; N samples, P probes, L tokens, C canaries' texts."""

    order_hash: str
    estimator: str
    """Whose materialized parameters these are; empty for a real training's."""
    token_loss: Array
    """(N, L−1) float32 nats of each next token; nan where the loss does not count."""
    hit: Array
    """(N, L−1) whether the true next token is the most likely one."""
    probe_token_loss: Array
    """(P, L−1) float32, as `token_loss`."""
    shown: Array
    """(G,) samples of which there is a greedy continuation."""
    prompt: Array
    """(G,) tokens that it continues."""
    greedy: tuple[str, ...]
    """G texts, as long as what is there in truth."""
    canary: Array
    """(C,) a sample of each canary's text."""
    secret: Array
    """(C, 2) first token of the secret, and the one behind it."""
    space: Array
    """(C,) float64, log2 of how many secrets of that form there are."""
    alternatives: Array
    """(C, M) float32 losses of the canary's text with other secrets, the same for all orders."""
    fit: Array
    """(C, 4) float64 shape, location, scale of the skew-normal law of these losses, and the
    p-value of a Kolmogorov-Smirnov test of it."""
    extra: Mapping[str, Array] = field(default_factory=dict)
    """Of the reference run only: `ends` (N, L) where each token ends in its sample's text,
    `mean_slope` and `spread_slope` (C, s): the gradients, on the run's coordinates, of the mean of
    the alternatives' losses and of the logarithm of their standard deviation."""

    @property
    def loss(self) -> Array:
        """(N,) mean over the counted tokens of each sample."""
        return np.nanmean(self.token_loss.astype(np.float64), axis=1)

    @property
    def probe_loss(self) -> Array:
        """(P,)"""
        return np.nanmean(self.probe_token_loss.astype(np.float64), axis=1)


_ARRAYS = ("token_loss", "hit", "probe_token_loss", "shown", "prompt", "canary", "secret",
           "space", "alternatives", "fit")  # fmt: skip
_EXTRA = ("ends", "mean_slope", "spread_slope")


class Recalls:
    """Those of one run; its folder may grow at any time."""

    def __init__(self, run: Run) -> None:
        self.run, self.folder = run, run.path / "measured" / "recall"
        self._read: dict[str, tuple[FileState, Recall | Damage]] = {}

    def of(self, order_hash: str, estimator: str = "") -> Recall | None:
        """What is known of an order; None where nobody measured it, or the file is damaged."""
        found = self._entry(_file(order_hash, estimator))
        return None if isinstance(found, Damage) else found

    def keep(self, recall: Recall) -> Path:
        """Write it, in the place of an older one; StoreError where the folder cannot be written."""
        path = self.folder / _file(recall.order_hash, recall.estimator)
        arrays = {name: np.asarray(getattr(recall, name)) for name in _ARRAYS}
        for name in ("token_loss", "probe_token_loss"):
            arrays[name] = arrays[name].astype(np.float16)
        arrays |= {name: np.asarray(recall.extra[name]) for name in recall.extra}
        about = {"run": self.run.id, "order_hash": recall.order_hash,
                 "estimator": recall.estimator, "greedy": json.dumps(recall.greedy)}  # fmt: skip
        try:
            write_arrays(path, arrays, about | {"digest": _digest(arrays, about)})
        except OSError as error:
            raise StoreError(
                f"cannot write what was measured to {path} ({error.strerror}); "
                "give write access to the run folder, or copy it somewhere writable"
            ) from None
        return path

    def all(self) -> list[tuple[str, str]]:
        """(order hash, estimator) of all files, in no order that means anything."""
        found = map(_NAME.fullmatch, self._names())
        return [(match[1], match[2] or "") for match in found if match]

    @property
    def stamp(self) -> str:
        """Changes whenever a file is added or altered."""
        states = [(name, *(state_of(self.folder / name) or ())) for name in self._names()]
        return hashlib.sha256(json.dumps(states).encode()).hexdigest()[:16]

    @property
    def damaged(self) -> tuple[Damage, ...]:
        """Files that cannot be believed: which, why, what to do."""
        found = (self._entry(name) for name in self._names() if _NAME.fullmatch(name))
        return tuple(one for one in found if isinstance(one, Damage))

    def _names(self) -> list[str]:
        return sorted(path.name for path in self._paths())

    def _paths(self) -> Iterator[Path]:
        return self.folder.glob("*.safetensors") if self.folder.is_dir() else iter(())

    def _entry(self, name: str) -> Recall | Damage | None:
        state = state_of(self.folder / name)
        if state is None:
            return None
        known = self._read.get(name)
        if known is None or known[0] != state:
            known = self._read[name] = (state, self._load(self.folder / name))
        return known[1]

    def _load(self, path: Path) -> Recall | Damage:
        try:
            return self._parsed(path)
        except (StoreError, KeyError, TypeError, ValueError, OverflowError) as error:
            log.warning("left out of what was measured: %s (%s)", path, error)
            return Damage(path, str(error), _ADVICE)

    def _parsed(self, path: Path) -> Recall:
        content = mapped(path)
        arrays, about = arrays_in(content, path), metadata_in(content, path)
        seal = about.pop("digest", "")
        if seal != (seen := _digest(arrays, about)):
            raise ValueError(f"its digest is {seen[:12]}, expected {seal[:12]}")
        expected = {"run": self.run.id, "order_hash": path.name[:16]}
        for name, value in expected.items():
            if about[name] != value:
                raise ValueError(f"its {name} is {about[name]}, expected {value}")
        if path.name != _file(about["order_hash"], about["estimator"]):
            raise ValueError(f"it is of the estimator {about['estimator']!r}, as its name is not")
        if len(arrays["token_loss"]) != self.run.count:
            raise ValueError(
                f"it is of {len(arrays['token_loss'])} samples, expected {self.run.count}"
            )
        held = {name: arrays[name] for name in _ARRAYS}
        for name in ("token_loss", "probe_token_loss"):
            held[name] = held[name].astype(np.float32)
        extra = {name: arrays[name] for name in _EXTRA if name in arrays}
        greedy = tuple(map(str, json.loads(about["greedy"])))
        return Recall(about["order_hash"], about["estimator"], greedy=greedy, extra=extra, **held)


def _file(order_hash: str, estimator: str) -> str:
    return f"{order_hash}{'.' + estimator if estimator else ''}.safetensors"


def _digest(arrays: Arrays, about: Mapping[str, str]) -> str:
    """SHA-256 of all that a file holds."""
    digest = hashlib.sha256(json.dumps(dict(sorted(about.items()))).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
