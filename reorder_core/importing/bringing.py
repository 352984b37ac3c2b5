"""A run brought in whole or not at all: every digest compared before it is published."""

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from reorder_core.errors import ReorderError, StoreError, told
from reorder_core.importing.sources import FolderSource, Source, zip_source
from reorder_core.store.leftovers import remove_scratch
from reorder_core.store.manifest import BUILD_FILE, RUN_FILE, Manifest, read_manifest
from reorder_core.store.run import Run, open_run

LARGEST_TEXT = 2 << 20
"""Bytes of run.yaml and build.json."""
LARGEST_GROWN = 64 << 20
"""Bytes of one file of what grew beside a run."""
_GROWN = re.compile(
    r"(ledger|fidelity|measured|curricula)/[A-Za-z0-9][A-Za-z0-9._,-]{0,120}\.json|ledger/\.sequence"
)
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,40}-[0-9a-f]{8}")
Progress = Callable[[str, int, int], None]


def import_run(
    source: Path | BinaryIO, home: Path, title: str = "", on_progress: Progress = lambda *_: None
) -> Run:
    """The run, copied into the folder `home` from a run's folder or a zip of one.

    Taken are the files that its run.yaml names, retrainings, reports, searches;
    all else (a cache, what a system put beside) stays out. `title` names the
    source in messages.

    Raises StoreError where it is no run, is damaged or altered, is not to be
    trusted, or is there already; then nothing of it is left in `home`.
    """
    title = title or str(source)
    try:
        if isinstance(source, Path) and source.is_dir():
            return bring_in(FolderSource(source), home, on_progress)
        if isinstance(source, Path) and not source.exists():
            raise StoreError(f"there is nothing at {source}; expected a run's folder or its zip")
        with zip_source(title, source) as archive:
            return bring_in(archive, home, on_progress)
    except OSError as error:
        raise StoreError(f"not imported: {told(error)}") from None


def bring_in(source: Source, home: Path, on_progress: Progress = lambda *_: None) -> Run:
    """As `import_run`, from what is opened already."""
    home.mkdir(parents=True, exist_ok=True)
    remove_scratch(home)
    # Not a run to whoever lists `home`: its run.yaml lies a folder deeper.
    with tempfile.TemporaryDirectory(prefix=f"reorder-{os.getpid()}-", dir=home) as scratch:
        staged = Path(scratch) / "run"
        try:
            target = _staged(source, staged, home, on_progress)
        except ReorderError as error:
            raise StoreError(_without(str(error), staged, source.title)) from None
        os.rename(staged, target)
    return open_run(target)


def _staged(source: Source, staged: Path, home: Path, on_progress: Progress) -> Path:
    """Where in `home` the run belongs, once it is copied and found whole."""
    root = root_of(source)
    _copy(source, root, RUN_FILE, staged, LARGEST_TEXT)
    manifest = read_manifest(staged)
    target = _target(manifest, home)
    wanted = _wanted(source, root, manifest)
    _refuse_too_large(source, wanted, home)
    for number, (name, size) in enumerate(wanted.items(), start=1):
        _copy(source, root, name, staged, size)
        on_progress("copying", number, len(wanted))
    _check(staged)
    return target


def root_of(source: Source) -> str:
    """Where in the source the run lies: at its top, or in its one folder."""
    found = [name for name in source.sizes if PurePosixPath(name).name == RUN_FILE]
    shallow = [name for name in found if name.count("/") <= 1]
    if not shallow:
        raise StoreError(
            f"{source.title} holds no run: no {RUN_FILE} at its top or in a folder of it"
        )
    if len(shallow) > 1:
        raise StoreError(f"{source.title} holds {len(shallow)} runs; import one at a time")
    return shallow[0].removesuffix(RUN_FILE)


def _target(manifest: Manifest, home: Path) -> Path:
    """A folder of its own: by the run's name where that is free, else by its id."""
    if not _ID.fullmatch(manifest.id):
        raise StoreError(f"the run calls itself {manifest.id[:80]!r}, which is no run's id")
    for folder in home.iterdir():
        if (folder / RUN_FILE).is_file() and _id_of(folder) == manifest.id:
            raise StoreError(
                f"run {manifest.id} is there already, in {folder}; delete it first to replace it"
            )
    named = home / manifest.config.name
    target = named if not named.exists() else home / manifest.id
    if target.exists():
        raise StoreError(f"{target} exists and is another run or none; move it away first")
    return target


def _id_of(folder: Path) -> str:
    try:
        return read_manifest(folder).id
    except ReorderError:
        return ""


def _wanted(source: Source, root: str, manifest: Manifest) -> dict[str, int]:
    """Name in the run's folder → bytes, of all that is taken besides run.yaml."""
    published = {name: record.bytes for name, record in manifest.files.items()}
    for name, size in published.items():
        seen = source.sizes.get(root + name)
        if seen != size:
            what = "lacks it" if seen is None else f"holds {seen:,}"
            raise StoreError(
                f"{source.title}: {RUN_FILE} names {name} of {size:,} bytes, and the source "
                f"{what}; take the whole run folder again"
            )
    built = {BUILD_FILE: LARGEST_TEXT} if root + BUILD_FILE in source.sizes else {}
    return {**published, **built, **grown_in(source, root)}


def grown_in(source: Source, root: str) -> dict[str, int]:
    """Name in the run's folder → bytes, of what grows beside a published run."""
    inside = {name.removeprefix(root): size for name, size in source.sizes.items()
              if name.startswith(root)}  # fmt: skip
    grown = {name: size for name, size in inside.items() if _GROWN.fullmatch(name)}
    large = next((name for name, size in grown.items() if size > LARGEST_GROWN), None)
    if large is not None:
        raise StoreError(f"{source.title}: {large} has {grown[large]:,} bytes; too many for one")
    return grown


def _refuse_too_large(source: Source, wanted: dict[str, int], home: Path) -> None:
    size, free = sum(wanted.values()), shutil.disk_usage(home).free
    if size > 0.95 * free:
        raise StoreError(
            f"{source.title} takes {size / 1e6:,.0f} MB, and {home} has {free / 1e6:,.0f} free"
        )


def _copy(source: Source, root: str, name: str, staged: Path, at_most: int) -> None:
    source.copy(root + name, staged / name, at_most)


def _check(staged: Path) -> None:
    """Every digest, and every record of what grew; StoreError names the first that is wrong."""
    run = open_run(staged)
    run.verify()
    if run.problems:
        raise StoreError(run.problems[0])


def _without(message: str, staged: Path, title: str) -> str:
    """The message with the source named, not the folder of a moment."""
    return message.replace(f"{staged}{os.sep}", f"{title}: ").replace(str(staged), title)
