"""The runs that this app can open: the one it was started on, and those in its folders."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from reorder_core.config import PretrainedModel
from reorder_core.errors import ReorderError
from reorder_core.importing.remote import is_address, local_copy
from reorder_core.store.manifest import RUN_FILE, read_manifest

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "data" / "demo"
MOST = 200
"""Folders looked at; a folder of more is no place to pick from."""


@dataclass(frozen=True, slots=True)
class KnownRun:
    """A published run that a visitor may choose."""

    id: str
    name: str
    path: Path
    samples: int
    steps: int
    model: str = ""
    """The pretrained model that it trains further; empty for one from random weights."""

    @property
    def title(self) -> str:
        """The name, what was trained and the id, for a list to choose from."""
        of = f" of {self.model}" if self.model else ""
        return f"{self.name}: {self.samples} samples in {self.steps} steps{of} ({self.id})"


def named() -> str:
    """What this process was started on: `-- --run PATH`, REORDER_RUN, the demo; or an address."""
    arguments = sys.argv[1:]
    for index, argument in enumerate(arguments):
        if argument == "--run" and index + 1 < len(arguments):
            return arguments[index + 1]
        if argument.startswith("--run="):
            return argument.removeprefix("--run=")
    return os.environ.get("REORDER_RUN") or str(DEMO)


def started_on() -> Path:
    """That run's folder; of an address, of its copy here, as it was when the app was started.

    Raises StoreError where there is none to be had.
    """
    return _copy_of(named()) if is_address(named()) else Path(named())


@st.cache_resource(show_spinner="Copying the run")
def _copy_of(address: str) -> Path:
    return local_copy(address)


def home() -> Path:
    """Where this app builds runs and may delete them: REORDER_RUNS' first folder, else `runs/`."""
    named = os.environ.get("REORDER_RUNS", "").split(os.pathsep)
    return Path(named[0]) if named[0] else ROOT / "runs"


def known_runs() -> list[KnownRun]:
    """The process's own run first, then those in `data/`, `runs/` and REORDER_RUNS, by name.

    REORDER_RUNS names folders of runs, separated as in PATH. A visitor can
    open these and no other path; what cannot be read is left out.
    """
    named = os.environ.get("REORDER_RUNS", "").split(os.pathsep)
    roots = [ROOT / "data", ROOT / "runs", *(Path(name) for name in named if name)]
    folders = [folder for root in roots for folder in _runs_in(root)]
    found: dict[str, KnownRun] = {}
    for folder in (started_on(), *folders):
        run = _read(folder, stamp(folder))
        if run is not None:
            found.setdefault(run.id, run)
    first, *others = found.values() if found else (None,)
    return [] if first is None else [first, *sorted(others, key=lambda run: run.title)]


def stamp(path: Path) -> tuple[int, int]:
    """Changes when the folder holds another build."""
    try:
        state = (path / RUN_FILE).stat()
    except OSError:
        return (0, 0)
    return (state.st_mtime_ns, state.st_size)


def files_stamp(path: Path) -> tuple[tuple[str, int, int, int], ...]:
    """Changes when any file of the run's folder does: written to, replaced, added, gone."""
    try:
        with os.scandir(path) as found:
            entries = [entry for entry in found if not entry.name.endswith((".part", ".lock"))]
            return tuple(sorted(_seen(entry) for entry in entries if entry.is_file()))
    except OSError:
        return ()


def _seen(entry: os.DirEntry[str]) -> tuple[str, int, int, int]:
    state = entry.stat()
    return entry.name, state.st_mtime_ns, state.st_size, state.st_ino


def _runs_in(root: Path) -> list[Path]:
    try:
        inside = sorted(root.iterdir())[:MOST]
    except OSError:
        return []
    return [folder for folder in inside if (folder / RUN_FILE).is_file()]


@st.cache_data(max_entries=MOST, show_spinner=False)
def _read(path: Path, changed: tuple[int, int]) -> KnownRun | None:
    try:
        manifest = read_manifest(path)
    except ReorderError:
        return None
    config = manifest.config
    model = config.model.title if isinstance(config.model, PretrainedModel) else ""
    sizes = config.corpus.samples, config.training.steps
    return KnownRun(manifest.id, config.name, path, *sizes, model)
