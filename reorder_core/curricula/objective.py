"""What an order is searched for: a loss, the highest of several, or what follows from losses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reorder_core.orders.order import Order, order_hash
from reorder_core.records.losses import Losses
from reorder_core.records.values import Values
from reorder_core.store.ledger import Retrained
from reorder_core.store.run import Run

Array = NDArray[np.floating]
STEP = 1e-4
"""Nats, for slopes of what follows from losses."""


@dataclass(frozen=True, slots=True, eq=False)
class Follows:
    """A derived quantity: each value follows from its own loss, rising or falling with it."""

    value: Callable[[Array, Array], Array]
    """(before, after) → values."""
    before: Losses
    """(N,) and (D,) losses before training."""

    def __call__(self, samples: Array, probes: Array) -> tuple[Array, Array]:
        """Values of final losses (…, N) and (…, D)."""
        samples, probes = np.asarray(samples, np.float64), np.asarray(probes, np.float64)
        return self.value(self.before.samples, samples), self.value(self.before.probes, probes)

    def slopes(self, samples: Array, probes: Array) -> tuple[Array, Array]:
        """How values change with losses, of the same shapes, by central differences."""
        samples, probes = np.asarray(samples, np.float64), np.asarray(probes, np.float64)
        more, less = self(samples + STEP, probes + STEP), self(samples - STEP, probes - STEP)
        return (more[0] - less[0]) / (2 * STEP), (more[1] - less[1]) / (2 * STEP)


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """K weighted sums of final losses; the value is the highest of them, in `unit`.

    N samples, D held-out domains. K is 1 for all objectives but the worst domain.
    Where it `follows`, the sums are of what follows from the losses.
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
    follows: Follows | None = None
    unit: str = "nats per token"
    reads: str = ""
    """The quantity with a value of its own that the sums are of, in place of losses."""

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
        if self.follows is not None:
            samples, probes = self.follows(samples, probes)
        return samples @ self.sample_weight.T + probes @ self.probe_weight.T

    def slopes(self, samples: Array, probes: Array) -> tuple[Array, Array]:
        """(K, N) and (K, D): how the rows change with each loss, at losses (N,) and (D,)."""
        if self.follows is None:
            return self.sample_weight, self.probe_weight
        of_samples, of_probes = self.follows.slopes(samples, probes)
        return self.sample_weight * of_samples, self.probe_weight * of_probes

    def spread(self, losses: Losses, sd: Losses) -> Array:
        """(B, K) standard deviations of the rows, errors of losses taken to go all the same way.

        From losses (B, N) and (B, D), and the standard deviations of their errors.
        """
        sample_sd, probe_sd = sd.samples, sd.probes
        if self.follows is not None:
            of_samples, of_probes = self.follows.slopes(losses.samples, losses.probes)
            sample_sd, probe_sd = sample_sd * abs(of_samples), probe_sd * abs(of_probes)
        return sample_sd @ abs(self.sample_weight).T + probe_sd @ abs(self.probe_weight).T

    def of(self, losses: Any) -> float:
        """The value of `losses.final`, in an estimate, a retraining or the reference run."""
        final = losses.final.astype(float)
        return float(self.values(final.samples[None], final.probes[None])[0])

    def in_training(self, run: Run, trained: Retrained) -> float | None:
        """The value that a retraining gave; None where what is read out was not measured."""
        if not self.reads:
            return self.of(trained)
        return self._measured({**run.measured.of(trained.order_hash), **trained.measured})

    def realised(self, run: Run, order: Order) -> float | None:
        """The value that training in an order gave; None where nobody trained it."""
        if run.trains_as(order) == run.trains_as(run.reference_order):
            if self.reads:
                return self._measured(run.measured.of(order_hash(run.reference_order)))
            return self.of(run.reference)
        known = run.ledger.of(order)
        return None if known is None else self.in_training(run, known)

    def _measured(self, known: Mapping[str, Values]) -> float | None:
        if self.reads not in known:
            return None
        weighted, value = (self.sample_weight, self.probe_weight), known[self.reads]
        # A weight of 0 on what has no such value must not make a sum that is no number.
        held = [np.where(w.any(0), v, 0.0) for w, v in
                zip(weighted, (value.samples, value.probes), strict=True)]  # fmt: skip
        return float(self.values(held[0][None], held[1][None])[0])


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
