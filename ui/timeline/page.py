"""The timeline page's parts: the instrument, its events, retrainings under way."""

import time
from typing import Any

import streamlit as st

from reorder_core.errors import OrderError, StoreError
from reorder_core.explore.presets import preset
from reorder_core.export.bundle import curve_table, results_table
from reorder_core.orders.moves import gives, whole
from reorder_core.orders.order import order_hash, parse_order
from reorder_core.records.estimates import Estimate
from reorder_core.store.run import Run
from ui.app import component, jobs, open_run, state, visitors
from ui.app.history import History
from ui.charts.timeline_shell import shell
from ui.queries import estimates, fared, packed
from ui.timeline import (
    address,
    as_of,
    compare,
    guided,
    kept_branches,
    move_effects,
    quantities_table,
    samples_table,
    share,
    suggest,
    trial,
)
from ui.timeline.events import (
    Branch,
    ChooseView,
    Command,
    Compare,
    Drop,
    EditView,
    Event,
    Export,
    Guide,
    Jump,
    OfJob,
    Paste,
    Picked,
    PlaceView,
    Preset,
    SaveView,
    Suggest,
    Trial,
    parse_event,
    sequence_of,
)

POLL_SECONDS = 0.5


def publish_run(run: Run) -> None:
    """Send what stays the same while orders change; the browser keeps it."""
    with open_run.explained(run.path):
        record = _run_record(run, run.fingerprint)
    component.publish("run", record)


def publish_charts(run: Run) -> None:
    """Send what the figures look like; the browser puts each order's numbers in."""
    with open_run.explained(run.path):
        record = _charts_record(run, run.fingerprint)
    component.publish("charts", record)


@st.cache_data(max_entries=2, show_spinner=False)
def _charts_record(_run: Run, fingerprint: str) -> dict[str, Any]:
    order = _run.reference_order
    at_rest = Estimate(_run.id, "", order_hash(order), _run.reference.losses_at)
    results = results_table(_run, at_rest, order, None)
    return shell(results, curve_table(_run, at_rest, None), _run.steps, _run.batch_size)


@st.cache_data(max_entries=2, show_spinner=False)
def _run_record(_run: Run, fingerprint: str) -> dict[str, Any]:
    return packed.run_record(_run)


@st.fragment
def show(run: Run, history: History) -> None:
    """The instrument and the query behind its numbers."""
    if state.take_rerun():
        st.rerun()
    with open_run.explained(run.path):
        answer = estimates.answer(run, history.order)
        previous = move_effects.previous_record(run, history)
        comparison = compare.record(run, history)
        stamped = as_of.record(run, history.order, history.at_reference)
        as_of.banner(run, history.order)
    component.timeline(
        packed.order_record(run, history.order, answer)
        | stamped
        | {
            "previous": previous,
            "history": move_effects.history_record(run, history),
            "comparison": comparison,
            "shown": state.shown_view(run.id),
            "fared": fared.record(run, history.order, answer.estimate),
            "source": as_of.words(answer),
            "rev": history.rev,
            "seq": state.sequence(),
            "notice": state.notice(),
            "canUndo": history.can_undo,
            "canRedo": history.can_redo,
            "atReference": history.at_reference,
        },
        on_event=lambda: _on_event(run, history),
    )
    share.deliver()
    quantities_table.show(run, history.order, answer)
    samples_table.show(run, history.order, answer)
    _query(run, history)


def follow_jobs(run: Run) -> None:
    """Tell the instrument how far retrainings are; polls only while there are any."""
    active = jobs.queue().active(run.id)
    st.fragment(_jobs, run_every=POLL_SECONDS if active else None)(run)


def follow_effects(run: Run, history: History) -> None:
    """Work out what each move of the history changed; polls only while that is not known."""
    pending = bool(move_effects.lacking(run, history))
    every = POLL_SECONDS if pending else None
    st.fragment(_effects, run_every=every)(run, history, pending)


def _effects(run: Run, history: History, polling: bool) -> None:
    move_effects.work(run, history, POLL_SECONDS)
    if polling and not move_effects.lacking(run, history):
        st.rerun()  # the list shows them, and the polling ends


def follow_suggestions(run: Run, history: History) -> None:
    """Estimate the moves that might serve the goal asked for; polls only while some are left."""
    pending = bool(suggest.lacking(run, history))
    every = POLL_SECONDS if pending else None
    st.fragment(_suggestions, run_every=every)(run, history, pending)


def follow_trial(run: Run, history: History) -> None:
    """Estimate the group that is tried at a few steps; polls only while some are left."""
    pending = bool(trial.lacking(run, history))
    every = POLL_SECONDS if pending else None
    st.fragment(_trial, run_every=every)(run, history, pending)


def _trial(run: Run, history: History, polling: bool) -> None:
    trial.work(run, history, POLL_SECONDS)
    component.publish("trial", trial.record(run, history))
    if polling and not trial.lacking(run, history):
        st.rerun()  # ends the polling


def _suggestions(run: Run, history: History, polling: bool) -> None:
    suggest.work(run, history, POLL_SECONDS)
    component.publish("suggestions", suggest.record(run, history))
    if polling and not suggest.lacking(run, history):
        st.rerun()  # ends the polling


