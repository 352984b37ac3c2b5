"""Which run the app shows: `-- --run PATH`, else REORDER_RUN, else the demo."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from reorder_core.errors import ReorderError, RunBusy, RunNotFound
from reorder_core.store.run import Run, open_run

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "data" / "demo"


def chosen_path() -> Path:
    """The run folder that this process was started on."""
    arguments = sys.argv[1:]
    for index, argument in enumerate(arguments):
        if argument == "--run" and index + 1 < len(arguments):
            return Path(arguments[index + 1])
        if argument.startswith("--run="):
            return Path(argument.removeprefix("--run="))
    return Path(os.environ.get("REORDER_RUN") or DEMO)


def require() -> Run:
    """The open run; when it cannot be opened, says why and what to do, and stops the page."""
    path = chosen_path()
    with explained(path):
        return _open(path, _stamp(path))


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns what the user can put right into a message with the command to type."""
    try:
        yield
    except ReorderError as error:
        _explain(path, error)
        st.stop()


@st.cache_resource(max_entries=2, show_spinner="Opening the run")
def _open(path: Path, stamp: tuple[int, int]) -> Run:
    return open_run(path)


def _stamp(path: Path) -> tuple[int, int]:
    """Changes when the folder holds another build."""
    try:
        state = (path / "run.yaml").stat()
    except OSError:
        return (0, 0)
    return (state.st_mtime_ns, state.st_size)


def _explain(path: Path, error: ReorderError) -> None:
    build = f"python -m reorder_core build data/demo.yaml --out {shown(path)}"
    if isinstance(error, RunNotFound):
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
        st.code(command, language="bash")


def shown(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(ROOT))
    except ValueError:
        return str(path)
