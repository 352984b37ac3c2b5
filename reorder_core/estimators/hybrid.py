"""`hybrid`: physics as prior mean, real retrainings on top; the app's default.

The prior is `two_centres`, a replay around the reference run and around the mean of
the designed retrainings; `projected` where a run has no such mean. What it
gets wrong is, to first order, linear in the displacement
δ = γ_T − θ_T: its gradients and its curvature are off by something that the
next order meets again as far as it moves the same way. So the error is a
Gaussian process over orders whose covariance is the inner product ⟨δ, δ'⟩ in
Adam's metric. That alone makes the correction vanish at the reference order,
follow one move at its scale, and reach an order only through retrainings that
went where it goes. Smaller terms: of each sample's own step, of all samples'
steps, and of the estimated change itself (an effect that is over- or
underestimated throughout). All of these tell most of orders about as far from
the reference: what is wrong on the way to a random order is not linear enough
to say all of a single move. Orders of high coherence (`error_law`) err by more
than that; what they do beyond it is known only close by.

How wide an interval is, a second process says. It is the first but for coherent orders: few
retrainings tell of them, and what makes the best correction of a loss (much is alike
among coherent orders) makes too narrow an interval (each errs in its own way). Near the
reference the first process's width counts as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reorder_core.estimators.learning.alike import Alikeness, Described, apart
from reorder_core.estimators.learning.errors import ErrorProcess, Target, best_excess
from reorder_core.estimators.learning.gaussian import JITTER
from reorder_core.estimators.learning.retrainings import TrainingRuns
from reorder_core.estimators.projected import ProjectedEstimator, Replayed
from reorder_core.estimators.protocol import Ability
from reorder_core.estimators.read_outs import ReadOuts
from reorder_core.estimators.replay.error_law import Z90, ends, expected_error, interval
from reorder_core.estimators.replay.two_centres import prior_of
from reorder_core.orders.order import Order, order_hash
from reorder_core.quantities import VALUED
from reorder_core.records.estimates import Difference, Estimate
from reorder_core.records.losses import Losses
from reorder_core.records.read_outs import ReadValues
from reorder_core.store.run import Run

Array = NDArray[np.floating]
EXCHANGED = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of what the exact adjoint says of orders far from the reference; the first where no
retraining tells."""
ONE, MINUS = np.ones(1), np.array([1.0, -1.0])
"""An order's own losses; one order's minus another's."""


@dataclass(frozen=True, slots=True, eq=False)
class SideBySide:
    """Final losses under B orders, nats per token."""

    losses: Losses
    """(B, N) and (B, D)"""
    sd: Losses
    """Standard deviations of their errors; 1.64 of them reach the ends of 90 %."""


