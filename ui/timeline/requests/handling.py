"""What the browser's requests lead to: one handler for each class of request.

A module that can do something registers for its request with `handles`; nothing else has to
know of it. Of what a handler says happened, the page follows.
"""

from collections.abc import Callable
from enum import Flag, auto
from typing import Any

from reorder_core.errors import OrderError, StoreError
from reorder_core.store.run import Run
from ui.app import state, visitors
from ui.app.history import History
from ui.timeline import address, kept_branches
from ui.timeline.requests.events import Event, parse_event, sequence_of


class After(Flag):
    """What the page does once a request is obeyed; several together, or nothing."""

    NOTHING = 0
    ADDRESS = auto()
    """Write the order on screen into the address: it may be another one."""
    PAGE = auto()
    """Run the whole page again: something outside the instrument's fragment must follow."""


Handler = Callable[[Event, Run, History], After]
HANDLERS: dict[type[Any], Handler] = {}
"""By class of request, the most special first; see `handles`."""


def handles(*requests: type[Any]) -> Callable[[Handler], Handler]:
    """Register a function for classes of requests; it raises OrderError or StoreError to refuse."""

    def register(handler: Handler) -> Handler:
        for request in requests:
            HANDLERS[request] = handler
        return handler

    return register


def on_event(run: Run, history: History) -> None:
    """Do what the browser asked for last; what cannot be done is told, the order stays."""
    payload = state.event()
    if payload is None:
        return
    state.set_sequence(max(state.sequence(), sequence_of(payload)))
    try:
        after = _obey(parse_event(payload, run.id, run.visits), run, history)
    except (OrderError, StoreError) as error:
        state.set_notice(f"Not done, the order is unchanged: {error}.")
        return
    state.set_notice(None)
    renamed = kept_branches.keep(run, history)
    if renamed or After.ADDRESS in after:
        address.write(run, history)
    if After.PAGE in after:
        state.request_rerun()


def _obey(event: Event, run: Run, history: History) -> After:
    if event.changes is not None:
        visitors.must_be_free_to(event.changes)
    handler = HANDLERS.get(type(event.request))
    if handler is None:
        raise OrderError(f"this page cannot {event.command}; reload it")
    return handler(event, run, history)
