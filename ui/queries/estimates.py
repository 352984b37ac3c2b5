"""Estimates and truth for an order: from the cache database, else computed and kept."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import streamlit as st

from reorder_core.cache.branches import SavedBranches
from reorder_core.cache.estimates import ResultCache
from reorder_core.cache.saved_views import SavedViews
from reorder_core.estimators import DEFAULT, informing_runs, open_estimator
from reorder_core.estimators.hybrid import HybridEstimator
from reorder_core.estimators.position import PositionTable, open_position_table
from reorder_core.orders.order import Order, order_hash
from reorder_core.records.estimates import Difference, Estimate, Estimator
from reorder_core.store.run import Run

ESTIMATOR = DEFAULT
KEPT = 1000
"""Differences kept in memory."""
_computing = threading.Lock()
"""One session at a time computes: two at once would slow each other, or do the same work."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """An estimate and where it came from."""

    estimate: Estimate
    source: str
    """`database` or `computed`"""
    milliseconds: float


def answer(run: Run, order: Order) -> Answer:
    """The estimate for an order; what was once computed is read back from DuckDB.

    It has learned from the retrainings in the ledger, but never from the
    order's own: beside the truth stands what was said without knowing it.
    """
    key = _key(run, order)
    cache = _cache(run, run.fingerprint)
    started = time.perf_counter()
    estimate, source = cache.get(*key), "database"
    if estimate is None:
        with _computing:
            started = time.perf_counter()
            estimate = cache.get(*key)  # another session may have computed it meanwhile
            if estimate is None:
                estimate, source = _informed(run, order).estimate(order), "computed"
    milliseconds = 1000 * (time.perf_counter() - started)
    if source == "computed":
        cache.put(replace(estimate, estimator=key[1]))
    return Answer(replace(estimate, estimator=ESTIMATOR), source, milliseconds)


def difference(run: Run, order: Order, base: Order) -> Difference:
    """What the order changes against another one, with intervals; kept in memory.

    As in `answer`, it has learned from neither order's own retraining.
    """
    known, key = differences(run), (order_hash(order), order_hash(base))
    if key not in known:
        with _computing:
            known[key] = _informed(run, order, base).difference(order, base)
        while len(known) > KEPT:
            known.pop(next(iter(known)))
    return known[key]


def lacking(run: Run, orders: Sequence[Order], base: Order) -> list[Order]:
    """Those orders whose difference from `base` nobody has computed yet."""
    known, digest = differences(run), order_hash(base)
    return [order for order in orders if (order_hash(order), digest) not in known]


def work(run: Run, orders: Sequence[Order], base: Order, seconds: float) -> None:
    """Compute differences of the orders from `base`, in turn, for about so long."""
    until = time.monotonic() + seconds
    for order in orders:
        difference(run, order, base)
        if time.monotonic() > until:
            return


@contextmanager
def unaware(run: Run, orders: Sequence[Order]) -> Iterator[HybridEstimator]:
    """The estimator that learned from none of these orders' own retrainings, to be asked at once.

    Leaving several out together teaches once, where `answer` for each would teach once an order.
    """
    with _computing:
        yield _informed(run, *orders)


def differences(run: Run) -> dict[tuple[str, str], Difference]:
    """(order hash, hash of what it is compared with) → what `difference` computed so far."""
    return _differences(run.id, run.fingerprint, run.ledger.stamp)


@st.cache_resource(max_entries=2, show_spinner=False)
def _differences(run_id: str, fingerprint: str, stamp: str) -> dict[tuple[str, str], Difference]:
    return {}


def query(run: Run, order: Order) -> tuple[str, tuple[str, ...]]:
    """The SQL that reads the order's estimate back, and its parameters."""
    return _cache(run, run.fingerprint).query(*_key(run, order))


def informed_by(run: Run, order: Order) -> int:
    """How many real retrainings taught the estimate of this order."""
    return len(informing_runs(run, order))


def views(run: Run) -> SavedViews:
    """The run's saved views, in the cache database; raises StoreError where it cannot be used."""
    return SavedViews(_cache(run, run.fingerprint), run.id, run.count)


def branches(run: Run) -> SavedBranches:
    """The run's kept branches, in the cache database; raises StoreError as `views` does."""
    return SavedBranches(_cache(run, run.fingerprint), run.id, run.count)


def note(run: Run) -> str:
    """Why estimates are not kept on disk; empty where they are."""
    return _cache(run, run.fingerprint).note


def estimator(run: Run, name: str = ESTIMATOR) -> Estimator:
    """The opened estimator of that name; raises ReorderError where the run cannot give it."""
    return _estimator(run, run.fingerprint, name)


def _key(run: Run, order: Order) -> tuple[str, str, str]:
    return run.id, f"{ESTIMATOR}@{run.ledger.stamp[:8]}", order_hash(order)


def _informed(run: Run, *orders: Order) -> HybridEstimator:
    trained = {run.trains_as(order): order for order in orders}
    verified = {h: order for h, order in trained.items() if run.ledger.of(order) is not None}
    left_out = tuple(sorted(verified))
    return _informed_without(
        run, run.fingerprint, run.ledger.stamp, left_out, list(verified.values())
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def _informed_without(
    _run: Run, fingerprint: str, stamp: str, left_out: tuple[str, ...], _orders: list[Order]
) -> HybridEstimator:
    opened = estimator(_run)
    assert isinstance(opened, HybridEstimator)  # ESTIMATOR
    return opened.taught(informing_runs(_run, *_orders))


def position_table(run: Run) -> PositionTable:
    return _position_table(run, run.fingerprint)


@st.cache_resource(max_entries=2, show_spinner=False)
def _position_table(_run: Run, fingerprint: str) -> PositionTable:
    return open_position_table(_run)


@st.cache_resource(max_entries=8, show_spinner=False)
def _estimator(_run: Run, fingerprint: str, name: str) -> Estimator:
    return open_estimator(_run, name)


@st.cache_resource(max_entries=2, show_spinner=False)
def _cache(_run: Run, fingerprint: str) -> ResultCache:
    return ResultCache(_run.path / "cache" / "results-cache.duckdb", fingerprint)
