"""run.yaml: what a run is, where it comes from, and the digest of every file in it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from reorder_core.config import RunConfig
from reorder_core.corpus.sources import identity, published
from reorder_core.errors import ConfigError, RunNotFound, StoreError
from reorder_core.store.files import file_digest, json_digest, write_text
from reorder_core.yaml_text import load_yaml

FORMAT = 2
RUN_FILE = "run.yaml"
BUILD_FILE = "build.json"
STAGES_KEY = "steps"
"""Where build.json keeps the stages that are done; called so since the first runs."""
_HEADER = "# Written when the build was complete. Digests are checked on opening: do not edit.\n"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file as it was published."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What a build stage took."""

    rre: float
    """Reference-run equivalents: 1 is the cost of the reference training."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of run.yaml."""

    id: str
    config: RunConfig
    config_digest: str
    corpus_digest: str
    start_digest: str
    """Of the parameters and optimizer state that the reference run starts from."""
    seeds: dict[str, int]
    versions: dict[str, str]
    costs: dict[str, Cost]
    files: dict[str, FileRecord]


def config_digest(config: RunConfig) -> str:
    """Names a configuration on this machine: a corpus path counts as an absolute one."""
    value = _identifying(config)
    if value["corpus"]["path"] is not None:
        value["corpus"]["path"] = str(Path(value["corpus"]["path"]).resolve())
    return json_digest(value)


def run_id(config: RunConfig, corpus_digest: str, start_digest: str) -> str:
    """`name-xxxxxxxx`: from what the run is trained on and starts from, not from where it lies."""
    value = _identifying(config)
    value["corpus"].pop("path")
    value["model"].pop("from", None)  # the start's digest names the weights
    return f"{config.name}-{json_digest([value, corpus_digest, start_digest])[:8]}"


def _identifying(config: RunConfig) -> dict[str, Any]:
    """The configuration without later fields that are unset: older runs stay themselves."""
    value = config.model_dump(mode="json") | {"corpus": identity(config.corpus)}
    for part, name in (
        ("training", "order_seed"),
        ("training", "rates"),
        ("training", "reference_order"),
        ("projection", "kept"),
        ("projection", "preset"),
    ):
        if value[part][name] is None:
            del value[part][name]
    if value["projection"]["adjoint"]:
        del value["projection"]["adjoint"]
    if value["training"]["epochs"] == 1:
        del value["training"]["epochs"]
    if value["training"]["decayed"] == "all":
        del value["training"]["decayed"]
    lora = value["model"].get("lora")
    if lora and lora["last_layers"] is None:
        del lora["last_layers"]
    return value


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Publish: from here on the folder is a complete run."""
    value = asdict(manifest) | {"config": manifest.config.model_dump(mode="json")}
    value = {"format": FORMAT, **value}
    value["digest"] = json_digest(value)
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120)
    write_text(folder / RUN_FILE, _HEADER + text)


def read_manifest(folder: Path) -> Manifest:
    """The content of the folder's run.yaml.

    Raises RunNotFound where there is none, StoreError where it was altered or
    was written by another version, in another format.
    """
    path = folder / RUN_FILE
    try:
        value = load_yaml(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise RunNotFound(f"no run in {folder}: it has no {RUN_FILE}") from None
    except (ConfigError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise StoreError(f"{path} cannot be read ({reason}); build the run again") from None
    if not isinstance(value, dict) or not isinstance(value.get("format"), int):
        raise StoreError(f"{path} does not describe a run; build the run again")
    if value["format"] != FORMAT:
        newer = "update reorder, or " if value["format"] > FORMAT else ""
        raise StoreError(
            f"{path} has format {value['format']}, this version reads {FORMAT}; "
            f"{newer}build the run again"
        )
    return _checked(path, value)


def _checked(path: Path, value: dict[Any, Any]) -> Manifest:
    expected = value.pop("digest", None)
    try:
        seen = json_digest(value)
        if seen != expected:
            raise ValueError(f"its digest is {seen[:12]}, expected {str(expected)[:12]}")
        value.pop("format")
        config = value["config"]
        value["config"] = RunConfig.model_validate(config | {"corpus": published(config["corpus"])})
        value["costs"] = {name: Cost(**cost) for name, cost in value["costs"].items()}
        value["files"] = {
            _inside(name): FileRecord(**record) for name, record in value["files"].items()
        }
        return Manifest(**value)
    except (AttributeError, ConfigError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise StoreError(f"{path} was altered ({reason}); build the run again") from None


def _inside(name: str) -> str:
    """A file's name; ValueError for one that leads out of the run's folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or name != str(path):
        raise ValueError(f"it names the file {name!r}, which is not inside the run's folder")
    return name


def record_of(path: Path) -> FileRecord:
    """Digest and size of a file as it is now."""
    return FileRecord(file_digest(path), path.stat().st_size)


def check_files(
    folder: Path, files: dict[str, FileRecord], digests_of: Iterable[str] | None = None
) -> None:
    """Nothing, where every file is as published; StoreError names the first that is not.

    Sizes are compared always, digests of `digests_of` only (None: of all).
    """
    names = set(files if digests_of is None else digests_of)
    for name, record in files.items():
        _check_size(folder / name, record)
        if name in names:
            check_digest(folder / name, record, _digest(folder / name))


def _check_size(path: Path, record: FileRecord) -> None:
    try:
        size = path.stat().st_size
    except OSError:
        raise StoreError(
            f"{path} is missing; copy the whole run folder again, or run its build again"
        ) from None
    if size != record.bytes:
        raise StoreError(
            f"{path} has {size:,} bytes, expected {record.bytes:,}; "
            "copy the whole run folder again, or run its build again"
        )


def check_digest(path: Path, record: FileRecord, seen: str) -> None:
    """Nothing where `seen` is the digest that was published; StoreError tells both where not."""
    if seen != record.sha256:
        raise StoreError(
            f"{path} was altered: its digest is {seen[:12]}, expected {record.sha256[:12]}; "
            "copy the whole run folder again, or run its build again"
        )


def _digest(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror})") from None
