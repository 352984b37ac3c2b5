"""What an order is searched for: a loss, or the highest of several, as weights over losses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reorder_core.orders.order import Order
from reorder_core.store.run import Run

Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """K weighted sums of final losses; the value is the highest of them, in nats per token.

    N samples, D held-out domains. K is 1 for all objectives but the worst domain.
    """

    text: str
    """As it was asked for: `heldout`, `domain:stories`, `forget:31,33` …"""
    words: str
    """In plain words: `lower the mean loss on held-out text`."""
    short: str
    """Names the value on an axis: `held-out loss`."""
    sample_weight: Array
    """(K, N)"""
    probe_weight: Array
    """(K, D)"""
    raises: bool = False
    """Whether a higher value is the better one."""

    @property
    def sign(self) -> int:
        """What a value is multiplied with to become a cost, which is lower when better."""
        return -1 if self.raises else 1

    @property
    def of_samples(self) -> bool:
        """Whether it looks at training samples at all."""
        return bool(self.sample_weight.any())

    def values(self, samples: Array, probes: Array) -> Array:
        """(B,) from final losses (B, N) and (B, D)."""
        return self.rows(samples, probes).max(1)

    def rows(self, samples: Array, probes: Array) -> Array:
        """(B, K) the sums of which the highest is the value."""
        return samples @ self.sample_weight.T + probes @ self.probe_weight.T

    def spread(self, sample_sd: Array, probe_sd: Array) -> Array:
        """(B, K) standard deviations of the rows, errors of losses taken to go all the same way."""
        return sample_sd @ abs(self.sample_weight).T + probe_sd @ abs(self.probe_weight).T

    def of(self, losses: Any) -> float:
        """The value of `losses.final`, in an estimate, a retraining or the reference run."""
        final = losses.final.astype(float)
        return float(self.values(final.samples[None], final.probes[None])[0])

    def realised(self, run: Run, order: Order) -> float | None:
        """The value that training in an order gave; None where nobody trained it."""
        if run.trains_as(order) == run.trains_as(run.reference_order):
            return self.of(run.reference)
        known = run.ledger.of(order)
        return None if known is None else self.of(known)


def over_probes(run: Run, text: str, words: str, short: str, weight: Any) -> Objective:
    """An objective over held-out domains alone, from weights (D,) or (K, D)."""
    probe = np.atleast_2d(np.asarray(weight, float))
    return Objective(text, words, short, np.zeros((len(probe), run.count)), probe)


def over_samples(
    run: Run, text: str, words: str, short: str, ids: Sequence[int], raises: bool
) -> Objective:
    """The mean loss of some training samples."""
    weight = np.zeros((1, run.count))
    weight[0, list(ids)] = 1 / len(ids)
    return Objective(text, words, short, weight, np.zeros((1, len(run.probe_domains))), raises)
