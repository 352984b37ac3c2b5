"""Retraining more from the fidelity page: the commands, their buttons, how far they are."""

import time

import streamlit as st

from reorder_core.errors import OrderError
from reorder_core.estimators import ESTIMATORS, LIVE_ESTIMATORS
from reorder_core.judge.heat_map import SEED
from reorder_core.judge.verified import USUAL_SEED
from reorder_core.store.run import Run
from ui.app import jobs, state, visitors
from ui.app.job import Job
from ui.app.markdown import plain
from ui.pages.fidelity_sentences import FAMILY_WORDS, best_reports
from ui.queries import judged

MORE = 8
"""How many orders one press of the button adds."""
HEAT_MAP = "heat map"
"""Name of the job that retrains the heat map's missing moves."""
POLL_SECONDS = 0.5


def more(run: Run, family: str, estimator: str) -> tuple[str, tuple[str, ...]]:
    """Name and arguments of the command that measures a family on MORE further orders.

    It draws those of the family's report again, of which the ledger knows the truth.
    """
    report = next((r for r in best_reports(run.fidelity) if r.family == family), None)
    had, seed, names = 0, USUAL_SEED, list(LIVE_ESTIMATORS)
    if report is not None:
        had, seed = report.orders, report.seed
        names = [name for name in report.estimators if name in ESTIMATORS]
        names += [estimator] if estimator in ESTIMATORS and estimator not in names else []
    arguments = ("fidelity", str(run.path), "--family", family, "--orders", str(had + MORE),
                 "--seed", str(seed), "--estimators", ",".join(names))  # fmt: skip
    return f"more {family}", arguments


def heat_map(run: Run) -> tuple[str, ...]:
    """Arguments of the command that retrains the heat map's missing moves."""
    moves = judged.moves(run)
    return ("heatmap", str(run.path), "--samples", str(len(moves.samples)), "--slots",
            str(len(moves.steps)), "--seed", str(SEED), "--estimators", "reference")  # fmt: skip


def more_orders(run: Run, family: str, estimator: str) -> None:
    """The button that retrains more orders of a family; while it works, how far it is."""
    name, arguments = more(run, family, estimator)
    measured = any(report.family == family for report in run.fidelity)
    orders = f"{'more ' if measured else ''}{FAMILY_WORDS.get(family, family)}"
    about = (
        f"Draws {MORE} {orders}, really trains the model on each in the background, adds them to "
        "the ledger and measures every estimator again."
    )
    _follow(run, name, f"Retrain {MORE} {orders}", about, arguments)


def missing_moves(run: Run, missing: int, seconds: float) -> None:
    """The button that retrains the moves whose truth is unknown."""
    job = jobs.queue().find(run.id, HEAT_MAP)
    if not missing and not (job is not None and job.active):
        return
    cost = f", about {1.3 * seconds * missing + 5:.0f} s" if seconds == seconds else ""
    label = f"Retrain {missing} missing move{'s' if missing != 1 else ''}{cost}"
    about = "Really trains the model once a move, in the background."
    _follow(run, HEAT_MAP, label, about, heat_map(run))


def follow(run: Run) -> None:
    """Draw the page again when a job has ended; costs nothing while there is none."""
    active = jobs.queue().active(run.id)
    st.fragment(_watch, run_every=POLL_SECONDS if active else None)()


def _watch() -> None:
    queue = jobs.queue()
    if queue.ended != state.jobs_seen():
        state.set_jobs_seen(queue.ended)
        st.rerun()


def _follow(run: Run, name: str, label: str, about: str, arguments: tuple[str, ...]) -> None:
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
