"""What a model's real parameters tell beyond losses: quantities that are measured, or read out
by a value of their own."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from reorder_core.quantities.quantity import Told
from reorder_core.records.values import Values

if TYPE_CHECKING:
    from reorder_core.training.loop import Trainable

log = logging.getLogger(__name__)


def measure(trainable: "Trainable", theta: Tensor, wanted: Sequence[Told]) -> dict[str, Values]:
    """What real parameters θ (n,) tell: each quantity's values of the samples and domains.

    nan where the training diverged. One that fails is logged and left out: it
    must not cost the training.
    """
    found = {}
    for quantity in wanted:
        try:
            found[quantity.name] = told_of(trainable, theta, quantity)
        except Exception as error:  # may be another package's
            log.warning("%s was not measured: %s: %s", quantity.name, type(error).__name__, error)
    return found


def told_of(trainable: "Trainable", theta: Tensor, quantity: Told) -> Values:
    """One quantity's values on parameters θ (n,)."""
    parts = {"samples": trainable.samples, "held_out": trainable.probes}
    rows = {kind: torch.full((len(part),), torch.nan) for kind, part in parts.items()}
    if torch.isfinite(theta).all():
        for kind in quantity.of:
            found = trainable.model.evaluate(theta, parts[kind], measure=quantity.measure)
            if found.shape != rows[kind].shape:
                raise ValueError(
                    f"values of shape {tuple(found.shape)} for {len(rows[kind])} texts"
                )
            rows[kind] = found.float()
    return Values(rows["samples"].numpy(), trainable.domain_means(rows["held_out"]))
