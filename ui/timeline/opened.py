"""Orders that other pages open on the Timeline."""

import streamlit as st

from reorder_core.orders.moves import Move, apply, whole
from reorder_core.orders.order import Order, slots_of
from reorder_core.store.run import Run
from ui.app import state


def move_to(run: Run, sample: int, step: int) -> Move:
    """The insert that puts a sample into a step, at the place in it that it has in its own."""
    place = int(slots_of(run.reference_order)[sample]) % run.batch_size
    return Move("insert", (sample,), step * run.batch_size + place)


def open_move(run: Run, move: Move) -> None:
    """Make the move, in the reference order, the order on screen; `follow` then goes there.

    What the session had on screen stays in its history, a step back.
    """
    history = state.history(run.id, run.reference_order)
    if not history.at_reference:
        history.reset()
    history.commit(apply(run.reference_order, move), move)
    state.set_move_opened()


def open_order(run: Run, order: Order) -> None:
    """Make an order the one on screen; `follow` then goes there, as after `open_move`."""
    history = state.history(run.id, run.reference_order)
    history.commit(order, whole(order, "a retrained order"))
    state.set_move_opened()


def follow() -> None:
    """Go to the Timeline if something was opened there; call where a click may have done so."""
    if state.take_move_opened():
        st.switch_page("pages/timeline.py")
