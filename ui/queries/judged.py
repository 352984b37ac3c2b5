"""The ledger's orders as an estimator answers them: computed little by little, and kept."""

import time

import streamlit as st

from reorder_core.cache.service import AsOf
from reorder_core.cache.stamps import stamp_of
from reorder_core.estimators import DEFAULT, ESTIMATORS
from reorder_core.judge.heat_map import Moves, usual_moves
from reorder_core.judge.verified import Verified, families_of, judges
from reorder_core.orders.order import Order, order_hash
from reorder_core.records.estimates import Array, Estimate
from reorder_core.store.run import Run
from ui.queries import estimates
from ui.queries.service import service

INFORMED = "+ledger"
"""After a name: as the Timeline asks it, informed by the ledger's other retrainings."""
CHOICES = (*ESTIMATORS, f"{DEFAULT}{INFORMED}")
"""What can be judged: every estimator as built, and the Timeline's."""


def answers(run: Run, estimator: str) -> AsOf:
    """How the estimator answers: as built, or informed; never by the judged order's retraining."""
    name = estimator.removesuffix(INFORMED)
    return service(run).as_of(0 if name == estimator else None, name)


def stamp(run: Run, estimator: str, order: Order) -> str | None:
    """What a link to the Timeline carries, that it shows the same number; None where it can't."""
    known = answers(run, estimator)
    return stamp_of(known, order) if known.name == DEFAULT else None


def drawn_families(run: Run) -> dict[str, str]:
    """Order hash → family, for all orders that fidelity draws for this run."""
    return _families(run, run.fingerprint, reports_key(run))


def verified(run: Run, estimator: str) -> list[Verified]:
    """The orders that may judge this estimator; see `reorder_core.judge.verified.judges`."""
    return judges(run, drawn_families(run), fitted_on(run, estimator))


def fitted_on(run: Run, estimator: str) -> frozenset[str]:
    """Training hashes of the retrainings that it was built on and that judge it nowhere."""
    return estimates.estimator(run, estimator.removesuffix(INFORMED)).fitted_on


def fitted(run: Run, estimator: str) -> int:
    """How many retrainings in the ledger the estimator was fitted on."""
    known = fitted_on(run, estimator)
    return sum(run.ledger.trains_as(entry) in known for entry in run.ledger.all())


def moves(run: Run) -> Moves:
    """The heat map's moves."""
    return _moves(run, run.fingerprint)


def orders(run: Run, estimator: str) -> list[Order]:
    """All orders that the page needs estimates of."""
    judging = [entry.retrained.order for entry in verified(run, estimator)]
    return judging + [order for *_, order in moves(run).cells()]


def known(run: Run, estimator: str) -> dict[str, Estimate]:
    """Order hash → estimate, for all that was computed so far."""
    return answers(run, estimator).ready(orders(run, estimator))


def work(run: Run, estimator: str, orders: list[Order], seconds: float) -> int:
    """Compute what lacks of these orders for about so long; how many still lack."""
    known, until = answers(run, estimator), time.monotonic() + seconds
    there = known.ready(orders)
    lacking = [order for order in orders if order_hash(order) not in there]
    for done, order in enumerate(lacking):
        if done and time.monotonic() > until:
            return len(lacking) - done
        known.answer(order)
    return 0


def sample_loss(run: Run, estimator: str, order: Order) -> Array:
    """(N,) final losses; computed now where they were not."""
    return answers(run, estimator).answer(order).estimate.final.samples


def reports_key(run: Run) -> tuple[tuple[str, int, int], ...]:
    """What decides which orders have a family."""
    return tuple((r.family, r.seed, r.orders) for r in run.fidelity)


@st.cache_resource(max_entries=4, show_spinner=False)
def _families(_run: Run, fingerprint: str, reports: tuple[tuple[str, int, int], ...]) -> dict:
    return families_of(_run)


@st.cache_resource(max_entries=2, show_spinner=False)
def _moves(_run: Run, fingerprint: str) -> Moves:
    return usual_moves(_run)
