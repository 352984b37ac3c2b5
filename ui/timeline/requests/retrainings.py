"""Retrainings of the order on screen: asked for, stopped, looked at, and told to the browser."""

from typing import Any

from reorder_core.errors import OrderError
from reorder_core.orders.moves import whole
from reorder_core.orders.order import order_hash
from reorder_core.store.run import Run
from ui.app import jobs, visitors
from ui.app.history import History
from ui.timeline import move_effects
from ui.timeline.panels import queue
from ui.timeline.requests.events import Event, OfJob, Retraining, Soon
from ui.timeline.requests.handling import After, handles


@handles(Retraining)
def verify(event: Event, run: Run, history: History) -> After:
    """Queue the retraining of the order on screen, or cancel it."""
    if event.request.type == "cancel":
        jobs.queue().cancel(run.id, order_hash(history.order))
        return After.PAGE
    if history.at_reference:
        raise OrderError("the reference order was really trained; its losses are measured")
    title = move_effects.in_words(run, history)
    jobs.queue().submit(run.path, run.id, history.order, title)
    return After.PAGE


@handles(Soon)
def prepare(event: Event, run: Run, history: History) -> After:
    """Load PyTorch ahead, where this visitor may retrain."""
    if not visitors.read_only():
        jobs.queue().prepare()
    return After.NOTHING


@handles(OfJob)
def of_job(event: Event, run: Run, history: History) -> After:
    """Cancel a queued retraining, or bring its order to the screen: a move that can be undone."""
    name = event.request.hash
    if event.request.type == "cancel-job":
        jobs.queue().cancel(run.id, name)
        return After.PAGE
    job = jobs.queue().find(run.id, name)
    if job is None or job.order is None:
        raise OrderError("that retraining is not in the queue any more; its order is not known")
    history.commit(job.order, whole(job.order, f"retrained: {job.title or name[:8]}"))
    return After.ADDRESS


def record(run: Run) -> dict[str, Any]:
    """All of the run's jobs as the browser shows them."""
    found = jobs.queue().all(run.id)
    busy = sum(job.active for job in found)
    return {"jobs": [job_record(job, busy - 1) for job in found], "parts": queue.drawn(found)}


def job_record(job: jobs.Job, others: int) -> dict[str, Any]:
    """A job as the browser shows it, where so many others are under way."""
    return {
        "hash": job.name,
        "state": job.state,
        "share": job.done / job.total if job.total else None,
        "words": queue.words(job, others),
    }
