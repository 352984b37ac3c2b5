"""What the Timeline works out or waits for behind the numbers on screen: one polling fragment.

Retrainings under way, what each move of the history changed, suggested moves, a group that is
tried at a few steps. Polls only while there is something of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from reorder_core.store.run import Run
from ui.app import component, jobs, state
from ui.app.history import History
from ui.queries import estimates
from ui.queries.estimates import Pair
from ui.timeline import move_effects, suggest, trial
from ui.timeline.requests import retrainings

POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Task:
    """Differences between orders that are worked out little by little."""

    pairs: Callable[[Run, History], list[Pair]]
    """Each order and its base, the most wanted first."""
    channel: str = ""
    """To which `record` is published at each round; empty where the instrument shows it."""
    record: Callable[[Run, History], dict[str, Any]] | None = None


TASKS = (
    Task(trial.pairs, "trial", trial.record),
    Task(suggest.pairs, "suggestions", suggest.record),
    Task(move_effects.pairs),
)
"""The one that a person waits for first."""


def follow(run: Run, history: History) -> None:
    """Do a round of it, and poll for more."""
    pending = _pending(run, history)
    polling = bool(pending or jobs.queue().active(run.id))
    st.fragment(_round, run_every=POLL_SECONDS if polling else None)(run, history, pending)


def _round(run: Run, history: History, pending: list[Task]) -> None:
    """Work for about POLL_SECONDS on what is wanted most; the page follows where one is done.

    pending: what was wanted when the page was drawn.
    """
    component.publish("jobs", retrainings.record(run))
    for task in _pending(run, history)[:1]:
        estimates.work(run, task.pairs(run, history), POLL_SECONDS)
    for task in TASKS:
        if task.record is not None:
            component.publish(task.channel, task.record(run, history))
    left = _pending(run, history)
    ended = jobs.queue().ended != state.jobs_seen()
    state.set_jobs_seen(jobs.queue().ended)
    if ended or any(task not in left for task in pending):
        st.rerun()  # lays the truth over, shows effects, or ends the polling


def _pending(run: Run, history: History) -> list[Task]:
    return [task for task in TASKS if estimates.lacking(run, task.pairs(run, history))]
