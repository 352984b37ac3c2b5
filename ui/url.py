"""The address keeps the run and the order: reload, share, Back and Forward work."""

import streamlit as st

from reorder_core.errors import OrderError
from reorder_core.orders import Order, decode_order, encode_order
from reorder_core.store.run import Run
from ui import state
from ui.history import History

RUN, ORDER = "run", "o"


def follow(run: Run) -> History:
    """The session's history, brought to what the address says."""
    entered = state.enter("timeline")
    history = state.history(run.id, run.reference_order)
    code = st.query_params.get(ORDER)
    if entered and code is None:
        write(run, history)  # links between pages drop the address's parameters
    elif code != state.url_order() or entered:
        _adopt(run, history, code)
    return history


def write(run: Run, history: History) -> None:
    """Put the current order into the address: one entry in the browser's history."""
    if history.at_reference:
        code, parameters = None, {}
    else:
        code = encode_order(history.order)
        parameters = {RUN: run.id, ORDER: code}
    state.set_url_order(code)
    if st.query_params.get(ORDER) != code:
        st.query_params.from_dict(parameters)


def _adopt(run: Run, history: History, code: str | None) -> None:
    state.set_url_order(code)
    try:
        history.adopt(_read(run, code))
        state.set_notice(None)
    except OrderError as error:
        history.reset()
        state.set_notice(f"This link cannot be shown: {error}. This is the reference order.")


def _read(run: Run, code: str | None) -> Order:
    if code is None:
        return run.reference_order
    linked = st.query_params.get(RUN, run.id)
    if linked != run.id:
        raise OrderError(
            f"it was made for run {linked[:60]!r}, and the open run is {run.id!r}; "
            "start the app with --run on that run's folder"
        )
    return decode_order(code, run.count)
