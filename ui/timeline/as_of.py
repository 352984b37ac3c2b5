"""The numbers on the Timeline say what they know; a link's are shown as they were."""

from typing import Any

import streamlit as st

from reorder_core.cache.service import Answer
from reorder_core.cache.stamps import resolved, stamp_of
from reorder_core.errors import OrderError
from reorder_core.orders.order import Order
from reorder_core.store.run import Run
from ui.app import state
from ui.queries.service import informed, service


def follow_link(run: Run, order: Order, stamp: str | None) -> None:
    """Know from now on what a link's number knew; without a stamp, all of the ledger."""
    state.set_as_of(run.id, None)
    if not stamp or (state.notice() or {}).get("kind") == "error":
        return  # of a link that cannot be shown enough is said
    try:
        found = resolved(service(run), order, stamp)
    except OrderError as error:
        problem = str(error)
    else:
        state.set_as_of(run.id, found.first)
        problem = found.problem
    if problem:
        state.set_notice(f"{problem[0].upper()}{problem[1:]}.", "info")


def record(run: Run, order: Order, at_reference: bool) -> dict[str, Any]:
    """The stamp that a link to this order carries; the reference order needs none."""
    return {"known": "" if at_reference else stamp_of(informed(run), order)}


def banner(run: Run, order: Order) -> None:
    """That the numbers are as they were when a link was made, and the way to today's."""
    with st.container(key="ro_as_of"):
        first = state.as_of(run.id)
        if first is None:
            return
        then, today = informed(run), service(run).now()
        grown = today.seen - first
        more = "1 more has" if grown == 1 else f"{grown} more have"
        st.info(
            f"Numbers as they were when this link was made, with {first} retrainings in the "
            f"ledger: {then.knows(order).words(then.name)}. Since then {more} come, and today's "
            f"numbers ({today.knows(order).words(today.name)}) may differ.",
            icon=":material/history:",
        )
        st.button("Show today's numbers", key="ro_today", on_click=_today, args=(run.id,))


def words(answer: Answer, at_reference: bool) -> str:
    """From which estimator the numbers come and which retrainings it knows."""
    if at_reference:
        return "Measured: this is the run that was really trained."
    return f"{answer.words} (never this order's own)."


def _today(run_id: str) -> None:
    state.set_as_of(run_id, None)
    state.request_rerun()  # other fragments show numbers, too
