"""The one place that answers pages: estimates and differences, computed once and kept.

`EstimateService(run, cache).now()` answers as informed by the whole ledger,
`.as_of(n)` by its n oldest retrainings, `.as_of(0)` as built. Never by an order's own
retraining: beside the truth stands what was said without knowing it.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, cast

from reorder_core.cache.estimates import ResultCache
from reorder_core.cache.recent import Recent
from reorder_core.errors import EstimatorError
from reorder_core.estimators import ABILITIES, DEFAULT, LEARNED_FROM_MOST, open_estimator
from reorder_core.estimators.learning.retrainings import (
    TrainingRuns,
    hashes_in,
    learned_from,
    telling,
)
from reorder_core.estimators.protocol import Estimator
from reorder_core.estimators.read_outs import read_of
from reorder_core.orders.order import Order, order_hash
from reorder_core.records.estimates import Difference, Estimate
from reorder_core.records.knows import Knows, knows
from reorder_core.records.read_outs import ReadValues
from reorder_core.store.ledger import Retrained
from reorder_core.store.run import Run

_TAUGHT = 6
"""Estimators kept that learned from one set of retrainings each; each holds some 20 MB."""


_VIEWS = 16
"""States of the ledger kept, each with its entries: they are shared."""


class Learner(Protocol):
    """What an estimator that `learns` has beyond `Estimator`."""

    def taught(self, runs: TrainingRuns) -> Estimator:
        """One that learned from `runs` instead."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """An estimate, where it came from and what it knows."""

    estimate: Estimate
    source: str
    """`memory`, `database` or `computed`"""
    milliseconds: float
    knows: Knows
    read: Callable[[], Mapping[str, ReadValues]] = dict
    """Quantities with a value of their own, by name; from the estimate's replay, when asked."""

    @property
    def words(self) -> str:
        """The estimate's whole name: `hybrid, 16 + 3 retrainings`."""
        return self.knows.words(self.estimate.estimator)


class EstimateService:
    """One lock, one memory, one database for all estimates of a run; use from any thread."""

    def __init__(self, run: Run, cache: ResultCache) -> None:
        self.run, self.cache, self.memory = run, cache, Recent()
        self.computing = threading.Lock()
        """One session at a time computes: two would slow each other, or do the same work."""
        self.designed = hashes_in(run)
        """Training hashes of the retrainings that the build learned from."""
        self.absent: set[tuple[str, str, str]] = set()
        """What the database was found not to have; this process alone writes it."""
        self._writer = ThreadPoolExecutor(1, "cache")  # what waits is written before we end
        self._opened: dict[str, Estimator] = {}
        self._taught: OrderedDict[tuple[str, str], Estimator] = OrderedDict()
        self._opening, self._looking = threading.Lock(), threading.Lock()
        self._views = OrderedDict[tuple[Any, ...], AsOf]()

    def keep(self, estimate: Estimate, key: tuple[str, str, str]) -> None:
        """Write an estimate to the database, behind the answer: a person waits for no disk."""
        self._writer.submit(self._keep, estimate, key)

    def _keep(self, estimate: Estimate, key: tuple[str, str, str]) -> None:
        self.cache.put(estimate, key[1])
        self.absent.discard(key)

    def close(self) -> None:
        """Write what waits, and let another process have the database."""
        self._writer.shutdown()
        self.cache.close()

    def now(self, name: str = DEFAULT) -> "AsOf":
        """Answers informed by all of the ledger."""
        return self.as_of(None, name)

    def as_of(self, first: int | None, name: str = DEFAULT) -> "AsOf":
        """Answers informed by the ledger's `first` oldest retrainings; None: by all.

        Raises EstimatorError for an unknown name. Cheap; the ledger is looked at once.
        """
        if not self.learns(name):
            first = 0
        key = (name, first, self.run.ledger.recent_stamp if first != 0 else "")
        with self._looking:
            if key not in self._views:
                entries = telling(self.run, first) if first != 0 else []
                self._views[key] = AsOf(self, name, first, entries)
            while len(self._views) > _VIEWS:
                self._views.popitem(last=False)
            return self._views[key]

    def estimator(self, name: str = DEFAULT) -> Estimator:
        """The estimator as built; raises EstimatorError where the run cannot give it."""
        with self._opening:
            if name not in self._opened:
                self._opened[name] = open_estimator(self.run, name)
            return self._opened[name]

    def learns(self, name: str) -> bool:
        """Whether it goes on learning from the ledger."""
        return "learns" in self.estimator(name).can

    def informed(self, name: str, found: Knows, runs: "Chosen") -> Estimator:
        """The estimator that learned from these; `computing` must be held."""
        opened, key = self.estimator(name), (name, found.digest)
        if not runs.entries and not runs.left_out & self.designed:
            return opened
        if key not in self._taught:
            learner = cast(Learner, opened)
            self._taught[key] = learner.taught(learned_from(self.run, runs.left_out, runs.entries))
        self._taught.move_to_end(key)
        while len(self._taught) > _TAUGHT:
            self._taught.popitem(last=False)
        return self._taught[key]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The ledger's retrainings that teach, and whose own training hashes are left out."""

    left_out: frozenset[str]
    entries: tuple[Retrained, ...]


