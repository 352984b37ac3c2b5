"""Retrainings of the ledger side by side: when each sample was trained, all losses since."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reorder_core.judge.verified import families_of
from reorder_core.records.losses import Losses
from reorder_core.store.ledger import Retrained
from reorder_core.store.run import Run

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class RetrainedOrders:
    """M retrained orders of one run; N samples, E evaluations, D held-out domains; nats."""

    step_of: Array
    """(M, N) the step that first trains each sample, the first being 0; T if none does."""
    losses_at: Losses
    """(M, E, N) and (M, E, D), float64."""

    def __len__(self) -> int:
        return len(self.step_of)


def random_orders(run: Run) -> RetrainedOrders:
    """Those of the ledger that were drawn uniformly at random and did not diverge.

    Only there is a sample's step independent of everything else about it.
    """
    families = families_of(run)
    return stacked(run, [e for e in run.ledger.all() if families.get(e.order_hash) == "random"])


def stacked(run: Run, entries: Sequence[Retrained]) -> RetrainedOrders:
    """The entries as arrays; one with a loss that is not finite is left out."""
    whole = [e for e in entries if e.losses_at.finite.all()]
    evaluations = len(run.eval_steps)
    if not whole:
        return RetrainedOrders(
            np.zeros((0, run.count), np.intp),
            Losses.unknown(0, evaluations, samples=run.count, probes=len(run.probe_domains)),
        )
    return RetrainedOrders(
        run.visits.first_steps(np.stack([e.order for e in whole])),
        Losses.stacked(e.losses_at for e in whole).astype(np.float64),
    )
