"""Real retrainings of a run: one JSON file an order, appended by anyone, never changed."""

import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reorder_core.errors import OrderError, StoreError
from reorder_core.orders.order import Order, make_order, order_hash, training_hash
from reorder_core.store.files import json_digest, read_json, write_json

log = logging.getLogger(__name__)
Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Retrained:
    """What a real training in another order gave; losses in nats per token."""

    run: str
    order_hash: str
    order: Order
    sample_loss_at: Array
    """(E, N) each sample's loss after `run.eval_steps` steps."""
    probe_loss_at: Array
    """(E, D) each held-out domain's mean loss."""
    seconds: float
    """Wall time of the training."""

    @property
    def sample_loss(self) -> Array:
        """(N,) final loss of each sample."""
        return self.sample_loss_at[-1]

    @property
    def probe_loss(self) -> Array:
        """(D,) final mean loss of each held-out domain."""
        return self.probe_loss_at[-1]


@dataclass(frozen=True, slots=True)
class Ledger:
    """The retrainings of one run, in a folder that many processes may append to."""

    folder: Path
    run: str
    samples: int
    """N, of the run."""
    batch_size: int
    """Samples a step, of the run."""
    probe_domains: int
    """D, of the run."""
    evaluations: int
    """E, of the run."""
    _read: dict[Path, tuple[int, Retrained | None]] = field(default_factory=dict, repr=False)
    _trains: dict[str, str] = field(default_factory=dict, repr=False)
    """Hash of an order → its training hash; what a file name says never changes."""

    def __len__(self) -> int:
        return len(self.all())

    def get(self, order_hash: str) -> Retrained | None:
        """The retraining of an order, None where nobody has paid for it yet."""
        return self._entry(self.folder / f"{order_hash}.json")

    def of(self, order: Order) -> Retrained | None:
        """What training in an order gave: its own retraining, or one that trains the same."""
        return self.get(order_hash(order)) or self._alike(training_hash(order, self.batch_size))

    def trains_as(self, entry: Retrained) -> str:
        """The training hash of an entry's order."""
        digest = self._trains.get(entry.order_hash)
        if digest is None:
            digest = training_hash(entry.order, self.batch_size)
            self._trains[entry.order_hash] = digest
        return digest

    def _alike(self, digest: str) -> Retrained | None:
        # Asked many times an update, mostly in vain: the folder is listed, only new files read.
        names = {path.removesuffix(".json") for path in self._listed() if path.endswith(".json")}
        for name in names - self._trains.keys():
            if (entry := self.get(name)) is not None:
                self.trains_as(entry)
        alike = sorted(name for name in names if self._trains.get(name) == digest)
        return next(filter(None, map(self.get, alike)), None)

    def _listed(self) -> list[str]:
        try:
            return os.listdir(self.folder)
        except OSError:
            return []

    def all(self) -> list[Retrained]:
        """Every readable retraining, by order hash; a damaged one is logged and left out."""
        entries = map(self._entry, sorted(self.folder.glob("*.json")))
        return [entry for entry in entries if entry is not None]

    def newest(self) -> list[Retrained]:
        """`all`, the last written first."""
        return sorted(self.all(), key=lambda e: (-self._written(e.order_hash), e.order_hash))

    def _written(self, order_hash: str) -> int:
        try:
            return (self.folder / f"{order_hash}.json").stat().st_mtime_ns
        except OSError:
            return 0

    @property
    def stamp(self) -> str:
        """Changes whenever a retraining is added or replaced."""
        files = sorted((path.name, path.stat().st_mtime_ns) for path in self.folder.glob("*.json"))
        return json_digest(files)[:16]

    def append(self, retrained: Retrained) -> None:
        """Keep a retraining; a second of the same order replaces the first whole.

        Raises StoreError where the folder cannot be written.
        """
        assert retrained.run == self.run, f"a retraining of {retrained.run} for {self.run}"
        path = self.folder / f"{retrained.order_hash}.json"
        record = {
            "run": retrained.run,
            "order_hash": retrained.order_hash,
            "order": retrained.order,
            "sample_loss_at": retrained.sample_loss_at,
            "probe_loss_at": retrained.probe_loss_at,
            "seconds": round(retrained.seconds, 3),
        }
        try:
            write_json(path, record)
        except OSError as error:
            raise StoreError(
                f"cannot write the retraining to {path} ({error.strerror}); "
                "give write access to the run folder, or copy it somewhere writable"
            ) from None

    def _entry(self, path: Path) -> Retrained | None:
        try:
            changed = path.stat().st_mtime_ns
        except OSError:
            return None
        known = self._read.get(path)
        if known is None or known[0] != changed:
            known = self._read[path] = (changed, self._load(path))
        return known[1]

    def _load(self, path: Path) -> Retrained | None:
        try:
            entry = self._parsed(read_json(path))
            if entry.order_hash != path.stem:
                raise ValueError(f"it holds order {entry.order_hash}")
        except (StoreError, OrderError, KeyError, TypeError, ValueError) as error:
            log.warning("left out of the ledger: %s (%s)", path, error)
            return None
        return entry

    def _parsed(self, record: dict[str, Any]) -> Retrained:
        if record["run"] != self.run:
            raise ValueError(f"it is for run {record['run']}, this run is {self.run}")
        order = make_order(record["order"], self.samples)
        if order_hash(order) != record["order_hash"]:
            raise ValueError(f"its order hashes to {order_hash(order)}")
        return Retrained(
            run=self.run,
            order_hash=record["order_hash"],
            order=order,
            sample_loss_at=_matrix(record["sample_loss_at"], (self.evaluations, self.samples)),
            probe_loss_at=_matrix(record["probe_loss_at"], (self.evaluations, self.probe_domains)),
            seconds=float(record["seconds"]),
        )


def _matrix(rows: Any, shape: tuple[int, int]) -> Array:
    # None stands for a loss that was not finite: a training may diverge.
    matrix = np.array(rows, dtype=np.float32)
    if matrix.shape != shape:
        raise ValueError(f"it holds losses of shape {matrix.shape}, expected {shape}")
    matrix.flags.writeable = False
    return matrix
