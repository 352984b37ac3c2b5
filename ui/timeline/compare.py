"""The order on screen against another one: every metric's difference, with its interval."""

from typing import Any

from reorder_core.errors import OrderError, ReorderError, StoreError
from reorder_core.orders.order import Order, order_hash
from reorder_core.records.losses import Losses
from reorder_core.store.run import Run
from ui.app import state
from ui.app.history import History
from ui.queries import estimates
from ui.timeline import move_effects
from ui.timeline.panels import compared
from ui.timeline.panels.tree import Node
from ui.timeline.requests.events import Compare, Event
from ui.timeline.requests.handling import After, handles


@handles(Compare)
def choose(event: Event, run: Run, history: History) -> After:
    """Compare with that from now on; raises OrderError where there is no such order."""
    request = event.request
    if request.base == "nothing":
        state.set_compared(run.id, None)
        return After.NOTHING
    _base(request, run, history)
    state.set_compared(run.id, request)
    return After.NOTHING


def record(run: Run, history: History) -> dict[str, Any] | None:
    """What differs between the order on screen and its base; None while nothing is compared."""
    request = state.compared(run.id)
    if request is None:
        return None
    choice = _choice(request, run, history)
    try:
        base = _base(request, run, history)
    except ReorderError as error:  # deleted meanwhile, or the branch was left
        return {"parts": [choice, *compared.problem(str(error))]}
    found = estimates.difference(run, history.order, base)
    tables = compared.drawn(run, found, _truth(run, history.order, base))
    return {"parts": [choice, *tables], "order": base.tolist(), "hash": order_hash(base)}


def _choice(request: Compare, run: Run, history: History) -> Node:
    chosen = {"base": request.base, "id": request.id, "place": request.place}
    try:
        views = [(view.id, view.name) for view in estimates.views(run).all()]
    except StoreError:
        views = []  # the panel of saved views says why
    told = move_effects.told(run, history)
    points = [(at, *one) for at, one in enumerate(told) if at != history.place]
    return compared.choice(chosen, views, points)


def _base(request: Compare, run: Run, history: History) -> Order:
    if request.base == "reference":
        return run.reference_order
    if request.base == "view":
        return estimates.views(run).get(request.id).order
    if request.base == "previous":
        if history.previous is None:
            raise OrderError("there is no order before this one")
        return history.previous
    entries = history.entries
    if request.place >= len(entries) or entries[request.place].hash != request.hash:
        raise OrderError("that point of the history is gone")
    return entries[request.place].order


def _truth(run: Run, order: Order, base: Order) -> Losses | None:
    """The same differences between real retrainings, where both orders have one."""
    one, other = _losses(run, order), _losses(run, base)
    return None if one is None or other is None else one - other


def _losses(run: Run, order: Order) -> Losses | None:
    """Final losses as really trained."""
    if run.trains_as(order) == run.trains_as(run.reference_order):
        return run.reference.final
    found = run.ledger.of(order)
    return None if found is None else found.final
