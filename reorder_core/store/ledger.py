"""Real retrainings of a run: one JSON file an order, appended by anyone, never changed."""

import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from reorder_core.errors import OrderError, StoreError
from reorder_core.orders.order import Order, order_hash
from reorder_core.orders.visits import Visits
from reorder_core.store.entries import EntryShape, Retrained, parsed, record_of
from reorder_core.store.files import FileState, json_digest, read_json, state_of, write_json
from reorder_core.store.sealed import Damage, sealed
from reorder_core.store.sequence import next_number

__all__ = ["Ledger", "Retrained"]
log = logging.getLogger(__name__)
_SETTLED = 10**9
"""Nanoseconds: a folder changed less long ago may change again without another time."""
_MOMENT = 0.1
"""Seconds."""
_ADVICE = "delete it, or retrain its order again"


@dataclass(frozen=True, slots=True)
class Ledger:
    """The retrainings of one run, in a folder that many processes may append to."""

    folder: Path
    run: str
    visits: Visits
    """Of the run."""
    probe_domains: int
    """D, of the run."""
    evaluations: int
    """E, of the run."""
    _read: dict[str, tuple[FileState, Retrained | Damage]] = field(default_factory=dict, repr=False)
    """Name of a file → what it held when it was in that state."""
    _trains: dict[str, str] = field(default_factory=dict, repr=False)
    """Hash of an order → its training hash; what a file name says never changes."""
    _stamped: dict[str, tuple[dict[str, FileState], str]] = field(default_factory=dict, repr=False)
    """"last" → the states of all files, and their stamp: it is asked for often at every update."""

    _names: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict, repr=False)
    """"last" → the folder's time, and the names in it then."""

    _by_training: dict[str, tuple[tuple[str, ...], dict[str, list[str]]]] = field(
        default_factory=dict, repr=False
    )
    """"last" → names of files, and training hash → hashes of the orders in them."""

    _recent: dict[str, tuple[int, float, str]] = field(default_factory=dict, repr=False)
    """"last" → the folder's time, when it was looked at, and the stamp then."""

    def __len__(self) -> int:
        return len(self.all())

    def get(self, order_hash: str) -> Retrained | None:
        """The retraining of an order, None where nobody has paid for it yet."""
        name = f"{order_hash}.json"
        state = state_of(self.folder / name)
        found = None if state is None else self._entry(name, state)
        return found if isinstance(found, Retrained) else None

    def of(self, order: Order) -> Retrained | None:
        """What training in an order gave: its own retraining, or one that trains the same."""
        return self.get(order_hash(order)) or self._alike(self.visits.trains_as(order))

    def trains_as(self, entry: Retrained) -> str:
        """The training hash of an entry's order."""
        digest = self._trains.get(entry.order_hash)
        if digest is None:
            digest = self.visits.trains_as(entry.order)
            self._trains[entry.order_hash] = digest
        return digest

    def _alike(self, digest: str) -> Retrained | None:
        # Asked many times an update, mostly in vain: the folder is listed, only new files read.
        names = self._listed()
        known = self._by_training.get("last")
        if known is None or known[0] is not names:  # listed anew: a file may be another now
            known = names, self._grouped(names)
            self._by_training["last"] = known
        return next(filter(None, map(self.get, known[1].get(digest, ()))), None)

    def _grouped(self, names: tuple[str, ...]) -> dict[str, list[str]]:
        """Training hash → hashes of orders, of those that can be read."""
        found: dict[str, list[str]] = {}
        for name in (name.removesuffix(".json") for name in names):
            if name not in self._trains and (entry := self.get(name)) is not None:
                self.trains_as(entry)
            if name in self._trains:
                found.setdefault(self._trains[name], []).append(name)
        return found

    def _listed(self) -> tuple[str, ...]:
        """Names of the files; listed again when the folder's own time has changed."""
        try:
            modified = os.stat(self.folder).st_mtime_ns
            known = self._names.get("last")
            if known is not None and known[0] == modified:
                return known[1]
            listed = os.listdir(self.folder)
        except OSError:
            return ()
        names = tuple(sorted(name for name in listed if name.endswith(".json")))
        if time.time_ns() - modified > _SETTLED:
            self._names["last"] = modified, names
        return names

    def _states(self) -> dict[str, FileState]:
        """Name → state of every file, by name; one look at the folder costs half of many."""
        found = {}
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    if entry.name.endswith(".json"):
                        seen = entry.stat()
                        found[entry.name] = FileState(seen.st_mtime_ns, seen.st_size, seen.st_ino)
        except OSError:  # no folder, or a file went while it was looked at
            return {name: s for name in self._listed() if (s := state_of(self.folder / name))}
        return dict(sorted(found.items()))

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
        states = self._states()
        known = self._stamped.get("last")
        if known is not None and known[0] == states:
            return known[1]
        entries = (self._entry(name, state) for name, state in states.items())
        held = [(e.sequence, e.order_hash, e.digest) for e in entries if isinstance(e, Retrained)]
        self._stamped["last"] = states, (stamp := json_digest(held)[:16])
        return stamp

    @property
    def recent_stamp(self) -> str:
        """The stamp, or that of a moment ago while nothing was renamed into the folder since.

        For those who ask ten times an update: a file changed in place is seen `_MOMENT` later.
        """
        try:
            modified, now = os.stat(self.folder).st_mtime_ns, time.monotonic()
        except OSError:
            return self.stamp
        known = self._recent.get("last")
        if known is not None and known[0] == modified and now - known[1] < _MOMENT:
            return known[2]
        self._recent["last"] = modified, now, (stamp := self.stamp)
        return stamp

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
        return (self._entry(name, state) for name, state in self._states().items())

    def _entry(self, name: str, state: FileState) -> Retrained | Damage:
        path, known = self.folder / name, self._read.get(name)
        if known is None or known[0] != state:
            known = self._read[name] = (state, self._load(path))
        return known[1]

    def _load(self, path: Path) -> Retrained | Damage:
        shape = EntryShape(self.visits, self.probe_domains, self.evaluations)
        try:
            entry = parsed(read_json(path), self.run, shape)
            if entry.order_hash != path.stem:
                raise ValueError(f"it holds order {entry.order_hash}")
        except (StoreError, OrderError, KeyError, TypeError, ValueError, OverflowError) as error:
            log.warning("left out of the ledger: %s (%s)", path, error)
            return Damage(path, str(error), _ADVICE)
        return entry
