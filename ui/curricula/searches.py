"""Searches in the background, and which of them a page shows."""

from collections.abc import Sequence

import streamlit as st

from reorder_core.curricula.asked import Asked
from reorder_core.curricula.search_state import SearchState, all_states
from reorder_core.store.run import Run
from ui.app import visitors
from ui.app.job import Job
from ui.app.jobs import Jobs

SHOWN = "search"
"""The address's parameter: a search's id."""


_searches = Jobs()


def queue() -> Jobs:
    """A queue of its own: a retraining asked for on another page does not wait for a search."""
    return _searches


def start(run: Run, asked: Asked) -> str:
    """Begin the search, or go on with it; its id. The same again is the same search.

    Raises OrderError where the app is read-only or too many searches wait.
    """
    visitors.must_be_free_to("search")
    name = asked.name(run)
    arguments = ("curriculum", str(run.path), *asked.arguments())
    queue().submit_batch(run.path, run.id, name, arguments)
    st.query_params[SHOWN] = name
    return name


def stop(run: Run, name: str) -> None:
    """What it has verified is kept; `start` goes on from there. Raises OrderError as `start`."""
    visitors.must_be_free_to("stop a search")
    queue().cancel(run.id, name)


def job(run: Run, name: str) -> Job | None:
    return queue().find(run.id, name)


def active(run: Run) -> bool:
    """Whether any of the run's searches waits or runs."""
    return bool(queue().active(run.id))


def known(run: Run) -> Sequence[SearchState]:
    """All searches of the run that left a state, the latest first."""
    return list(all_states(run))


def shown(states: Sequence[SearchState]) -> SearchState | None:
    """The one in the address, else the latest."""
    wanted = st.query_params.get(SHOWN)
    return next((s for s in states if s.path.stem == wanted), states[0] if states else None)
