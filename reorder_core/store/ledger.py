"""Real retrainings of a run: one JSON file an order, appended by anyone, never changed."""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from reorder_core.errors import OrderError, StoreError
from reorder_core.orders.order import Order, order_hash, training_hash
from reorder_core.store.entries import EntryShape, Retrained, parsed, record_of
from reorder_core.store.files import FileState, json_digest, read_json, state_of, write_json
from reorder_core.store.sealed import Damage, sealed
from reorder_core.store.sequence import next_number

__all__ = ["Ledger", "Retrained"]
log = logging.getLogger(__name__)
_ADVICE = "delete it, or retrain its order again"


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
    _read: dict[str, tuple[FileState, Retrained | Damage]] = field(default_factory=dict, repr=False)
    """Name of a file → what it held when it was in that state."""
    _trains: dict[str, str] = field(default_factory=dict, repr=False)
    """Hash of an order → its training hash; what a file name says never changes."""

    def __len__(self) -> int:
        return len(self.all())

    def get(self, order_hash: str) -> Retrained | None:
        """The retraining of an order, None where nobody has paid for it yet."""
        found = self._entry(f"{order_hash}.json")
        return found if isinstance(found, Retrained) else None

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
        names = {name.removesuffix(".json") for name in self._listed()}
        for name in names - self._trains.keys():
            if (entry := self.get(name)) is not None:
                self.trains_as(entry)
        alike = sorted(name for name in names if self._trains.get(name) == digest)
        return next(filter(None, map(self.get, alike)), None)

    def _listed(self) -> list[str]:
        try:
            names = os.listdir(self.folder)
        except OSError:
            return []
        return sorted(name for name in names if name.endswith(".json"))

    def all(self) -> list[Retrained]:
        """Every readable retraining, by order hash; a damaged one is logged and left out."""
        return [entry for entry in self._entries() if isinstance(entry, Retrained)]

    @property
    def damaged(self) -> tuple[Damage, ...]:
        """Files that are no retraining of this run: which, why, what to do."""
        return tuple(entry for entry in self._entries() if isinstance(entry, Damage))

    def in_sequence(self) -> list[Retrained]:
        """`all`, the first appended first; those that carry no number come first, by hash."""
        return sorted(self.all(), key=lambda entry: (entry.sequence, entry.order_hash))

    def newest(self) -> list[Retrained]:
        """`all`, the last appended first."""
        return self.in_sequence()[::-1]

    @property
    def stamp(self) -> str:
        """Names what the ledger holds: the same entries have the same stamp on any machine."""
        held = [(e.sequence, e.order_hash, e.digest) for e in self.all()]
        return json_digest(held)[:16]

    def append(self, retrained: Retrained) -> None:
        """Keep a retraining, numbered after all others.

        A second of the same order replaces the first whole, and keeps its number.
        Raises StoreError where the folder cannot be written.
        """
        assert retrained.run == self.run, f"a retraining of {retrained.run} for {self.run}"
        path = self.folder / f"{retrained.order_hash}.json"
        try:
            with next_number(self.folder, self._highest) as number:
                known = self.get(retrained.order_hash)
                entry = replace(retrained, sequence=(known.sequence if known else 0) or number)
                write_json(path, sealed(record_of(entry)))
        except OSError as error:
            raise StoreError(
                f"cannot write the retraining to {path} ({error.strerror}); "
                "give write access to the run folder, or copy it somewhere writable"
            ) from None

    def _highest(self) -> int:
        return max((entry.sequence for entry in self.all()), default=0)

    def _entries(self) -> Iterator[Retrained | Damage]:
        found = map(self._entry, self._listed())
        return (entry for entry in found if entry is not None)

    def _entry(self, name: str) -> Retrained | Damage | None:
        path = self.folder / name
        state = state_of(path)
        if state is None:
            return None
        known = self._read.get(name)
        if known is None or known[0] != state:
            known = self._read[name] = (state, self._load(path))
        return known[1]

    def _load(self, path: Path) -> Retrained | Damage:
        shape = EntryShape(self.samples, self.probe_domains, self.evaluations)
        try:
            entry = parsed(read_json(path), self.run, shape)
            if entry.order_hash != path.stem:
                raise ValueError(f"it holds order {entry.order_hash}")
        except (StoreError, OrderError, KeyError, TypeError, ValueError, OverflowError) as error:
            log.warning("left out of the ledger: %s (%s)", path, error)
            return Damage(path, str(error), _ADVICE)
        return entry
