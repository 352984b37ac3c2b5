"""Where text comes from: one module a source, each registered here by one line."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from reorder_core.corpus.sources.source import Source
from reorder_core.errors import ConfigError

SOURCES = {
    "controlled": "reorder_core.corpus.sources.controlled:Controlled",
    "folder": "reorder_core.corpus.sources.folder:Folder",
    "python-docs": "reorder_core.corpus.sources.python_docs:PythonDocs",
    "recorded": "reorder_core.corpus.sources.recorded:Recorded",
}
"""kind → module:class. Other packages add theirs in the entry point group GROUP."""
GROUP = "reorder.sources"

ONCE_COMMON: dict[str, Any] = {
    "path": None, "text_column": "text", "domain_column": None,
    "canaries": 4, "canary_repetitions": 2, "poisoned": 1,
}  # fmt: skip
"""Fields that every kind once carried, with their defaults: runs of that time still have them."""
FIRST = (
    "kind", "domains", "samples", "base_samples", "probes_per_domain", "sequence_length",
)  # fmt: skip
"""The other fields of the first version."""


def source_class(kind: object) -> type[Source]:
    """The class that reads a `corpus` of that kind; raises ConfigError naming the known ones."""
    known = SOURCES | {point.name: point.value for point in entry_points(group=GROUP)}
    if not isinstance(kind, str) or kind not in known:
        near = get_close_matches(str(kind), known, 1)
        raise ConfigError(
            f"corpus.kind is {kind!r}; " + (f"did you mean {near[0]!r}? " if near else "")
            + f"known kinds: {', '.join(sorted(known))}"
        )  # fmt: skip
    module, _, name = known[kind].partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"corpus.kind {kind!r} comes from {known[kind]}, which cannot be loaded: {error}"
        ) from None


def source_of(value: Source | Mapping[str, Any]) -> Source:
    """The source that a config's `corpus` describes; raises pydantic's ValidationError."""
    if isinstance(value, Source):
        return value
    model = source_class(value.get("kind"))
    return model.model_validate(
        {
            name: given
            for name, given in value.items()
            if name in model.model_fields or ONCE_COMMON.get(name, ...) != given
        }
    )


def published(value: Mapping[str, Any]) -> dict[str, Any]:
    """The `corpus` of a published run without the fields that its kind never read."""
    fields = source_class(value.get("kind")).model_fields
    return {n: v for n, v in value.items() if n in fields or n not in ONCE_COMMON}


def identity(source: Source) -> dict[str, Any]:
    """The fields by which a run is named, as older versions wrote them.

    Those of the first version are there for every kind, later ones only where
    they differ from their default, so that older runs stay themselves.
    """
    value = source.model_dump(mode="json")
    fields = type(source).model_fields
    first = {*ONCE_COMMON, *FIRST}
    return ONCE_COMMON | {
        name: value[name]
        for name in value
        if name in first or getattr(source, name) != fields[name].default
    }
