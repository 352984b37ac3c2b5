"""Resumable builds: stages, what each left on disk, and publishing the whole."""

import importlib.metadata
import logging
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import reorder_core
from reorder_core.config import RunConfig
from reorder_core.errors import ConfigError, ReorderError, StoreError
from reorder_core.execution.executor import Executor, InProcess, do_in_order, forget
from reorder_core.execution.task import Place, Shards, Task, Workplace
from reorder_core.store.files import (
    Arrays,
    json_digest,
    read_arrays,
    read_json,
    read_metadata,
    remove_parts,
    write_arrays,
    write_json,
)
from reorder_core.store.manifest import (
    BUILD_FILE,
    RUN_FILE,
    STAGES_KEY,
    Cost,
    FileRecord,
    Manifest,
    check_files,
    config_digest,
    read_manifest,
    record_of,
    run_id,
    write_manifest,
)  # fmt: skip
from reorder_core.store.run import Run, unfinished_run
from reorder_core.store.texts import read_corpus

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
"""`on_progress(label, done, total)`."""

_PACKAGES = ("numpy", "scipy", "safetensors", "tokenizers", "torch", "transformers")
SHARDS = "shards"
"""Folder of what the tasks of an unfinished stage gave."""
_OWN = {"ledger", "measured", "fidelity", "cache"}  # not a build's business


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What a build stage works with."""

    config: RunConfig
    path: Path
    on_progress: Progress
    executor: Executor = field(default_factory=InProcess)
    basis: str = ""
    """Digest of what the stages before this one left."""

    @classmethod
    def at(cls, workplace: Workplace) -> "BuildContext":
        """For a unit of work: the run that is built there."""
        place = workplace.place
        assert place.config is not None, "a published run is not built"
        return cls(place.config, place.folder, lambda *_: None, basis=place.basis)

    def each(self, label: str, tasks: Sequence[Task], take: Callable[[int, Arrays], None]) -> None:
        """`take(number, what that task gave)`, in order; what was done before a kill is used."""
        do_in_order(
            self.executor,
            Place(self.path, self.config, self.basis),
            tasks,
            Shards(self.path / SHARDS, self.basis),
            lambda done, total: self.on_progress(label, done, total),
            take,
        )

    def file(self, name: str) -> Path:
        """Where arrays of that name are kept."""
        return self.path / f"{name}.safetensors"

    def save(
        self, name: str, arrays: Mapping[str, Any], metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Write arrays to RUN/<name>.safetensors."""
        write_arrays(self.file(name), arrays, metadata)

    def load(self, name: str) -> Arrays:
        """The arrays an earlier stage saved, memory-mapped."""
        return read_arrays(self.file(name))

    def metadata(self, name: str) -> dict[str, str]:
        """The metadata an earlier stage saved with them."""
        return read_metadata(self.file(name))

    def run(self) -> Run:
        """The run as far as it is built; needs corpus.json and start.safetensors."""
        return unfinished_run(self.path, self.config)


@dataclass(frozen=True, slots=True)
class BuildStage:
    """A part of a build that is done wholly or again from its start."""

    name: str
    files: tuple[str, ...]
    """Paths in the run folder that exist when it has ended."""
    run: Callable[[BuildContext], float]
    """Writes the files; returns its cost in reference-run equivalents."""
    gained: bool = False
    """Whether a run of an older version works without, and gains it when it is built again."""
    optional: bool = False
    """Whether the build goes on without it where it raises a ReorderError, which is told."""


