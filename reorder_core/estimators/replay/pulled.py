"""Adam run backwards: a loss's derivative carried from after an update to its gradient.

NumPy arrays and torch tensors alike, as `Adam`: the replay's adjoint uses it on
sampled coordinates, a build's exact sweep on all.
"""

from dataclasses import dataclass
from typing import Any, Self

from reorder_core.config import TrainingConfig
from reorder_core.estimators.replay.adam import Adam

TINY = 1e-20


def root_floor(options: TrainingConfig, largest: Any) -> Any:
    """(n,) the least √v that an update's derivative is taken at, before bias correction.

    `largest` (n,): the largest gradient that any one sample has there. A coordinate
    that has hardly met a gradient, such as a rare token's, has a root near 0, where the
    derivative is far larger than any finite change of the update: one sample's own
    gradient then sets the scale.
    """
    return (1 - options.beta2) ** 0.5 / options.batch_size * largest


@dataclass(frozen=True, slots=True, eq=False)
class Pulled:
    """Derivatives of losses by θ, m and v at one moment of a training; each (…, n)."""

    theta: Any
    first: Any
    second: Any

    @classmethod
    def of_losses(cls, slopes: Any) -> Self:
        """At the end, where only θ matters."""
        return cls(slopes, 0 * slopes, 0 * slopes)

    def before(self, after: Adam, rate: float, gradient: Any, floor: Any) -> tuple["Pulled", Any]:
        """The same before the update that left the memory `after`, but for what reaches θ
        through the gradient; and the derivative by that gradient, (…, n).

        gradient (n,): the one the update used; floor (n,): see `root_floor`.
        """
        options = after.options
        bias1 = 1 - options.beta1**after.updates
        bias2 = 1 - options.beta2**after.updates
        least = (floor / bias2**0.5).clip(min=TINY)
        root = after.root.clip(min=least)
        scale = root + options.epsilon
        bend = (after.root >= least) * (after.first / bias1) / (2 * root * scale * scale * bias2)
        first = self.first - rate / bias1 * self.theta / scale
        second = self.second + rate * self.theta * bend
        found = (1 - options.beta1) * first + 2 * (1 - options.beta2) * gradient * second
        kept = (1 - rate * after.decay) * self.theta
        return Pulled(kept, options.beta1 * first, options.beta2 * second), found

    def moved(self, by: Any) -> "Pulled":
        """With what reaches θ through the gradient added."""
        return Pulled(self.theta + by, self.first, self.second)
