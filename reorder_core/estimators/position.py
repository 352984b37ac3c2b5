"""`position`: the order effect as a sum over (sample, step), for instant previews.

E[metric | sample i trained at step t], smooth over steps, as the build fitted it
(`building.position_table`) to orders that `projected` simulated. A move's
effect is then a difference of two table entries for each sample that changes
its step. Rows are visits, all those of a sample alike; columns behind the last step are the bench.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reorder_core.errors import EstimatorError
from reorder_core.estimators.learning.retrainings import TrainingRuns, taught
from reorder_core.estimators.protocol import Ability
from reorder_core.estimators.replay.error_law import interval
from reorder_core.estimators.replay.exchange import has_adjoint, open_table
from reorder_core.estimators.retrain_regression import Regression, tuned_shapes
from reorder_core.orders.order import Order, order_hash
from reorder_core.records.estimates import Estimate
from reorder_core.records.losses import Losses
from reorder_core.store.run import Run

Array = NDArray[np.floating]
NEAR = 0.25
"""Share of samples at another step beyond which held-out loss is read from random orders."""
OWN_SHARE = 0.55
"""Error of a move's effect on the sample's own loss, in units of what its step leaves unexplained
of it over random orders; measured on one-move retrainings of two runs, `benchmarks/preview.py`.
"""
FEWEST = 4
"""Retrainings below which nothing is learned of what the table gets wrong."""


@dataclass(frozen=True, slots=True, eq=False)
class PositionTable:
    """Changes of final loss with a sample's step, against its mean over steps; nats per token."""

    own: Array
    """(V, T) a sample's own loss."""
    held_out: Array
    """(V, T) mean held-out loss."""
    probe: Array
    """(D, V, T) held-out loss of each domain."""
    own_sd: Array
    """(V,) standard deviation of the error of a move's effect on the sample's own loss."""
    held_out_sd: Array
    """(V,) of its effect on held-out loss, for each sample that changes its step."""

    def preview(
        self, home: NDArray[np.integer], step_of: NDArray[np.integer], sample: int
    ) -> Array:
        """(2, 2) change and standard deviation, of a sample's own loss and of held-out loss.

        home, step_of (N,): every sample's step before and after a move of `sample`.
        """
        ids, moved = np.arange(len(home)), step_of != home
        own = self.own[sample, step_of[sample]] - self.own[sample, home[sample]]
        held_out = (self.held_out[ids, step_of] - self.held_out[ids, home]).sum()
        own_sd = self.own_sd[sample] * moved[sample]
        return np.array([[own, own_sd],
                         [held_out, np.linalg.norm(self.held_out_sd[moved])]])  # fmt: skip


def open_position_table(run: Run) -> PositionTable:
    """The table that the build fitted; raises EstimatorError where the run has none."""
    arrays = _arrays(run)
    probe = _near_table(run, arrays)
    return PositionTable(
        arrays["own"], probe.mean(0), probe, OWN_SHARE * arrays["own_sd"],
        arrays["held_out_sd"],
    )  # fmt: skip


class PositionEstimator:
    """The additive table as an estimator of its own: final losses only along the way.

    What real retrainings say beyond the table is a smooth regression on steps
    (that of `retrain-regression`) of what the table gets wrong; with it comes
    a 90 % interval. They are far from the reference: near it the table stands alone.
    """

    name = "position"
    about = "a table over sample and step, as the preview reads it"
    can: frozenset[Ability] = frozenset({"intervals"})

    def __init__(self, run: Run, runs: TrainingRuns) -> None:
        self._run, self._arrays, self.fitted_on = run, _arrays(run), runs.hashes
        self._arrays["probe"] = _near_table(run, self._arrays)
        paid = [run.costs[key]["rre"] for key in ("gradients", "curvature") if key in run.costs]
        self.precompute_rre = sum(paid) + runs.rre
        self.bytes = run.file("position").stat().st_size
        self._origin = run.visits.steps_of(run.reference_order[None])[0]
        enough = len(runs.ended()) >= FEWEST and run.visits.is_plain  # of one step a sample
        self._learned = self._learn(runs.ended()) if enough else None

    def estimate(self, order: Order) -> Estimate:
        """The reference losses plus the difference of the table's entries, step by step.

        Between the start and the end nothing is known; those rows are nan.
        """
        run, steps = self._run, self._run.visits.steps_of(order[None])
        final, reach = self._read(steps[0]).astype(np.float32), None
        if self._learned is not None and not self._is_near(steps[0]):
            (samples, sample_half), (probes, probe_half) = self._learned.predict(steps)
            final = (final + Losses(samples, probes)).astype(np.float32)
            reach = interval(final, (sample_half, probe_half))
        between = Losses.unknown(
            len(run.eval_steps) - 2, samples=run.count, probes=len(run.probe_domains)
        )
        losses_at = Losses.joined([run.reference.losses_at[:1], between, Losses.stacked([final])])
        return Estimate(run.id, self.name, order_hash(order), losses_at, reach)

    def _read(self, to: NDArray[np.integer]) -> Losses:
        """(N,) and (D,) final losses of the table, for every visit's step."""
        known, ids, origin = self._run.reference.final, np.arange(len(to)), self._origin
        table = "probe" if self._is_near(to) else "probe_far"
        own, probe = self._arrays["own"], self._arrays[table]
        moved = (probe[:, ids, to] - probe[:, ids, origin]).sum(1)
        visits = self._run.visits
        if visits.is_plain:
            return Losses(known.samples + own[ids, to] - own[ids, origin], known.probes + moved)
        change = np.bincount(visits.sample_of, own[ids, to] - own[ids, origin], visits.samples)
        return Losses(known.samples + change, known.probes + moved)

    def _is_near(self, to: NDArray[np.integer]) -> bool:
        return bool((to != self._origin).sum() < NEAR * len(to))

    def _learn(self, runs: TrainingRuns) -> Regression:
        known = taught(self.name, self._run, runs)  # of the reference run nothing is wrong
        steps = self._run.visits.steps_of(known.orders)
        missed = known.final - Losses.stacked(self._read(row) for row in steps)
        shapes = tuned_shapes(steps, missed.samples, missed.probes, self._run.steps)
        return Regression.fit(steps, missed.samples, missed.probes, self._run.steps, shapes)


def _near_table(run: Run, arrays: dict[str, Array]) -> Array:
    """(D, N, T) what samples near the reference order do to each held-out domain's loss.

    From the exact adjoint where the run has it, whatever the table was fitted to.
    """
    fitted = arrays["probe"]
    if not has_adjoint(run):
        return fitted
    exact = open_table(run)  # of one row: the mean over domains
    return exact if len(exact) == len(fitted) else fitted + (exact - fitted.mean(0))


def _arrays(run: Run) -> dict[str, Array]:
    if not run.file("position").is_file():
        raise EstimatorError(f"{run.path} has no position table; build the run again")
    return {name: np.asarray(value) for name, value in run.arrays("position").items()}
