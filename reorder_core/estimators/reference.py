"""The estimate that the order changes nothing: R² 0 by definition."""

from reorder_core.estimators.learning.retrainings import TrainingRuns
from reorder_core.estimators.protocol import Ability
from reorder_core.orders.order import Order, order_hash
from reorder_core.records.estimates import Estimate
from reorder_core.store.run import Run


class ReferenceEstimator:
    """The reference run's own losses, whatever the order."""

    name = "reference"
    about = "baseline: the order changes nothing"
    can: frozenset[Ability] = frozenset()
    precompute_rre = 0.0
    bytes = 0

    fitted_on: frozenset[str] = frozenset()

    def __init__(self, run: Run, runs: TrainingRuns) -> None:
        self._run = run

    def estimate(self, order: Order) -> Estimate:
        """The reference losses; see Estimate."""
        losses_at = self._run.reference.losses_at
        return Estimate(self._run.id, self.name, order_hash(order), losses_at)
