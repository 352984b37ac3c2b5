"""Reorder's estimation core: what would a model have learned in another order?

Nothing heavy is imported here. The query side (orders, estimators, judge,
store) needs NumPy and DuckDB only; the build side imports torch. The names in
`library` can be had from here and are loaded when first asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reorder_core.library import (  # noqa: F401
        build,
        curriculum,
        difference,
        estimate,
        fidelity,
        open_run,
        retrain,
    )  # fmt: skip

__version__ = "0.1.0"

_LIBRARY = (
    "build", "curriculum", "difference", "estimate", "fidelity", "open_run", "retrain",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LIBRARY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from reorder_core import library

    return getattr(library, name)


def __dir__() -> list[str]:
    return [*globals(), *_LIBRARY]
