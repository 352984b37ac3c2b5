"""Values of a quantity: one a sample and one a held-out domain, in the quantity's unit."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """Of N samples and D held-out domains; nan where the quantity has none; read-only.

    Both may have the same leading axes, as `Losses` have: (2,) for the ends of intervals.
    """

    samples: Array
    """(…, N)"""
    probes: Array
    """(…, D)"""

    def __post_init__(self) -> None:
        for name in ("samples", "probes"):
            view = np.asarray(getattr(self, name), np.float64).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    @property
    def known(self) -> bool:
        """Whether there is any number at all."""
        return bool(np.isfinite(self.samples).any() or np.isfinite(self.probes).any())

    def of(self, kind: str) -> Array:
        """Those of "samples" or of "held_out" domains."""
        return self.samples if kind == "samples" else self.probes

    def __getitem__(self, index: Any) -> "Values":
        """Some of the leading axes."""
        return Values(self.samples[index], self.probes[index])

    @classmethod
    def unknown(cls, samples: int, probes: int) -> Self:
        """nan everywhere: (N,) and (D,)."""
        return cls(np.full(samples, np.nan), np.full(probes, np.nan))
