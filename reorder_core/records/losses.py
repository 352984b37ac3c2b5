"""Losses of samples and of held-out domains, which go together everywhere."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """Losses of a run's N samples and D held-out domains, in nats per token; read-only.

    Both have the same leading axes: none for losses at one moment, (E,) after
    each of the evaluation steps, (2,) for the ends of intervals, (M,) for
    several orders before those.
    """

    samples: Array
    """(…, N)"""
    probes: Array
    """(…, D) means over each domain's held-out texts."""

    def __post_init__(self) -> None:
        assert self.samples.shape[:-1] == self.probes.shape[:-1], (
            f"losses of samples {self.samples.shape} beside probes {self.probes.shape}"
        )
        for name in ("samples", "probes"):
            view = np.asarray(getattr(self, name)).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    @property
    def final(self) -> "Losses":
        """After the last of E steps, the axis before the last: (…, E, N) becomes (…, N)."""
        return Losses(self.samples[..., -1, :], self.probes[..., -1, :])

    @property
    def held_out(self) -> Any:
        """(…,) mean over domains, each counting alike."""
        return self.probes.mean(-1)

    @property
    def finite(self) -> Any:
        """(…,) whether all of them are numbers: a training may diverge."""
        return np.isfinite(self.samples).all(-1) & np.isfinite(self.probes).all(-1)

    @property
    def nbytes(self) -> int:
        """Size of both arrays."""
        return self.samples.nbytes + self.probes.nbytes

    def __getitem__(self, index: Any) -> "Losses":
        """Some of the leading axes; `low, high = interval` works, too."""
        if not self.samples[..., 0].ndim:
            raise TypeError("losses at one moment have no axis to index")
        return Losses(self.samples[index], self.probes[index])

    def __add__(self, other: "Losses") -> "Losses":
        return Losses(self.samples + other.samples, self.probes + other.probes)

    def __sub__(self, other: "Losses") -> "Losses":
        return Losses(self.samples - other.samples, self.probes - other.probes)

    def scaled(self, by: Any) -> "Losses":
        """Each times `by`, which broadcasts against both."""
        return Losses(self.samples * by, self.probes * by)

    def astype(self, kind: Any) -> "Losses":
        """In another precision."""
        return Losses(self.samples.astype(kind), self.probes.astype(kind))

    @classmethod
    def stacked(cls, several: Iterable["Losses"]) -> Self:
        """(M, …) along a new first axis."""
        parts = list(several)
        return cls(np.stack([p.samples for p in parts]), np.stack([p.probes for p in parts]))

    @classmethod
    def joined(cls, several: Iterable["Losses"]) -> Self:
        """One after the other along the first axis."""
        parts = list(several)
        return cls(
            np.concatenate([p.samples for p in parts]), np.concatenate([p.probes for p in parts])
        )

    @classmethod
    def unknown(cls, *shape: int, samples: int, probes: int) -> Self:
        """nan everywhere: (shape, N) and (shape, D)."""
        return cls(
            np.full((*shape, samples), np.nan, np.float32),
            np.full((*shape, probes), np.nan, np.float32),
        )