class AsOf:
    """Answers of one estimator, informed by one state of the ledger."""

    def __init__(
        self, service: EstimateService, name: str, first: int | None, entries: list[Retrained]
    ) -> None:
        self._service, self.name, self.first = service, name, first
        ledger = service.run.ledger
        self.seen = len(ledger) if first is None else first
        """How many retrainings the ledger held then."""
        self._entries = [(ledger.trains_as(entry), entry) for entry in entries]
        self._known = frozenset[str]()
        """Training hashes of what it could learn from, and must leave out for their own orders."""
        if service.learns(name):
            self._known = service.designed | {digest for digest, _ in self._entries}
        self._built = service.estimator(name).fitted_on & service.designed
        self._chosen: dict[frozenset[str], tuple[Knows, Chosen]] = {}

    def knows(self, *orders: Order) -> Knows:
        """What informs the answer for these orders: never their own retrainings."""
        return self._choice(orders)[0]

    def answer(self, order: Order, without: Sequence[Order] = ()) -> Answer:
        """The estimate for an order: from memory, the database, else computed now and kept.

        `without`: orders whose retrainings must not inform it either.
        """
        found, chosen = self._choice((order, *without))
        key = (self.name, found.digest, order_hash(order))
        began = time.perf_counter()
        estimate, source = self._kept(key)
        if estimate is None:
            with self._service.computing:
                began = time.perf_counter()
                estimate, source = self._kept(key)  # another session may have computed it
                if estimate is None:
                    asked = self._service.informed(self.name, found, chosen)
                    estimate, source = asked.estimate(order), "computed"
                    self._service.memory.put(key, estimate)
        milliseconds = 1000 * (time.perf_counter() - began)
        if source == "computed":
            self._service.keep(estimate, key)
        return Answer(
            estimate, source, milliseconds, found, lambda: self._read(found, chosen, order)
        )

    def prepare(self) -> None:
        """Let the estimator learn what informs the answer for a new order, before one is asked."""
        found, chosen = self._choice(())
        with self._service.computing:
            self._service.informed(self.name, found, chosen)

    def _read(self, found: Knows, chosen: Chosen, order: Order) -> Mapping[str, ReadValues]:
        """What is read out besides losses; a measurement made since is known at once."""
        service = self._service
        with service.computing:
            return read_of(service.informed(self.name, found, chosen), order)

    def ready(self, orders: Sequence[Order]) -> dict[str, Estimate]:
        """Order hash → estimate, for those that need not be computed; one query for all."""
        service, run = self._service, self._service.run.id
        keys = [(self.name, self.knows(order).digest, order_hash(order)) for order in orders]
        unseen = [
            key for key in keys if key not in service.absent and service.memory.get(key) is None
        ]
        read = service.cache.get_many(run, self.name, [(order, knew) for _, knew, order in unseen])
        for key in unseen:
            found = read.get((key[2], key[1]))
            if found is None:
                service.absent.add(key)
            else:
                service.memory.put(key, found)
        # Not from memory alone: it may be too small for all of them.
        kept = [(key[2], read.get((key[2], key[1])) or service.memory.get(key)) for key in keys]
        return {name: found for name, found in kept if found is not None}

    def has(self, order: Order, without: Sequence[Order] = ()) -> bool:
        """Whether `answer` would come at once."""
        key = (self.name, self.knows(order, *without).digest, order_hash(order))
        return self._kept(key)[0] is not None

    def difference(self, order: Order, base: Order, without: Sequence[Order] = ()) -> Difference:
        """What the order changes against another, with joint intervals; kept in memory."""
        found = self.found(order, base, without)
        if found is None:
            known, chosen = self._choice((order, base, *without))
            with self._service.computing:
                found = self.found(order, base, without)
                if found is None:
                    found = self._differing(known, chosen).difference(order, base)
                    self._service.memory.put(self._pair(order, base, known), found)
        return found

    def found(self, order: Order, base: Order, without: Sequence[Order] = ()) -> Difference | None:
        """The difference where it has been computed already."""
        known = self.knows(order, base, *without)
        return self._service.memory.get(self._pair(order, base, known))

    def query(self, order: Order) -> tuple[str, tuple[str, ...]]:
        """The SQL that reads the order's estimate back, and its parameters."""
        service = self._service
        digest = self.knows(order).digest
        return service.cache.query(service.run.id, self.name, order_hash(order), digest)

    def _kept(self, key: tuple[str, str, str]) -> tuple[Estimate | None, str]:
        name, digest, order = key
        found = self._service.memory.get(key)
        if found is not None:
            return found, "memory"
        if key in self._service.absent:
            return None, ""
        found = self._service.cache.get(self._service.run.id, name, order, digest)
        if found is None:
            self._service.absent.add(key)
        else:
            self._service.memory.put(key, found)
        return found, "database"

    def _choice(self, orders: Sequence[Order]) -> tuple[Knows, Chosen]:
        run = self._service.run
        left_out = frozenset(run.trains_as(order) for order in orders) & self._known
        if left_out not in self._chosen:
            kept = [(d, e) for d, e in self._entries if d not in left_out][:LEARNED_FROM_MOST]
            ledger = (f"{digest} {entry.digest}" for digest, entry in kept)
            found = knows(run.fingerprint, self._built - left_out, ledger)
            self._chosen[left_out] = found, Chosen(left_out, tuple(e for _, e in kept))
        return self._chosen[left_out]

    def _pair(self, order: Order, base: Order, known: Knows) -> tuple[str, ...]:
        return self.name, known.digest, order_hash(order), order_hash(base)

    def _differing(self, known: Knows, chosen: Chosen) -> Any:
        asked = self._service.informed(self.name, known, chosen)
        if "differences" not in asked.can:
            able = [name for name, can in ABILITIES.items() if "differences" in can]
            raise EstimatorError(
                f"{self.name} gives no differences between orders; {', '.join(able)} does"
            )
        return asked
