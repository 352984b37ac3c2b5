"""Estimates and truth for an order, from the run's one estimate service."""

import threading
import time
from collections.abc import Sequence
from contextlib import suppress

import streamlit as st

from reorder_core.cache.branches import SavedBranches
from reorder_core.cache.saved_views import SavedViews
from reorder_core.cache.service import Answer
from reorder_core.errors import ReorderError
from reorder_core.estimators import DEFAULT
from reorder_core.estimators.position import PositionTable, open_position_table
from reorder_core.estimators.protocol import Estimator
from reorder_core.orders.order import Order
from reorder_core.records.estimates import Difference
from reorder_core.store.run import Run
from ui.queries.service import informed, service

ESTIMATOR = DEFAULT
Pair = tuple[Order, Order]
"""An order and the one that it is compared with."""


def prepare(run: Run) -> None:
    """Let the estimator learn behind the page, so that the first drop does not wait for it."""
    _prepared(run, str(run.path), run.fingerprint)


@st.cache_resource(max_entries=4, show_spinner=False)
def _prepared(_run: Run, path: str, fingerprint: str) -> None:
    known = service(_run).now()

    def learn() -> None:
        with suppress(ReorderError):  # who asks for an estimate is told
            known.prepare()

    threading.Thread(target=learn, name="prepare", daemon=True).start()


def answer(run: Run, order: Order) -> Answer:
    """The estimate for an order; what was once computed is read back.

    It has learned from the retrainings in the ledger, but never from the
    order's own: beside the truth stands what was said without knowing it.
    """
    return informed(run).answer(order)


def difference(run: Run, order: Order, base: Order) -> Difference:
    """What the order changes against another one, with intervals.

    As in `answer`, it has learned from neither order's own retraining.
    """
    return informed(run).difference(order, base)


def found(run: Run, pairs: Sequence[Pair]) -> list[Difference | None]:
    """The differences between orders and their bases; None for those not yet computed."""
    known = informed(run)
    return [known.found(order, base) for order, base in pairs]


def lacking(run: Run, pairs: Sequence[Pair]) -> list[Pair]:
    """Those orders whose difference from their base nobody has computed yet."""
    return [pair for pair, known in zip(pairs, found(run, pairs), strict=True) if known is None]


def work(run: Run, pairs: Sequence[Pair], seconds: float) -> None:
    """Compute the differences that lack, in turn, for about so long."""
    known, until = informed(run), time.monotonic() + seconds
    for order, base in lacking(run, pairs):
        known.difference(order, base)
        if time.monotonic() > until:
            return


def query(run: Run, order: Order) -> tuple[str, tuple[str, ...]]:
    """The SQL that reads the order's estimate back, and its parameters."""
    return informed(run).query(order)


def views(run: Run) -> SavedViews:
    """The run's saved views, in the cache database; raises StoreError where it cannot be used."""
    return SavedViews(service(run).cache, run.id, run.visits.count)


def branches(run: Run) -> SavedBranches:
    """The run's kept branches, in the cache database; raises StoreError as `views` does."""
    return SavedBranches(service(run).cache, run.id, run.visits.count)


def note(run: Run) -> str:
    """Why estimates are not kept on disk; empty where they are."""
    return service(run).cache.note


def estimator(run: Run, name: str = ESTIMATOR) -> Estimator:
    """The opened estimator of that name; raises ReorderError where the run cannot give it."""
    return service(run).estimator(name)


def position_table(run: Run) -> PositionTable:
    return _position_table(run, run.fingerprint)


@st.cache_resource(max_entries=2, show_spinner=False)
def _position_table(_run: Run, fingerprint: str) -> PositionTable:
    return open_position_table(_run)
