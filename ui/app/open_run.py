"""The run that a visit shows, and the list to pick another from."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from reorder_core.errors import ReorderError, RunBusy, RunNotFound, StoreError, told
from reorder_core.importing.remote import is_address
from reorder_core.store.run import Run, open_run
from ui.app import state
from ui.app.known_runs import ROOT, files_stamp, known_runs, named, started_on

RUN = "run"
"""The address's name for it."""


def require() -> Run:
    """The run of this visit; when it cannot be opened, says why and what to do, and stops the page.

    It is the one that the address names, else the one picked before, else the
    one that the app was started on. The address names it where it is not that one.
    """
    with explained(named()):
        path = _picked()
    with explained(path):
        run = _open(path, files_stamp(path))
    if path != started_on() and st.query_params.get(RUN) != run.id:
        st.query_params[RUN] = run.id
    return run


def picker(run: Run) -> None:
    """A list of the runs that can be opened, where there are several."""
    known = {found.id: found for found in known_runs()}
    if len(known) < 2:
        return
    ids = list(known)
    chosen = st.selectbox(
        "Run",
        ids,
        index=ids.index(run.id) if run.id in known else None,
        format_func=lambda id: known[id].title,
        key="ro_run_picker",
        help="Runs in data/, in runs/ and in the folders that REORDER_RUNS names.",
    )
    if chosen is not None and chosen != run.id:
        state.pick_run(chosen)
        st.query_params.from_dict({RUN: chosen})
        st.rerun()


def _picked() -> Path:
    known = {found.id: found.path for found in known_runs()}
    asked = st.query_params.get(RUN)
    if asked in known:
        state.pick_run(asked)
    return known.get(state.picked_run(), started_on())


@contextmanager
def explained(path: Path | str) -> Iterator[None]:
    """Turns what the user can put right into a message with the command to type."""
    try:
        yield
    except (ReorderError, OSError) as error:
        known = error if isinstance(error, ReorderError) else StoreError(told(error))
        _explain(path, known)
        st.stop()


@st.cache_resource(max_entries=4, show_spinner="Opening the run")
def _open(path: Path, changed: object) -> Run:
    return open_run(path)


def _explain(path: Path | str, error: ReorderError) -> None:
    build = f"python -m reorder_core build data/demo.yaml --out {shown(path)}"
    if is_address(path):
        title, command = "This run cannot be fetched", ""
        advice = "Nothing here was changed. Start the app again when the address can be read."
    elif isinstance(error, RunNotFound):
        title, command = "No run here yet", build
        advice = "Build one, or start the app on another run: `streamlit run app.py -- --run PATH`"
    elif isinstance(error, RunBusy):
        title, command = (
            "This run is still being built",
            f"python -m reorder_core info {shown(path)}",
        )
        advice = "Reload this page when the build has ended. Nothing is lost."
    else:
        title, command = "This run cannot be opened", build
        advice = "Build it again with its own config, or copy the whole folder again."
    with st.container(key="ro_problem", border=True):
        st.subheader(title)
        st.text(str(error))
        st.markdown(advice)
        if command:
            st.code(command, language="bash")


def shown(path: Path | str) -> str:
    try:
        return str(Path(path).resolve().relative_to(ROOT))
    except ValueError:
        return str(path)
