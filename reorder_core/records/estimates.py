"""What every estimator answers, and how estimators are found by name."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from reorder_core.orders.order import Order

Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """Losses had the run's samples come in another order; nats per token.

    N samples, D probe domains (in the order of `run.probe_domains`), E
    evaluation steps (`run.eval_steps`, the last of them is T).
    """

    run: str
    estimator: str
    order_hash: str
    sample_loss_at: Array
    """(E, N) each sample's loss after so many steps; the last row is the final loss."""
    probe_loss_at: Array
    """(E, D) each held-out domain's mean loss after so many steps."""
    sample_interval: Array | None = None
    """(2, N) lower and upper end of the 90 % interval of the final loss."""
    probe_interval: Array | None = None
    """(2, D) the same for held-out domains."""
    distance: float = float("nan")
    """‖γ_T − θ_T‖ / ‖θ_T − θ_0‖ in Adam's metric; 0 at the reference order."""
    coherence: float = float("nan")
    """How alike consecutive batches are, see `trust.Coherence`; 1 at the reference order."""
    expected_error: float = float("nan")
    """Mean absolute error of a sample's final loss that the estimate expects of itself, in nats."""

    @property
    def sample_loss(self) -> Array:
        """(N,) final loss of each sample."""
        return self.sample_loss_at[-1]

    @property
    def probe_loss(self) -> Array:
        """(D,) final mean loss of each held-out domain."""
        return self.probe_loss_at[-1]


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """Final losses under `order` minus those under `base`; nats per token, 90 % intervals.

    The errors of the two estimates go together, so this interval is not that
    of either: two orders far from the reference and close to each other have
    uncertain losses and a well-known difference.
    """

    run: str
    estimator: str
    order_hash: str
    base_hash: str
    sample: Array
    """(N,) of each sample's loss."""
    sample_interval: Array
    """(2, N) lower and upper end."""
    probe: Array
    """(D,) of each held-out domain's mean loss."""
    probe_interval: Array
    """(2, D)"""
    held_out: float
    """Of the held-out loss, its domains counting alike."""
    held_out_interval: Array
    """(2,)"""


class Estimator(Protocol):
    """Answers what an order would have given; one module each in this package."""

    name: str
    precompute_rre: float
    """Cost of what it needs before the first query, in reference trainings."""
    bytes: int
    """Size of the arrays it keeps."""
    fitted_on: frozenset[str]
    """Training hashes of the retrained orders that set its parameters or its intervals."""

    def estimate(self, order: Order) -> Estimate:
        """Losses under `order`, which must come from `make_order` for this run."""
        ...