class HybridEstimator:
    """`two_centres` or `projected`, its errors predicted from M real retrainings; M may be 0."""

    name = "hybrid"
    about = "a replay around two centres, corrected by what real retrainings showed"
    can: frozenset[Ability] = frozenset({"intervals", "differences", "learns", "read_outs"})

    def __init__(
        self, run: Run, runs: TrainingRuns, prior: ProjectedEstimator | None = None
    ) -> None:
        self._run, self.fitted_on = run, runs.hashes
        self.prior = prior or prior_of(run, runs)(run, runs)
        self.precompute_rre = self.prior.precompute_rre + runs.rre
        self.bytes = self.prior.bytes + runs.orders.nbytes + runs.final.samples.nbytes
        self._units = self.prior.sample_unit, self.prior.probe_unit
        self.alike = Alikeness(run, self.prior)
        self.process, self._share = ErrorProcess(self.alike, self._units), EXCHANGED[0]
        ended = runs.ended()
        self._learn(ended)
        self._read = ReadOuts(run, self.prior, self.alike, ended)

    def taught(self, runs: TrainingRuns) -> "HybridEstimator":
        """One that learned from `runs` instead, on the same prior where that may know them."""
        same = prior_of(self._run, runs) is type(self.prior)
        return HybridEstimator(self._run, runs, self.prior if same else None)

    def estimate(self, order: Order) -> Estimate:
        """Losses under `order` with 90 % intervals.

        Retrainings are evaluated at their end; along the way their correction
        is faded in with the steps.
        """
        found = self.prior.replayed(order)
        (sample_shift, sample_sd), (probe_shift, probe_sd) = self._predict([found], ONE)
        share = (self._run.eval_steps / self._run.steps).astype(np.float32)[:, None]
        learned = Losses(share * sample_shift, share * probe_shift)
        losses_at = (found.losses + learned).astype(np.float32)
        return Estimate(
            self._run.id, self.name, order_hash(order), losses_at,
            interval(losses_at.final, self._reaching(sample_sd, probe_sd)),
            found.distance, found.coherence, expected_error(sample_sd),
        )  # fmt: skip

    def read_outs(self, order: Order) -> dict[str, ReadValues]:
        """What is read out besides losses, by name, from the replay that these have."""
        return self._read.of(self.prior.replayed(order)) if VALUED else {}

    def difference(self, order: Order, base: Order) -> Difference:
        """Final losses under `order` minus those under `base`, with 90 % intervals.

        Both orders' errors are one Gaussian; what they share cancels. Orders
        that differ only within steps train the same, so nothing is uncertain.
        """
        same = self._run.trains_as(order) == self._run.trains_as(base)
        pair = [self.prior.replayed(order), self.prior.replayed(base)]
        sign = np.zeros(2) if same else MINUS
        (sample_shift, sample_sd), (probe_shift, probe_sd) = self._predict(pair, sign)
        prior = pair[0].losses.final - pair[1].losses.final
        change = prior + Losses(sample_shift, probe_shift)
        # Their correlation in the retrainings would be narrower and held .73 of blocks
        # and curricula on python-docs; taken to go all the same way, .88 and more.
        held_out, held_out_sd = change.held_out, probe_sd.mean()
        return Difference(
            self._run.id, self.name, order_hash(order), order_hash(base),
            change.astype(np.float32),
            interval(change, self._reaching(sample_sd, probe_sd)),
            float(held_out), ends(held_out, self.process.reach[1] * held_out_sd),
        )  # fmt: skip

    def side_by_side(self, orders: NDArray[np.int32], reads: str = "") -> SideBySide:
        """Final losses under orders (B, N) at once, as `estimate` has them up to float error.

        Or what is read out under that name, in its own unit.
        """
        simulated = self.prior.simulate(orders)
        if reads:
            found = self._read.side_by_side(reads, orders, simulated)
            return SideBySide(found.values, found.sd)
        losses = simulated.losses
        coherence = [self.prior.coherence.of(order) for order in orders]
        far = self._share * self._far(orders, simulated.deltas)
        losses = Losses(losses.samples, losses.probes + far)
        described = self._describe(orders, simulated.deltas, losses, coherence)
        found = [self.process.errors(described.row(row), ONE) for row in range(len(orders))]
        (sample, sample_sd), (probe, probe_sd) = (
            tuple(np.stack([pair[side][part] for pair in found]) for part in (0, 1))
            for side in (0, 1)
        )
        return SideBySide(
            losses + Losses(sample, probe),
            Losses(sample_sd * self.process.reach[0] / Z90, probe_sd * self.process.reach[1] / Z90),
        )  # fmt: skip

    def effects(
        self, order: Order, sample_weight: Array, probe_weight: Array, reads: str = ""
    ) -> Array:
        """The prior's, see `ProjectedEstimator.effects`; or those on what is read out so."""
        if reads:
            return self._read.effects(reads, order, sample_weight, probe_weight)
        return self.prior.effects(order, sample_weight, probe_weight)

    def _learn(self, runs: TrainingRuns) -> None:
        if not len(runs):
            return
        known = self.prior.known_ends(runs.orders)
        coherence = [self.prior.coherence.of(order) for order in runs.orders]
        seen = self._describe(runs.orders, known.deltas, known.losses, coherence)
        missed = runs.final - known.losses
        sample_error = (missed.samples / self.prior.sample_unit).T
        between = self.alike.between(seen, seen)
        excess = best_excess(seen, between, sample_error)
        far = self._far(runs.orders, known.deltas)
        if far.any():
            covariance = between.pooled + apart(seen, seen, between.inner, excess)
            self._share = min(
                EXCHANGED, key=lambda share: self._left(covariance, missed.probes - share * far)
            )
            probes = known.losses.probes + self._share * far
            exchanged = Losses(known.losses.samples, probes)
            seen = self._describe(runs.orders, known.deltas, exchanged, coherence)
            between = self.alike.between(seen, seen)
        probe_error = ((missed.probes - self._share * far) / self.prior.probe_unit).T
        self.process.learn(seen, between, sample_error, probe_error, excess)

    def _far(self, orders: NDArray[np.int32], deltas: Array) -> Array:
        """(B, D) what the exact adjoint says beyond the prior of orders far from the reference."""
        if self.prior.exchange is None:
            return np.zeros((len(orders), len(self._run.probe_domains)))
        return self.prior.exchange.far(orders, self.prior.distance(deltas))

    def _left(self, covariance: Array, missed: Array) -> float:
        """How badly each run's held-out losses are told from the others', in standard deviations.

        covariance (D, M, M), missed (M, D). The mean over domains counts as much as all of them.
        """
        unit = self.prior.probe_unit
        each = np.square(_left_out(covariance, (missed / unit).T)).mean()
        mean = missed.mean(1) / unit.mean()
        return each + len(unit) * np.square(_left_out(covariance.mean(0), mean)).mean()

    def _describe(
        self,
        orders: NDArray[np.int32],
        deltas: Array,
        losses: Losses,
        coherence: Sequence[float],
    ) -> Described:
        """What the covariances are made of, for B orders and their prior estimates."""
        change = losses - self._run.reference.final
        changes = change.samples / self._units[0], change.probes / self._units[1]
        return self.alike.describe(orders, deltas, changes, coherence)

    def _reaching(self, sample_sd: Array, probe_sd: Array) -> tuple[Array, Array]:
        """Half widths of the 90 % intervals."""
        return self.process.reach[0] * sample_sd, self.process.reach[1] * probe_sd

    def _predict(self, replayed: list[Replayed], sign: Array) -> tuple[Target, Target]:
        """What to add to Σ sign · loss of a few orders, samples and probes, and what is uncertain.

        sign (A,): 1 for an order's own losses, 1 and −1 for a difference.
        """
        orders = np.stack([found.order for found in replayed])
        deltas = np.stack([found.deltas[-1] for found in replayed])
        losses = Losses.stacked(found.losses.final for found in replayed)
        far = self._share * self._far(orders, deltas)
        losses = Losses(losses.samples, losses.probes + far)
        seen = self._describe(orders, deltas, losses, [found.coherence for found in replayed])
        sample, (probe_shift, probe_sd) = self.process.errors(seen, sign)
        return sample, (probe_shift + sign @ far, probe_sd)


def _left_out(covariance: Array, values: Array) -> Array:
    """(…, M) each value's distance from what the others tell of it, in standard deviations."""
    inverse = np.linalg.inv(covariance + JITTER * np.eye(values.shape[-1]))
    weights = np.einsum("...mk,...k->...m", inverse, values)
    return weights / np.sqrt(np.diagonal(inverse, axis1=-2, axis2=-1))