class BuildState:
    """build.json: which stages of a build are done, and the digests of what they left.

    The caller holds the folder's BuildLock. Raises ConfigError for a folder
    that holds another run, or something that is no run at all.
    """

    def __init__(self, path: Path, config: RunConfig) -> None:
        self.path, self.config = path, config
        self.digest = config_digest(config)
        _refuse_foreign(path, config, self.digest)
        folders = [folder for folder in path.rglob("*") if folder.is_dir()]
        remove_parts([path, *(f for f in folders if not _OWN & set(f.relative_to(path).parts))])
        self.stages: dict[str, dict[str, Any]] = {}

    @property
    def is_finished(self) -> bool:
        """Whether the folder holds the complete run, every file as published."""
        try:
            manifest = read_manifest(self.path)
            check_files(self.path, manifest.files)
        except ReorderError:
            return False
        return manifest.config_digest == self.digest

    def is_past(self, name: str) -> bool:
        """Whether a stage after that one is done, here or in a published run."""
        if (self.path / RUN_FILE).is_file():
            return True
        return bool(set(self._recorded_stages()) - {name})

    def run_stages(self, stages: Sequence[BuildStage], context: BuildContext) -> None:
        """Do the stages whose files are not there as recorded, and all after one that changed.

        A published run only gains what its version did not know yet; all else stays as it is.
        """
        if self.is_finished:
            gain([stage for stage in stages if stage.gained], context)
            return
        self.stages = self._recorded_stages()
        (self.path / RUN_FILE).unlink(missing_ok=True)
        self._save([stage.name for stage in stages])
        changed = False
        for stage in stages:
            before = self.stages.get(stage.name)
            if not changed and self._is_done(stage):
                log.info("stage %s is done already", stage.name)
                continue
            self.stages.pop(stage.name, None)
            left = {name: done["files"] for name, done in self.stages.items()}
            context = replace(context, basis=json_digest([self.digest, versions(), left]))
            done = _tried(stage, context)
            if done is None:
                continue
            self.stages[stage.name] = done
            forget(context.path / SHARDS)
            # A stage repeated with the same bits leaves its successors valid.
            changed |= before is None or before["files"] != self.stages[stage.name]["files"]
            if changed:
                self._forget_after(stage.name, stages)
            self._save([stage.name for stage in stages])

    def publish(self, seeds: Mapping[str, int], drop: Iterable[str] = ()) -> Run:
        """The finished run: run.yaml, written last, makes the folder one.

        Files in `drop` served the build only; they are left out and deleted.
        """
        drop = set(drop)
        if not self.is_finished:
            corpus = read_corpus(self.path / "corpus.json").digest
            left = [file for stage in self.stages.values() for file in stage["files"].items()]
            files = {name: FileRecord(**f) for name, f in sorted(left) if name not in drop}
            start = files["start.safetensors"].sha256
            costs = {name: Cost(s["rre"], s["seconds"]) for name, s in self.stages.items()}
            write_manifest(
                self.path,
                Manifest(
                    id=run_id(self.config, corpus, start),
                    config=self.config,
                    config_digest=self.digest,
                    corpus_digest=corpus,
                    start_digest=start,
                    seeds=dict(seeds),
                    versions=versions(),
                    costs=costs,
                    files=files,
                ),
            )
        for name in drop:
            (self.path / name).unlink(missing_ok=True)
        manifest = read_manifest(self.path)
        return Run(self.path, manifest.id, manifest.config, manifest)

    def _recorded_stages(self) -> dict[str, dict[str, Any]]:
        path = self.path / BUILD_FILE
        if not path.is_file():
            return {}
        try:
            state = read_json(path)
            seen = state["versions"]
            if seen != versions():
                log.warning("built so far with %s, now %s: starting over", seen, versions())
                return {}
            return dict(state[STAGES_KEY])
        except (StoreError, KeyError, TypeError, ValueError) as error:
            log.warning("the build starts over: %s", error)
            return {}

    def _is_done(self, stage: BuildStage) -> bool:
        record = self.stages.get(stage.name)
        if record is None or set(record["files"]) != set(stage.files):
            return False
        try:
            check_files(self.path, {n: FileRecord(**f) for n, f in record["files"].items()})
        except StoreError as error:
            log.warning("stage %s is done again: %s", stage.name, error)
            return False
        return True

    def _forget_after(self, name: str, stages: Sequence[BuildStage]) -> None:
        names = [stage.name for stage in stages]
        kept = names[: names.index(name) + 1]
        self.stages = {key: self.stages[key] for key in kept if key in self.stages}

    def _save(self, planned: list[str]) -> None:
        value = {
            "name": self.config.name,
            "config_digest": self.digest,
            "versions": versions(),
            "planned": planned,
            STAGES_KEY: self.stages,
        }
        write_json(self.path / BUILD_FILE, value, indent=1)