def _jobs(run: Run) -> None:
    queue = jobs.queue()
    component.publish("jobs", {"jobs": [job_record(job) for job in queue.all(run.id)]})
    if queue.ended != state.jobs_seen():
        state.set_jobs_seen(queue.ended)
        st.rerun()  # overlays the truth, or says what went wrong


def job_record(job: jobs.Job) -> dict[str, Any]:
    """A job as the browser shows it."""
    running = job.state == "running"
    return {
        "hash": job.name,
        "title": job.title or job.name,
        "order": job.order is not None,
        "state": job.state,
        "done": job.done,
        "total": job.total,
        "label": job.label,
        "message": job.message,
        "seconds": round(time.monotonic() - job.started, 1) if running else 0.0,
        "left": None if job.left is None else round(job.left, 1),
    }


def _on_event(run: Run, history: History) -> None:
    payload = state.event()
    if payload is None:
        return
    state.set_sequence(max(state.sequence(), sequence_of(payload)))
    try:
        event = parse_event(payload, run.id, run.count)
        _obey(event, run, history)
    except (OrderError, StoreError) as error:
        state.set_notice(f"Not done, the order is unchanged: {error}.")
    else:
        state.set_notice(None)
        if kept_branches.keep(run, history):
            address.write(run, history)  # a branch has another name now


def _obey(event: Event, run: Run, history: History) -> None:
    """Do what was asked for; raises OrderError where it cannot be done."""
    if event.changes is not None:
        visitors.must_be_free_to(event.changes)
    match event.request:
        case Command(type="verify"):
            if history.at_reference:
                raise OrderError("the reference order was really trained; its losses are measured")
            title = move_effects.in_words(run, history)
            jobs.queue().submit(run.path, run.id, history.order, title)
            state.request_rerun()  # the polling fragment stands outside this one
            return
        case Command(type="cancel"):
            jobs.queue().cancel(run.id, order_hash(history.order))
            state.request_rerun()
            return
        case OfJob(type="cancel-job", hash=name):
            jobs.queue().cancel(run.id, name)
            state.request_rerun()
            return
        case OfJob(hash=name):
            _show_job(name, run, history)
        case Command(type=name):
            {"undo": history.undo, "redo": history.redo, "reset": history.reset}[name]()
        case Jump() as request:
            _travel(request, history)
        case Branch(type=name, name=branch):
            {"fork": history.fork, "switch": history.switch, "forget": history.forget}[name](branch)
        case Drop():
            _take(event, history)
        case Preset(name=name, options=options):
            order, title = preset(run, name, options)
            history.commit(order, whole(order, title))
        case Paste(text=text, source=source):
            order = parse_order(text, run.id, run.count)
            history.commit(order, whole(order, source))
        case Suggest() as request:
            suggest.obey(request, run, history)
            state.request_rerun()  # what follows it stands outside this fragment
            return
        case Trial() as request:
            trial.obey(request, run, history)
            state.request_rerun()  # what follows it stands outside this fragment
            return
        case SaveView() | EditView() | ChooseView() | PlaceView() as request:
            share.obey_view(request, run, history)
            state.request_rerun()
        case Guide() as request:
            guided.obey(request, run, history)
            state.request_rerun()
        case Compare() as request:
            compare.obey(request, run, history)
            return
        case Picked() as request:
            samples_table.obey(request, run)
            return
        case Export() as request:
            share.prepare(request, run, history)
            return
    address.write(run, history)


def _show_job(name: str, run: Run, history: History) -> None:
    """Bring a queued retraining's order to the screen, as a move that can be undone."""
    job = jobs.queue().find(run.id, name)
    if job is None or job.order is None:
        raise OrderError("that retraining is not in the queue any more; its order is not known")
    history.commit(job.order, whole(job.order, f"retrained: {job.title or name[:8]}"))


def _travel(request: Jump, history: History) -> None:
    """Go to a place in the history, or leave its move out."""
    entries = history.entries
    if request.place >= len(entries) or entries[request.place].hash != request.hash:
        raise OrderError("the history on the page was out of date; it is shown anew")
    {"jump": history.jump, "remove": history.remove}[request.type](request.place)


def _take(event: Event, history: History) -> None:
    """Take over a dropped order, with its move where that is what led to it."""
    assert event.order is not None  # parse_event gives a drop its order
    known = event.move is not None and gives(history.order, event.move, event.order)
    history.commit(event.order, event.move if known else None)


def _query(run: Run, history: History) -> None:
    """How the numbers are read back; nothing is sent, or costs a drop time, while it is closed."""
    shut = st.expander("The query behind these numbers", key="ro_query", on_change="rerun")
    if not shut.open:
        return
    with shut:
        st.caption(
            "What an estimate computed once is kept in the run's cache database and read back "
            "with this query, by you tomorrow or by somebody else."
        )
        sql, parameters = estimates.query(run, history.order)
        st.code(sql, language="sql")
        st.code("parameters: " + ", ".join(parameters), language="text")
        if note := estimates.note(run):
            st.caption(f"On this machine {note}.")


def told() -> None:
    """What visitors of this app share."""
    st.caption(visitors.told())
