"""Adam's update Γ as a function of a gradient; NumPy arrays and torch tensors alike."""

from dataclasses import dataclass
from typing import Any, Self

from reorder_core.config import TrainingConfig


@dataclass(frozen=True, slots=True, eq=False)
class Adam:
    """Γ's memory between two steps: moments of past gradients, each (n,)."""

    options: TrainingConfig
    first: Any
    second: Any
    updates: int
    """Updates behind the moments."""
    decays: Any = 1.0
    """1 for coordinates that decay and 0 for others, (n,); a number where all do."""

    def after(self, gradient: Any) -> Self:
        """The memory once a gradient has been seen."""
        beta1, beta2 = self.options.beta1, self.options.beta2
        first = beta1 * self.first + (1 - beta1) * gradient
        second = beta2 * self.second + (1 - beta2) * gradient * gradient
        return type(self)(self.options, first, second, self.updates + 1, self.decays)

    @property
    def update(self) -> Any:
        """Γ of the gradients seen: m̂ / (√v̂ + ε); times η it is what a step takes off."""
        return self.corrected_first / (self.root + self.options.epsilon)

    @property
    def corrected_first(self) -> Any:
        """m̂."""
        return self.first / (1 - self.options.beta1**self.updates)

    @property
    def root(self) -> Any:
        """√v̂."""
        return (self.second / (1 - self.options.beta2**self.updates)) ** 0.5

    @property
    def decay(self) -> Any:
        """Weight decay of AdamW, (n,) where not all decay; 0 for plain Adam."""
        return self.options.weight_decay * self.decays if self.options.optimizer == "adamw" else 0.0