def gain(stages: Sequence[BuildStage], context: BuildContext) -> None:
    """A published run with what it lacks of these; all else in it stays as it is.

    The caller holds the folder's BuildLock.
    """
    manifest = read_manifest(context.path)
    missing = [stage for stage in stages if stage.name not in manifest.costs]
    found = {stage.name: done for stage in missing if (done := _tried(stage, context)) is not None}
    if not found:
        return
    for name, done in found.items():
        log.info("the run gained stage %s", name)
        manifest.costs[name] = Cost(done["rre"], done["seconds"])
        manifest.files.update({n: FileRecord(**f) for n, f in done["files"].items()})
    if (context.path / BUILD_FILE).is_file():  # a run that was brought from elsewhere has none
        state = read_json(context.path / BUILD_FILE)
        state["planned"] = [*state["planned"], *found]
        state[STAGES_KEY] |= found
        write_json(context.path / BUILD_FILE, state, indent=1)
    write_manifest(context.path, manifest)


def versions() -> dict[str, str]:
    """Versions of what the numbers of a run depend on."""
    found = {"reorder": reorder_core.__version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _tried(stage: BuildStage, context: BuildContext) -> dict[str, Any] | None:
    """As `_performed`; None of an optional one that failed."""
    try:
        return _performed(stage, context)
    except ReorderError as error:
        if not stage.optional:
            raise
        log.warning("left out %s: %s", stage.name, error)
        return None


def _performed(stage: BuildStage, context: BuildContext) -> dict[str, Any]:
    began = time.perf_counter()
    rre = stage.run(context)
    missing = [name for name in stage.files if not (context.path / name).is_file()]
    assert not missing, f"stage {stage.name} did not write {missing}"
    return {
        "files": {name: asdict(record_of(context.path / name)) for name in stage.files},
        "rre": float(rre),
        "seconds": round(time.perf_counter() - began, 3),
    }


def _refuse_foreign(path: Path, config: RunConfig, digest: str) -> None:
    """ConfigError unless the folder is empty, or belongs to this very configuration."""
    inside = {entry.name for entry in path.iterdir()} - {".lock"}
    if inside & {BUILD_FILE, RUN_FILE}:
        other, seen = _owner(path)
        if seen != digest and not _is_unstarted(path):
            raise ConfigError(
                f"{path} holds run {other!r} of another configuration "
                f"(digest {seen[:12]}; this config {config.name!r} has {digest[:12]}); "
                "choose another --out, or delete that folder"
            )
    elif not all(name.endswith(".part") for name in inside):
        raise ConfigError(
            f"{path} is not empty and holds no run (it has {min(inside)}); choose another --out"
        )


def _is_unstarted(path: Path) -> bool:
    """Whether a build began there and finished no stage: a corrected config may take it over."""
    try:
        return not (path / RUN_FILE).exists() and not read_json(path / BUILD_FILE)[STAGES_KEY]
    except (StoreError, KeyError, TypeError):
        return False


def _owner(path: Path) -> tuple[str, str]:
    """Name and configuration digest of the run that a folder holds, or will hold."""
    try:
        state = read_json(path / BUILD_FILE)
        return str(state["name"]), str(state["config_digest"])
    except (StoreError, KeyError, TypeError):
        pass  # a published run says it too
    try:
        manifest = read_manifest(path)
        return manifest.config.name, manifest.config_digest
    except ReorderError as error:
        raise ConfigError(
            f"{path} holds a run that cannot be read ({error}); "
            "choose another --out, or delete that folder"
        ) from None
