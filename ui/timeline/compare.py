"""The order on screen against another one: every metric's difference, with its interval."""

from typing import Any

from reorder_core.errors import OrderError, ReorderError
from reorder_core.orders.order import Order, order_hash
from reorder_core.records.losses import Losses
from reorder_core.store.run import Run
from ui.app import state
from ui.app.history import History
from ui.queries import estimates, packed
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
    choice = {"base": request.base, "id": request.id, "place": request.place}
    try:
        base = _base(request, run, history)
    except ReorderError as error:  # deleted meanwhile, or the branch was left
        return {**choice, "problem": str(error)}
    found = estimates.difference(run, history.order, base)
    return {
        **choice,
        "order": base.tolist(),
        "hash": order_hash(base),
        **packed.difference(found),
        "truth": _truth(run, history.order, base),
    }


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


def _truth(run: Run, order: Order, base: Order) -> dict[str, str] | None:
    """The same differences between real retrainings, where both orders have one."""
    one, other = _losses(run, order), _losses(run, base)
    if one is None or other is None:
        return None
    apart = one - other
    return {"sample": packed.packed(apart.samples), "probe": packed.packed(apart.probes)}


def _losses(run: Run, order: Order) -> Losses | None:
    """Final losses as really trained."""
    if run.trains_as(order) == run.trains_as(run.reference_order):
        return run.reference.final
    found = run.ledger.of(order)
    return None if found is None else found.final
