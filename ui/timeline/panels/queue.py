"""Every retraining of this run that was asked for: how far each is, a way to it and to stop it."""

import math
import time

from ui.app.job import Job
from ui.app.numbers import seconds
from ui.timeline.panels.tree import Node, button, el


def drawn(jobs: list[Job]) -> list[Node]:
    """The queue; nothing where nothing was asked for."""
    if not jobs:
        return []
    busy = sum(job.active for job in jobs)
    rows, wait, whole = [], 0.0, _length(jobs)
    for job in jobs:
        rows.append(_row(job, wait))
        if job.active:
            wait += whole if job.left is None else job.left
    title = f"Retrainings: {busy} to go" if busy else "Retrainings: all ended"
    return [
        el("section", el("h3", title, class_="ro-queue-title"),
           el("ul", *rows, class_="ro-queue-list", aria_label="Retrainings"),
           class_="ro-queue", aria_label="Queue of retrainings")
    ]  # fmt: skip


def words(job: Job, others: int) -> str:
    """How far it is, or how it ended; nothing where the retraining itself says so."""
    if job.state == "queued":
        return f"waiting for {others} other retraining{'s' if others > 1 else ''}"
    if job.state == "failed":
        return f"the retraining failed: {job.message}"
    return {"running": progress(job), "cancelled": "cancelled"}.get(job.state, "")


def progress(job: Job) -> str:
    """`training step 3 of 32, 4 s left`; before that is known, what it is at."""
    if job.left is None:
        return f"{job.label or 'starting'} …"
    return f"{job.label or 'retraining'} {job.done} of {job.total}, {seconds(job.left)} left"


def _row(job: Job, wait: float) -> Node:
    title = job.title or job.name
    known = job.order is not None
    go = el(
        "button", el("span", title, class_="ro-queue-words"),
        el("span", _state(job, wait), class_="ro-queue-state"),
        type="button", class_="ro-queue-go", on={"send": ["show-job", {"hash": job.name}]},
        disabled=not known, data_order=job.name if known else None, data_mark="disabled",
    )  # fmt: skip
    done = job.done / job.total if job.total else None
    bar = el("progress", class_="ro-progress", max=1, value=done, aria_label="Progress")
    stop = button("Cancel", on={"send": ["cancel-job", {"hash": job.name}]},
                  data_queue_cancel=job.name, aria_label=f"Cancel: {title}")  # fmt: skip
    running = job.state == "running"
    return el("li", go, bar if running else None, stop if job.active else None, key=job.name,
              class_="ro-queue-row", data_job=job.name, data_state=job.state)  # fmt: skip


def _length(jobs: list[Job]) -> float:
    """Seconds a whole retraining takes, by the one that runs; nan before that is known."""
    for job in jobs:
        if job.left is not None:
            return time.monotonic() - job.started + job.left
    return math.nan


def _state(job: Job, wait: float) -> str:
    if job.state == "queued":
        return f"waits, starts in about {seconds(wait)}" if wait > 0 else "waits"
    if job.state == "failed":
        return f"failed: {job.message}"
    return progress(job) if job.state == "running" else job.state
