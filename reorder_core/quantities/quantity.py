"""What a quantity is: a name, a unit, which way is better, one sentence, and how it comes about.

*Read out*: estimators estimate it, because it has a gradient that the build keeps; that is
the loss of each text, or a differentiable value of its own. *Derived*: a function of losses, so
of estimated ones as well. *Measured*: needs a model's real parameters; no estimator gives it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Better = Literal["lower", "higher"]
Of = Literal["samples", "held_out"]
BOTH: tuple[Of, ...] = ("samples", "held_out")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity of a trained model; make one of its children."""

    name: str
    """Small letters, digits and _; stored values go by it, so a new definition wants a new name."""
    title: str
    """What pages and tables call it."""
    unit: str
    """As in `nats per token`."""
    better: Better
    """Which way a model is better."""
    sentence: str
    """Its definition, in the terms of the documents."""
    of: tuple[Of, ...] = BOTH
    """Whether training samples have it, held-out domains, or both."""

    how: ClassVar[str] = ""
    """`read out`, `derived` or `measured`."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"a quantity is named {self.name!r}; expected small letters, digits, _"
            )
        if self.better not in ("lower", "higher"):
            raise ValueError(f"{self.name}: better is {self.better!r}, expected lower or higher")
        if not self.of or set(self.of) - set(BOTH):
            raise ValueError(f"{self.name}: of is {self.of!r}, expected some of {BOTH}")
        if not self.title or not self.sentence.endswith("."):
            raise ValueError(f"{self.name}: it needs a title, and a sentence that ends with a stop")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOut(Quantity):
    """The loss of each text, or a differentiable value of its own, as estimators give it."""

    how: ClassVar[str] = "read out"
    value: Callable[[Any, Any, Any], Any] | None = None
    """(model: FlatModel, θ (n,), texts: Batch of B) → (B,) one value a text; a domain's is the mean
    over its texts. None: the loss itself. PyTorch must be able to differentiate it by θ, one text
    at a time under `torch.func.vmap`; import torch inside."""
    passes: float = 1.0
    """What `value` costs: forward passes through all texts; its gradients cost three times that."""

    @property
    def measure(self) -> Callable[[Any, Any, Any], Any]:
        """What real parameters tell of it."""
        assert self.value is not None, f"{self.name} is the loss, which every training measures"
        return self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived(Quantity):
    """A function of losses before and after training, in nats per token."""

    how: ClassVar[str] = "derived"
    value: Callable[[Array, Array], Array]
    """(before, after) → values; each (…, N) or (…, D), float64, before (N,) or (D,)."""
    monotone: bool = False
    """Whether each value depends on its own loss alone, and rises or falls with it throughout;
    then the ends of a loss's interval give the value's. Else it has no interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured(Quantity):
    """What only a model's real parameters tell."""

    how: ClassVar[str] = "measured"
    measure: Callable[[Any, Any, Any], Any]
    """(model: FlatModel, θ (n,), texts: Batch of B) → (B,) one value a text; a domain's is the mean
    over its texts. Called without gradients, for some texts at a time; import torch inside."""
    passes: float = 1.0
    """What it costs: forward passes through all texts."""


Told = Measured | ReadOut
"""What a model's real parameters tell beyond losses: a `ReadOut` with a value of its own."""


def told_by_parameters(quantity: Quantity) -> bool:
    """Whether losses do not say it: it is measured, or has a value of its own."""
    return isinstance(quantity, Measured) or valued(quantity)


def valued(quantity: Quantity) -> bool:
    """Whether it is read out by a value and a gradient of its own."""
    return isinstance(quantity, ReadOut) and quantity.value is not None
