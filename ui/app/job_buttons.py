"""Buttons of commands that work in the background: begin, how far it is, cancel."""

import time

import streamlit as st

from reorder_core.errors import OrderError
from reorder_core.store.run import Run
from ui.app import jobs, state, visitors
from ui.app.job import Job
from ui.app.markdown import plain

POLL_SECONDS = 0.5


def follow(run: Run) -> None:
    """Draw the page again when a job has ended; costs nothing while there is none."""
    active = jobs.queue().active(run.id)
    st.fragment(_watch, run_every=POLL_SECONDS if active else None)()


def _watch() -> None:
    queue = jobs.queue()
    if queue.ended != state.jobs_seen():
        state.set_jobs_seen(queue.ended)
        st.rerun()


def show(run: Run, name: str, label: str, about: str, arguments: tuple[str, ...]) -> None:
    """The button that begins a command for a run in the background; while it works, how far."""
    st.fragment(_button)(run, name, label, about, arguments)


def _button(run: Run, name: str, label: str, about: str, arguments: tuple[str, ...]) -> None:
    """A button, or the progress of what it began with a way to stop it.

    A press draws this alone anew. Were the page drawn with it, its seconds
    would hold back a press of Cancel.
    """
    job, key = jobs.queue().find(run.id, name), f"ro_job_{name.replace(' ', '_')}"
    if job is not None and job.active:
        st.fragment(_progress, run_every=POLL_SECONDS)(run, name, key)
        return
    with st.container(horizontal=True, vertical_alignment="center", key=key):
        st.button(label, help=about, type="primary", disabled=visitors.read_only(),
                  key=f"{key}_begin", on_click=_begin, args=(run, name, arguments))  # fmt: skip
        if job is not None and job.state in ("failed", "cancelled"):
            st.caption(_ended(job))


def _progress(run: Run, name: str, key: str) -> None:
    """How far a job is; when it ends, all of the page is drawn anew."""
    queue = jobs.queue()
    job = queue.find(run.id, name)
    if job is None or not job.active:
        state.set_jobs_seen(queue.ended)
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", key=key):
        st.progress(min(1.0, job.done / job.total) if job.total else 0.0, text=_words(run, job))
        st.button("Cancel", key=f"{key}_cancel", disabled=visitors.read_only(),
                  on_click=queue.cancel, args=(run.id, name))  # fmt: skip


def _begin(run: Run, name: str, arguments: tuple[str, ...]) -> None:
    try:
        visitors.must_be_free_to("retrain or cancel")
        jobs.queue().submit_batch(run.path, run.id, name, arguments)
    except OrderError as error:
        st.toast(f"Not done: {plain(str(error))}.", icon=":material/block:")


def _words(run: Run, job: Job) -> str:
    if job.state == "queued":
        ahead = len(jobs.queue().active(run.id)) - 1
        return f"waiting for {ahead} other{'s' if ahead != 1 else ''} …" if ahead else "waiting …"
    if not job.total:
        return f"{plain(job.label or 'starting')} …"
    spent = time.monotonic() - job.started
    return f"{plain(job.label)} {min(job.done + 1, job.total)} of {job.total}, {spent:.0f} s so far"


def _ended(job: Job) -> str:
    if job.state == "failed":
        return f"failed: {plain(job.message)}"
    return "cancelled; what was retrained is kept"
