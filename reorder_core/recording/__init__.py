"""A training as people run it, recorded on the way, and built into a run afterwards."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reorder_core.recording.recorder import Recorder, mean_of_samples

__all__ = ["Recorder", "mean_of_samples"]


def __getattr__(name: str) -> Any:
    """Imported when asked for: reading a recording's config needs no torch."""
    if name in __all__:
        from reorder_core.recording import recorder

        return getattr(recorder, name)
    raise AttributeError(name)
