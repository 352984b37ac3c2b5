"""What an order would have given, as estimated: losses, and differences between two orders."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reorder_core.records.losses import Losses

Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """Losses had the run's samples come in another order.

    E evaluation steps (`run.eval_steps`, the last of them is T).
    """

    run: str
    estimator: str
    order_hash: str
    losses_at: Losses
    """(E, N) and (E, D) after so many steps; the last row is final."""
    interval: Losses | None = None
    """(2, N) and (2, D) lower and upper end of the 90 % interval of the final losses."""
    distance: float = float("nan")
    """‖γ_T − θ_T‖ / ‖θ_T − θ_0‖ in Adam's metric; 0 at the reference order."""
    coherence: float = float("nan")
    """How alike consecutive batches are, see `error_law.Coherence`; 1 at the reference order."""
    expected_error: float = float("nan")
    """Mean absolute error of a sample's final loss that the estimate expects of itself, in nats."""

    @property
    def final(self) -> Losses:
        """(N,) and (D,) final losses."""
        return self.losses_at.final


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
    change: Losses
    """(N,) and (D,)"""
    interval: Losses
    """(2, N) and (2, D) lower and upper end."""
    held_out: float
    """Change of the held-out loss, its domains counting alike."""
    held_out_interval: Array
    """(2,)"""
