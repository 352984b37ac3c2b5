"""`tracin`: first-order credit between pairs of samples, added up.

TracInCP (Pruthi et al. 2020, arXiv 2002.08484): a step on sample j moves the
loss of z by −η_t / b · g_z · P g_j, with gradients of a checkpoint. Taken for
reordering: what j contributes at its new step, minus at its reference step,
summed over j. Departures:

- checkpoints are the anchors, each standing for the steps nearest to it;
- P is Adam's preconditioner 1 / (√v̂ + ε) of the reference run at the anchor,
  where TracInCP is written for SGD, so P = 1; momentum is left out;
- inner products are taken on the run's sampled coordinates, with the weights
  that make them unbiased.
No curvature: where a loss moves because the path did is not seen.
"""

import numpy as np
from numpy.typing import NDArray

from reorder_core.estimators.learning.retrainings import TrainingRuns
from reorder_core.estimators.protocol import Ability
from reorder_core.estimators.replay.gradients import open_stored
from reorder_core.estimators.replay.replayer import ReferenceReplay
from reorder_core.orders.order import Order, order_hash
from reorder_core.records.estimates import Estimate
from reorder_core.records.losses import Losses
from reorder_core.store.run import Run
from reorder_core.training.schedule import nearest_anchor

Array = NDArray[np.floating]


class TracinEstimator:
    """Losses from a table of pairwise influences at each anchor."""

    name = "tracin"
    about = "baseline: sums of inner products of gradients"
    can: frozenset[Ability] = frozenset()
    fitted_on: frozenset[str] = frozenset()

    def __init__(self, run: Run, runs: TrainingRuns) -> None:
        self._run = run
        anchors = run.config.projection.anchors
        # Gradients of all samples and probes at the anchors, and one pass that draws coordinates.
        self.precompute_rre = 1.0 + anchors * (1 + len(run.probes) / run.count)
        stored = open_stored(run)
        replayer, seen, probes = stored.replayer, stored.gradients, stored.probe_gradients
        reference = ReferenceReplay(replayer, run.reference_order)
        pairs = []
        for anchor, step in enumerate(replayer.anchors):
            second = reference.states[max(1, step)].second[0]
            scale = preconditioner(second, run, replayer.updates + max(1, step))
            targets = np.concatenate([seen[anchor], probes[anchor]]) * replayer.weight
            pairs.append(-(targets * scale) @ seen[anchor].T / run.batch_size)
        self._pairs = np.stack(pairs)  # (K, N + D, N)
        self._nearest = np.array(
            [nearest_anchor(replayer.anchors, step) for step in range(run.steps)]
        )
        self._steps = run.visits.steps_of(run.reference_order[None])[0]
        self.bytes = self._pairs.nbytes

    def estimate(self, order: Order) -> Estimate:
        """Losses at every evaluation: the contributions of the steps done by then."""
        known, steps = self._run.reference, self._run.visits.steps_of(order[None])[0]
        rows = [
            self._contributed(steps, at) - self._contributed(self._steps, at)
            for at in self._run.eval_steps
        ]
        change = np.array(rows, np.float32)  # (E, N + D)
        moved = Losses(change[:, : self._run.count], change[:, self._run.count :])
        return Estimate(self._run.id, self.name, order_hash(order), known.losses_at + moved)

    def _contributed(self, steps: NDArray[np.integer], at: int) -> Array:
        """(N + D,) what all visits trained before step `at`, of steps (V,), did to each loss."""
        total, done = np.zeros(self._pairs.shape[1], np.float32), steps < at
        steps, visits = np.minimum(steps, self._run.steps - 1), self._run.visits
        rates = self._run.reference.learning_rate[steps]
        for anchor, pairs in enumerate(self._pairs):
            here = np.where(done & (self._nearest[steps] == anchor), rates, 0)
            if not visits.is_plain:
                here = np.bincount(visits.sample_of, here, visits.samples).astype(np.float32)
            total += pairs @ here
        return total


def preconditioner(second: Array, run: Run, updates: int) -> Array:
    """(s,) Adam's 1 / (√v̂ + ε) for its second moment after so many updates."""
    adam = run.config.training
    corrected = second / np.float32(1 - adam.beta2**updates)
    return 1 / (np.sqrt(corrected) + np.float32(adam.epsilon))
