"""Where a run's settings make its estimates noise: measured on the build's own retrainings."""

from dataclasses import dataclass

import numpy as np

from reorder_core.estimators.learning.retrainings import designed_runs, no_runs
from reorder_core.estimators.projected import ProjectedEstimator
from reorder_core.judge import measures
from reorder_core.store.run import Run

ROUNDING = 1e-5
"""Nats; float32 losses of some nats, summed in another order, differ by about a tenth of it."""
WEAK = 0.5
"""R² under which physics explains less than half of what the order changes."""


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """`projected`, which learns from no retraining, judged by those that the build paid for."""

    retrained: int
    """Designed retrainings."""
    diverged: int
    """Those of them without finite losses."""
    effect: float
    """Root mean square change of a sample's final loss against the reference run, nats."""
    r2: float
    """Of `projected` on the others; nan with none."""


def self_check(run: Run) -> SelfCheck:
    """Costs M queries and no training."""
    designed = designed_runs(run)
    ended = designed.ended()
    diverged = len(designed) - len(ended)
    if not len(ended):
        return SelfCheck(len(designed), diverged, float("nan"), float("nan"))
    true, reference = ended.final.samples, run.reference.final.samples
    effect = float(np.sqrt(np.square(true.astype(np.float64) - reference).mean()))
    estimated = ProjectedEstimator(run, no_runs(run)).simulate(ended.orders).losses.samples
    return SelfCheck(len(designed), diverged, effect, measures.r2(estimated, true, reference))


def cautions(run: Run) -> list[str]:
    """A sentence for each reason to distrust all estimates of this run; none for a sound one."""
    found = self_check(run)
    if not found.retrained:
        return [
            "This run was built without designed retrainings, so nothing says how far its "
            "estimates can be trusted; build it with calibration.orders: 16, or verify some orders."
        ]
    told = []
    if found.diverged:
        told.append(
            f"{found.diverged} of {found.retrained} designed retrainings diverged: at this "
            "learning rate some orders have no final loss; lower training.learning_rate."
        )
    if found.effect < ROUNDING:
        told.append(
            f"Another order changes a sample's final loss by {found.effect:.1e} nats here, which "
            f"is rounding (below {ROUNDING:.0e}): there is no effect to estimate; train at a "
            "higher learning rate or for more steps."
        )
    elif not found.r2 >= WEAK:
        worse = "no better than assuming that the order changes nothing"
        told.append(
            f"On the {found.retrained - found.diverged} designed retrainings the estimate without "
            f"them has R² {found.r2:.2f}, {worse if not found.r2 > 0 else 'which is weak'}: this "
            "training is past the reach of the expansion. What hybrid says is then mostly learned "
            "from retrainings; lower the learning rate, take larger batches, or raise "
            "calibration.orders."
        )
    return told
