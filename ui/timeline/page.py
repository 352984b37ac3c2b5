"""The timeline page's parts: the instrument and what is sent to it."""

import streamlit as st

from reorder_core.store.run import Run
from ui.app import component, open_run, state, visitors
from ui.app.history import History
from ui.charts.timeline.look import look
from ui.charts.timeline.tips import TIPS
from ui.queries import estimates, fared, packed
from ui.timeline import (
    as_of,
    compare,
    figures,
    move_effects,
    share,
)
from ui.timeline.panels import history as past
from ui.timeline.panels import orders, suggested, summary, taking
from ui.timeline.requests import going as _going  # noqa: F401  its handlers register, as others' do
from ui.timeline.requests import handling
from ui.timeline.tables import quantities, samples


def publish_run(run: Run) -> None:
    """Send what stays the same while orders change; the browser keeps it."""
    with open_run.explained(run.path):
        parts = _run_record(run, run.fingerprint)
    component.publish_parts("run", parts, f"{run.id} {run.fingerprint}")


def publish_fixed(run: Run) -> None:
    """Send what no order changes: the figures' looks in both themes, forms and dialogs."""
    component.publish("fixed", {
        "look": look(),
        "tips": TIPS,
        "presets": orders.presets(),
        "own": orders.own(),
        "goals": suggested.goals(run.probe_domains),
        "share": taking.entries(),
    })  # fmt: skip


@st.cache_data(max_entries=2, show_spinner=False)
def _run_record(_run: Run, fingerprint: str) -> tuple[str, ...]:
    return component.in_parts(packed.run_record(_run))


@st.fragment
def show(run: Run, history: History) -> None:
    """The instrument and the query behind its numbers."""
    if state.take_rerun():
        st.rerun()
    with open_run.explained(run.path):
        answer = estimates.answer(run, history.order)
        previous = move_effects.of_last_move(run, history)
        comparison = compare.record(run, history)
        told = move_effects.history_record(run, history)
        stamped = as_of.record(run, history.order, history.at_reference)
        as_of.banner(run, history.order)
    component.timeline(
        packed.order_record(run, history.order, answer)
        | stamped
        | {
            "figures": figures.record(run, history.order, answer, previous),
            "history": past.drawn(told),
            "moves": len(told["moves"]),
            "comparison": comparison,
            "shown": state.shown_view(run.id),
            "summary": summary.drawn(
                run,
                history.order,
                answer,
                previous,
                fared.record(run, history.order, answer.estimate),
                as_of.words(answer, history.at_reference),
                history.at_reference,
            ),
            "rev": history.rev,
            "seq": state.sequence(),
            "notice": state.notice(),
            "canUndo": history.can_undo,
            "canRedo": history.can_redo,
            "atReference": history.at_reference,
        },
        on_event=lambda: handling.on_event(run, history),
    )
    quantities.show(run, history.order, answer)
    samples.show(run, history.order, answer)
    _query(run, history)
    share.deliver()


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
