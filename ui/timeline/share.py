"""What is kept and taken away: saved views, files to download."""

import base64
import binascii
import uuid
from datetime import UTC, datetime
from typing import Any

from reorder_core.cache.saved_views import View
from reorder_core.errors import OrderError, StoreError
from reorder_core.export import bundle
from reorder_core.orders.moves import encode_moves, whole
from reorder_core.orders.order import order_hash
from reorder_core.records.estimates import Estimate
from reorder_core.store.ledger import Retrained
from reorder_core.store.run import Run
from ui.app import component, state
from ui.app.history import History
from ui.queries import estimates
from ui.timeline import figures
from ui.timeline.panels import saved
from ui.timeline.requests.events import (
    ChooseView,
    EditView,
    Event,
    Export,
    Figure,
    PlaceView,
    SaveView,
)
from ui.timeline.requests.handling import After, handles

MOST_A_VISIT = 40
"""Views that one visit may save of the 200 that all share."""
_KINDS = {
    "order": ("json", "application/json"),
    "csv": ("csv", "text/csv"),
    "parquet": ("parquet", "application/vnd.apache.parquet"),
    "bundle": ("zip", "application/zip"),
    "figure": ("csv", "text/csv"),
}


def publish_views(run: Run) -> None:
    """Send the deck: the saved views' names and numbers, not their orders."""
    try:
        views, note = estimates.views(run).all(), estimates.note(run)
    except StoreError as error:
        views, note = [], f"{error}"
    kept = note.replace("estimates are", "saved views and estimates are", 1)
    retrained = [run.ledger.of(view.order) is not None for view in views]
    parts, deck = saved.drawn(views, retrained, kept), [saved.slide(view) for view in views]
    component.publish("views", {"parts": parts, "deck": deck})


@handles(SaveView)
def save_view(event: Event, run: Run, history: History) -> After:
    """Keep the order on screen; raises OrderError or StoreError where it cannot be."""
    if state.views_saved() >= MOST_A_VISIT:
        raise OrderError(
            f"this visit has saved {MOST_A_VISIT} views, which is all that one may; "
            "others keep room for theirs"
        )
    views = estimates.views(run)
    made = views.save(_saved(event.request, run, history))
    state.note_view_saved()
    state.set_shown_view(run.id, _shown(views.get(made)))
    return After.PAGE


@handles(EditView)
def rename_view(event: Event, run: Run, history: History) -> After:
    """Give a view another name and note."""
    request = event.request
    estimates.views(run).rename(request.id, request.name, request.note)
    return After.PAGE


@handles(PlaceView)
def place_view(event: Event, run: Run, history: History) -> After:
    """Put a view at another place of the deck."""
    estimates.views(run).place(event.request.id, event.request.place)
    return After.PAGE


@handles(ChooseView)
def choose_view(event: Event, run: Run, history: History) -> After:
    """Show a view's order, or delete the view."""
    views, request = estimates.views(run), event.request
    if request.type == "delete-view":
        views.delete(request.id)
        return After.PAGE
    open_view(run, history, views.get(request.id))
    return After.ADDRESS | After.PAGE


def _saved(request: SaveView, run: Run, history: History) -> View:
    selection = request.selection if (request.selection or 0) < run.visits.count else None
    moves = encode_moves(history.moves or []) or ""
    return View(request.name, history.order, request.note, moves, selection, request.metric)


def open_view(run: Run, history: History, view: View) -> None:
    """Show a view's order, as a move that can be undone."""
    history.commit(view.order, whole(view.order, f"saved view: {view.name}"))
    state.set_shown_view(run.id, _shown(view))


def _shown(view: View) -> dict[str, Any]:
    return {"id": view.id, "hash": view.hash, "selection": view.selection, "metric": view.metric}


@handles(Export)
def prepare(event: Event, run: Run, history: History) -> After:
    """Make a file and leave it for `deliver`; raises OrderError for figures that are none."""
    request = event.request
    order, ending = history.order, _KINDS[request.what]
    answer = estimates.answer(run, order)
    name = f"reorder-{run.id}-{order_hash(order)[:8]}-{request.what}.{ending[0]}"
    estimate = answer.estimate
    truth = run.ledger.of(order)
    if request.what == "order":
        content = bundle.order_json(run, order)
    elif request.what == "bundle":
        drawn = [_figure(figure) for figure in request.figures]
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        moved = _ranking(run, history, estimate, truth)
        content = bundle.figure_bundle(run, order, estimate, drawn, answer.words, today, moved)
    elif request.what == "figure":
        name, content = figures.csv(run, history, answer, request.figure)
    else:
        write = {"csv": bundle.to_csv, "parquet": bundle.to_parquet}[request.what]
        content = write(
            bundle.results_table(run, estimate, order, truth).assign(estimator=answer.words)
        )
    state.set_download({
        "id": uuid.uuid4().hex,
        "name": name,
        "mime": ending[1],
        "content": base64.b64encode(content).decode(),
    })  # fmt: skip
    return After.NOTHING


def _ranking(
    run: Run, history: History, estimate: Estimate, truth: Retrained | None
) -> bundle.Ranking:
    """The list of what moved most, against the order that the page shows it against."""
    shown = state.figures(run.id)
    if shown is not None and shown.against == "previous" and history.previous is not None:
        found = estimates.difference(run, history.order, history.previous)
        return bundle.Ranking(
            "the order before the last move", found.change.samples, found.interval.samples
        )
    base = run.reference.final.samples
    ends = None if estimate.interval is None else estimate.interval.samples - base
    retrained = None if truth is None else truth.final.samples - base
    return bundle.Ranking("the reference order", estimate.final.samples - base, ends, retrained)


def deliver() -> None:
    """Hand a prepared file over to the browser, once; without one, a drop draws no element more."""
    if found := state.take_download():
        component.publish("download", found)


def _figure(figure: Figure) -> bundle.FigureFile:
    try:
        png = base64.b64decode(figure.png, validate=True)
    except (binascii.Error, ValueError):
        raise OrderError(f"figure {figure.name[:40]!r} has no readable PNG") from None
    return bundle.make_figure(figure.name, figure.svg, png)
