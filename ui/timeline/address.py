"""The address keeps the run, the order and the moves: reload, share, Back and Forward work."""

import streamlit as st

from reorder_core.errors import OrderError
from reorder_core.orders.links import decode_order, encode_order
from reorder_core.orders.moves import Move, apply_all, decode_moves, encode_moves
from reorder_core.orders.order import Order, order_hash
from reorder_core.store.run import Run
from ui.app import state
from ui.app.history import MAIN, History
from ui.app.known_runs import started_on
from ui.app.open_run import RUN
from ui.timeline import as_of, kept_branches

ORDER, MOVES, BRANCH, KNOWN = "o", "m", "b", "k"
_OURS = (RUN, ORDER, MOVES, BRANCH, KNOWN)
LONGEST_MOVES = 1000
"""Characters of moves in an address; a longer history is shared as its order alone."""


def follow(run: Run) -> History:
    """The session's history, brought to what the address says."""
    entered = state.enter("timeline")
    history = state.history(run.id, run.reference_order)
    kept_branches.restore(run, history)
    code = st.query_params.get(ORDER)
    if entered and code is None:
        _to_branch(history, run.reference_order)
        write(run, history)  # links between pages drop the address's parameters
    elif code != state.url_order() or entered:
        _adopt(run, history, code)
        if entered:  # Back and Forward walk through one visit, whose numbers know the same
            as_of.follow_link(run, history.order, st.query_params.get(KNOWN))
    return history


def write(run: Run, history: History) -> None:
    """Put the current order into the address: one entry in the browser's history."""
    code = None if history.at_reference else encode_order(history.order)
    state.set_url_order(code)
    branch = None if history.branch == MAIN else history.branch
    if (st.query_params.get(ORDER), st.query_params.get(BRANCH)) == (code, branch):
        return
    kept = {key: value for key, value in st.query_params.items() if key not in _OURS}
    if run.path != started_on():  # a reload begins at the run that the app was started on
        kept[RUN] = run.id
    named = {} if branch is None else {BRANCH: branch}
    st.query_params.from_dict(kept | _parameters(run, history, code) | named)


def _parameters(run: Run, history: History, code: str | None) -> dict[str, str]:
    if code is None:
        return {}
    found = {RUN: run.id, ORDER: code}
    moves = encode_moves(history.moves or [])
    if moves and len(moves) <= LONGEST_MOVES:
        found[MOVES] = moves
    return found


def _adopt(run: Run, history: History, code: str | None) -> None:
    """Show the address's order; one that cannot be shown leaves the screen as it is."""
    state.set_url_order(code)
    try:
        order = _read(run, code)
    except OrderError as error:
        kept = "reference order" if history.at_reference else "order that was on screen"
        state.set_notice(f"This link cannot be shown: {error}. This is the {kept}.")
        write(run, history)  # copied from here, the address must not be the damaged one
        return
    moves, problem = _moves(run, order)
    _to_branch(history, order)
    history.adopt(order, moves)
    state.set_notice(problem, "info")


def _to_branch(history: History, order: Order) -> None:
    """Go to the branch in the address, while the order is still a place of it."""
    name = st.query_params.get(BRANCH, "")
    if name == history.branch or name not in history.lines:
        return
    if order_hash(order) in [entry.hash for entry in history.lines[name].entries]:
        history.switch(name)


def _read(run: Run, code: str | None) -> Order:
    if code is None:
        return run.reference_order
    linked = st.query_params.get(RUN, run.id)
    if linked != run.id:
        raise OrderError(
            f"it was made for run {linked[:60]!r}, and the open run is {run.id!r}; "
            "start the app with --run on that run's folder"
        )
    return decode_order(code, run.visits.count)


def _moves(run: Run, order: Order) -> tuple[list[Move], str | None]:
    """The moves in the address; none where they do not lead to its order, and why."""
    text = st.query_params.get(MOVES, "")
    try:
        if len(text) > LONGEST_MOVES:
            raise OrderError("they are too many for a link")
        moves = decode_moves(text, run.visits.count)
        ends = [run.reference_order, *apply_all(run.reference_order, moves)]
        if moves and order_hash(ends[-1]) != order_hash(order):
            raise OrderError("they lead to another order than the link's")
    except OrderError as error:
        return [], (
            f"The moves in this link are left out: {error}. "
            "The order itself is whole; the history shows it as one change."
        )
    return moves, None
