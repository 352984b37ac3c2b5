"""The ledger's orders as an estimator answers them: computed little by little, and kept."""

import time

import streamlit as st

from reorder_core.judge.heat_map import Moves, usual_moves
from reorder_core.judge.verified import Verified, families_of, judges
from reorder_core.orders.order import Order, order_hash
from reorder_core.records.estimates import Array, Estimate
from reorder_core.store.run import Run
from ui.queries import estimates
from ui.queries.service import service


def verified(run: Run, estimator: str) -> list[Verified]:
    """The orders that may judge this estimator; see `reorder_core.judge.verified.judges`."""
    fitted_on = estimates.estimator(run, estimator).fitted_on
    return judges(run, _families(run, run.fingerprint, reports_key(run)), fitted_on)


def fitted(run: Run, estimator: str) -> int:
    """How many retrainings in the ledger the estimator was fitted on."""
    fitted_on = estimates.estimator(run, estimator).fitted_on
    return sum(run.ledger.trains_as(entry) in fitted_on for entry in run.ledger.all())


def moves(run: Run) -> Moves:
    """The heat map's moves."""
    return _moves(run, run.fingerprint)


def orders(run: Run, estimator: str) -> list[Order]:
    """All orders that the page needs estimates of."""
    judging = [entry.retrained.order for entry in verified(run, estimator)]
    return judging + [order for *_, order in moves(run).cells()]


def known(run: Run, estimator: str) -> dict[str, Estimate]:
    """Order hash → estimate as built, for all that was computed so far."""
    built = service(run).as_of(0, estimator)
    asked = orders(run, estimator)
    return {order_hash(o): built.answer(o).estimate for o in asked if built.has(o)}


def work(run: Run, estimator: str, orders: list[Order], seconds: float) -> int:
    """Compute what lacks of these orders for about so long; how many still lack."""
    built, until = service(run).as_of(0, estimator), time.monotonic() + seconds
    lacking = [order for order in orders if not built.has(order)]
    for done, order in enumerate(lacking):
        if done and time.monotonic() > until:
            return len(lacking) - done
        built.answer(order)
    return 0


def sample_loss(run: Run, estimator: str, order: Order) -> Array:
    """(N,) final losses; computed now where they were not."""
    return service(run).as_of(0, estimator).answer(order).estimate.sample_loss


def reports_key(run: Run) -> tuple[tuple[str, int, int], ...]:
    """What decides which orders have a family."""
    return tuple((r.family, r.seed, r.orders) for r in run.fidelity)


@st.cache_data(max_entries=4, show_spinner=False)
def _families(_run: Run, fingerprint: str, reports: tuple[tuple[str, int, int], ...]) -> dict:
    return families_of(_run)


@st.cache_resource(max_entries=2, show_spinner=False)
def _moves(_run: Run, fingerprint: str) -> Moves:
    return usual_moves(_run)
