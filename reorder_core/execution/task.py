"""A piece of work that any process can do by itself, and the shard that it leaves.

A unit is a module's own function of a Workplace and of plain JSON, marked by
`@unit`; it gives named arrays. The same task gives the same bits wherever it
is done, since all training takes one thread. Its shard is a safetensors file
that carries the digest of its arrays, and is never changed once written.
"""

import hashlib
import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from reorder_core.config import RunConfig
from reorder_core.errors import StoreError
from reorder_core.store.files import (
    Arrays,
    json_digest,
    read_arrays,
    read_metadata,
    write_arrays,
)

DIGEST = "sha256"


@dataclass(frozen=True, slots=True)
class Place:
    """The run that tasks work on."""

    folder: Path
    config: RunConfig | None = None
    """Of a run that is being built; None for a published one."""
    basis: str = ""
    """Digest of all that a task reads there: other files, other tasks."""

    def to_json(self) -> dict[str, Any]:
        """For `placed`, in another process."""
        config = None if self.config is None else self.config.model_dump(mode="json")
        return {"folder": str(self.folder), "config": config, "basis": self.basis}


def placed(record: Mapping[str, Any]) -> Place:
    """The place that `Place.to_json` told."""
    config = record["config"]
    checked = None if config is None else RunConfig.model_validate(config)
    return Place(Path(record["folder"]), checked, record["basis"])


@dataclass(frozen=True, slots=True)
class Workplace:
    """What a unit works with in its process."""

    place: Place
    _kept: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What `make` gave the first time: a model is read once, not for every task."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]


Unit = Callable[..., Mapping[str, Any]]
"""(workplace, **arguments) → named arrays."""


def unit(function: Unit) -> Unit:
    """Marks a module's own function as one that tasks may name."""
    function.is_unit = True  # type: ignore[attr-defined]
    return function


@dataclass(frozen=True, slots=True)
class Task:
    """A call of a unit."""

    unit: str
    """module:function"""
    arguments: Mapping[str, Any]
    """Of JSON's types."""

    @property
    def name(self) -> str:
        """Names it among the tasks of a place."""
        digest = json_digest([self.unit, dict(self.arguments)])[:16]
        return f"{self.unit.partition(':')[2]}-{digest}"


def task(function: Unit, **arguments: Any) -> Task:
    """The call of that unit with these arguments, some time, somewhere."""
    assert getattr(function, "is_unit", False), f"{function} is no unit"
    return Task(f"{function.__module__}:{function.__qualname__}", json.loads(json.dumps(arguments)))


def perform(workplace: Workplace, asked: Task) -> Arrays:
    """The arrays that a task gives; only this package's own units are called."""
    module, _, name = asked.unit.partition(":")
    if not module.startswith("reorder_core."):
        raise StoreError(f"{asked.unit[:80]!r} is no unit of reorder_core")
    function = getattr(importlib.import_module(module), name, None)
    if not getattr(function, "is_unit", False):
        raise StoreError(f"{asked.unit[:80]!r} is no unit of reorder_core")
    assert function is not None
    return {key: np.asarray(value) for key, value in function(workplace, **asked.arguments).items()}


@dataclass(frozen=True, slots=True)
class Shards:
    """A folder of what tasks gave for one place."""

    folder: Path
    basis: str

    def path(self, asked: Task) -> Path:
        """Where a task's arrays are kept."""
        return self.folder / f"{asked.name}-{self.basis[:16]}.safetensors"

    def write(self, asked: Task, arrays: Mapping[str, Any]) -> None:
        """Keep what a task gave."""
        write_arrays(self.path(asked), arrays, {DIGEST: digest_of(arrays)})

    def read(self, asked: Task) -> Arrays:
        """What a task gave; StoreError where it is missing or damaged."""
        path = self.path(asked)
        arrays = read_arrays(path)
        if read_metadata(path).get(DIGEST) != digest_of(arrays):
            raise StoreError(f"{path} is damaged: its arrays are not those that were written")
        return arrays

    def has(self, asked: Task) -> bool:
        """Whether a whole shard of it is there; what is damaged is deleted."""
        if not self.path(asked).is_file():
            return False
        try:
            self.read(asked)
        except StoreError:
            self.path(asked).unlink(missing_ok=True)
            return False
        return True


def digest_of(arrays: Mapping[str, Any]) -> str:
    """SHA-256 of names, types, shapes and content."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        found.update(array.data)
    return found.hexdigest()
