"""What a model's real parameters tell beyond losses: quantities that are measured."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from reorder_core.quantities import Measured
from reorder_core.records.values import Values

if TYPE_CHECKING:
    from reorder_core.training.loop import Trainable

log = logging.getLogger(__name__)


def measure(trainable: "Trainable", theta: Tensor, wanted: Sequence[Measured]) -> dict[str, Values]:
    """What real parameters θ (n,) tell: each quantity's values of the samples and domains.

    nan where the training diverged. One that fails is logged and left out: it
    must not cost the training.
    """
    found = {}
    for quantity in wanted:
        try:
            found[quantity.name] = _measured(trainable, theta, quantity)
        except Exception as error:  # may be another package's
            log.warning("%s was not measured: %s: %s", quantity.name, type(error).__name__, error)
    return found


def _measured(trainable: "Trainable", theta: Tensor, quantity: Measured) -> Values:
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
