"""Orders taken over, and the ways through the history: drop, undo, jump, branch, preset, paste."""

from reorder_core.errors import OrderError
from reorder_core.explore.presets import preset
from reorder_core.orders.moves import gives, whole
from reorder_core.orders.order import parse_order
from reorder_core.store.run import Run
from ui.app.history import History
from ui.timeline.requests.events import Branch, Command, Drop, Event, Jump, Paste, Preset
from ui.timeline.requests.handling import After, handles


@handles(Drop)
def drop(event: Event, run: Run, history: History) -> After:
    """Take over a dropped order, with its move where that is what led to it."""
    assert event.order is not None  # parse_event gives a drop its order
    known = event.move is not None and gives(history.order, event.move, event.order)
    history.commit(event.order, event.move if known else None)
    return After.ADDRESS


@handles(Command)
def step(event: Event, run: Run, history: History) -> After:
    """Undo, redo, or back to the reference order."""
    {"undo": history.undo, "redo": history.redo, "reset": history.reset}[event.request.type]()
    return After.ADDRESS


@handles(Jump)
def travel(event: Event, run: Run, history: History) -> After:
    """Go to a place in the history, or leave its move out."""
    request, entries = event.request, history.entries
    if request.place >= len(entries) or entries[request.place].hash != request.hash:
        raise OrderError("the history on the page was out of date; it is shown anew")
    {"jump": history.jump, "remove": history.remove}[request.type](request.place)
    return After.ADDRESS


@handles(Branch)
def branch(event: Event, run: Run, history: History) -> After:
    """Begin a branch of the history, go to one, or forget it."""
    request = event.request
    ways = {"fork": history.fork, "switch": history.switch, "forget": history.forget}
    ways[request.type](request.name)
    return After.ADDRESS


@handles(Preset)
def named_order(event: Event, run: Run, history: History) -> After:
    """Take over one of the run's named orders."""
    request = event.request
    options = dict(request.options)
    if request.name == "random" and "seed" not in options:
        options["seed"] = int(request.seed) if request.seed.isdecimal() else request.seed
    order, title = preset(run, request.name, options)
    history.commit(order, whole(order, title))
    return After.ADDRESS


@handles(Paste)
def pasted(event: Event, run: Run, history: History) -> After:
    """Take over the order in a text: an order file, or its ids."""
    if not event.request.text.strip():
        raise OrderError("there is no order yet; paste one or choose a file")
    order = parse_order(event.request.text, run.id, run.visits)
    history.commit(order, whole(order, event.request.source))
    return After.ADDRESS
