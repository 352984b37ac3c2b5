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
than that; what they do beyond it is known only close by, and widens the interval elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reorder_core.estimators.learning.gaussian import (
    Posterior,
    condition,
    step_covariance,
)
from reorder_core.estimators.learning.retrainings import TrainingRuns
from reorder_core.estimators.projected import ProjectedEstimator, Replayed
from reorder_core.estimators.protocol import Ability
from reorder_core.estimators.replay.error_law import POWER, Z90, ends, expected_error, interval
from reorder_core.estimators.replay.two_centres import prior_of
from reorder_core.orders.order import Order, order_hash, steps_of
from reorder_core.records.estimates import Difference, Estimate
from reorder_core.records.losses import Losses
from reorder_core.store.run import Run

Array = NDArray[np.floating]
Target = tuple[Array, Array]
"""Mean and standard deviation."""
OWN, OTHERS = 0.04, 0.1
"""Variances of the effects of the own step and of all samples' steps, relative to ⟨δ, δ'⟩."""
SLOPE = 0.12
"""Standard deviation of the part by which a sample's effects are off throughout."""
EXCESSES = (2.0, 1.0, 0.5)
"""Sizes of what coherent orders err beyond that; the first where no retraining tells."""
RANGE = 0.5
"""Distance within which that is alike."""
SCALE = 2.0
"""Log of the ratio of distances over which errors are alike: far runs tell less of moves."""
TELLING = 32
"""Samples whose losses choose the size: more would cost time and say the same."""
LENGTH = 0.3
"""Steps over which effects of a step are alike, as a share of the training."""
ONE, MINUS = np.ones(1), np.array([1.0, -1.0])
"""An order's own losses; one order's minus another's."""


@dataclass(frozen=True, slots=True, eq=False)
class _Described:
    """What covariances between B orders are made of."""

    delta: Array
    """(B, s) γ_T − θ_T."""
    distance: Array
    """(B,) its length."""
    coherence: Array
    """(B,)"""
    step: NDArray[np.intp]
    """(B, N) the step that trains each sample."""
    sample: Array
    """(B, N) the prior's changes of the samples' losses, in their error units."""
    probe: Array
    """(B, D) and of the probes'."""


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
    can: frozenset[Ability] = frozenset({"intervals", "differences", "learns"})

    def __init__(
        self, run: Run, runs: TrainingRuns, prior: ProjectedEstimator | None = None
    ) -> None:
        self._run, self.fitted_on = run, runs.hashes
        self.prior = prior or prior_of(run, runs)(run, runs)
        self.precompute_rre = self.prior.precompute_rre + runs.rre
        self.bytes = self.prior.bytes + runs.orders.nbytes + runs.final.samples.nbytes
        self._covariance = step_covariance(run.steps, LENGTH)
        self._origin = steps_of(run.reference_order[None], run.batch_size)[0]
        self._learn(runs.ended())

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
            interval(losses_at.final, (self._reach[0] * sample_sd, self._reach[1] * probe_sd)),
            found.distance, found.coherence, expected_error(sample_sd),
        )  # fmt: skip

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
            interval(change, (self._reach[0] * sample_sd, self._reach[1] * probe_sd)),
            float(held_out), ends(held_out, self._reach[1] * held_out_sd),
        )  # fmt: skip

    def side_by_side(self, orders: NDArray[np.int32]) -> SideBySide:
        """Final losses under orders (B, N) at once, as `estimate` has them up to float error."""
        simulated = self.prior.simulate(orders)
        losses = simulated.losses
        coherence = [self.prior.coherence.of(order) for order in orders]
        described = self._describe(orders, simulated.deltas, losses, coherence)
        found = [self._errors(_row(described, row), ONE) for row in range(len(orders))]
        (sample, sample_sd), (probe, probe_sd) = (
            tuple(np.stack([pair[side][part] for pair in found]) for part in (0, 1))
            for side in (0, 1)
        )
        return SideBySide(
            losses + Losses(sample, probe),
            Losses(sample_sd * self._reach[0] / Z90, probe_sd * self._reach[1] / Z90),
        )  # fmt: skip

    def effects(self, order: Order, sample_weight: Array, probe_weight: Array) -> Array:
        """The prior's; see `ProjectedEstimator.effects`."""
        return self.prior.effects(order, sample_weight, probe_weight)

    def _learn(self, runs: TrainingRuns) -> None:
        self._learned: tuple[Posterior, Posterior] | None = None
        self._reach, self._excess = (Z90, Z90), EXCESSES[0]
        if not len(runs):
            return
        known = self.prior.known_ends(runs.orders)
        coherence = [self.prior.coherence.of(order) for order in runs.orders]
        self._seen = self._describe(runs.orders, known.deltas, known.losses, coherence)
        missed = runs.final - known.losses
        sample_error = missed.samples / self.prior.sample_unit
        probe_error = missed.probes / self.prior.probe_unit
        self._excess = max(EXCESSES, key=lambda size: self._likelihood(size, sample_error))
        own, pooled = self._covariances(self._seen, self._seen)
        self._learned = (
            condition(own, 0.0, sample_error.T),
            condition(pooled, 0.0, probe_error.T),
        )
        self._reach = self._learned[0].reach(0.9), self._learned[1].reach(0.9)

    def _likelihood(self, excess: float, sample_error: Array) -> float:
        """Log likelihood of the retrainings, had coherent orders an excess of this size."""
        self._excess = excess
        some = slice(None, None, -(-sample_error.shape[1] // TELLING))
        own = self._covariances(self._seen, self._seen)[0][some]
        return condition(own, 0.0, sample_error.T[some]).log_likelihood

    def _describe(
        self,
        orders: NDArray[np.int32],
        deltas: Array,
        losses: Losses,
        coherence: Sequence[float],
    ) -> _Described:
        """What the covariances are made of, for B orders and their prior estimates."""
        change = losses - self._run.reference.final
        deltas = deltas.astype(np.float64)  # differences of neighbours cancel many digits
        return _Described(
            deltas,
            self.prior.distance(deltas),
            np.array(coherence),
            steps_of(orders, self._run.batch_size),
            change.samples / self.prior.sample_unit,
            change.probes / self.prior.probe_unit,
        )

    def _covariances(self, a: _Described, b: _Described) -> tuple[Array, Array]:
        """(N, A, B) of the samples' errors and (D, A, B) of the probes', 0 at the reference."""
        steps, origin = self._covariance, self._origin
        moved = (
            steps[a.step[:, None], b.step[None]] - steps[a.step, origin][:, None]
            - steps[origin, b.step][None] + steps[origin, origin]
        )  # (A, B, N)  # fmt: skip
        inner = self.prior.similarity(a.delta, b.delta)
        near, apart = _as_far(a.distance, b.distance), self._apart(a, b, inner)
        alike = inner + OTHERS * moved.mean(2)
        own = alike + OWN * moved.transpose(2, 0, 1)
        return (
            near * (own + SLOPE**2 * np.einsum("am,bm->mab", a.sample, b.sample)) + apart,
            near * (alike + SLOPE**2 * np.einsum("am,bm->mab", a.probe, b.probe)) + apart,
        )

    def _apart(self, a: _Described, b: _Described, inner: Array) -> Array:
        """(A, B) covariance of what displacement does not explain of coherent orders' errors.

        Only a coherent order close by tells of it: half the reference run's length away.
        """
        excess = [self._excess * np.maximum(x.coherence**POWER - 1, 0) for x in (a, b)]
        sizes = np.outer(a.distance * excess[0], b.distance * excess[1])
        gap = np.add.outer(np.square(a.distance), np.square(b.distance)) - 2 * inner
        return sizes * np.exp(-np.maximum(gap, 0) / (2 * RANGE**2))

    def _predict(self, replayed: list[Replayed], sign: Array) -> tuple[Target, Target]:
        """What to add to Σ sign · loss of a few orders, samples and probes, and what is uncertain.

        sign (A,): 1 for an order's own losses, 1 and −1 for a difference.
        """
        seen = self._describe(
            np.stack([found.order for found in replayed]),
            np.stack([found.deltas[-1] for found in replayed]),
            Losses.stacked(found.losses.final for found in replayed),
            [found.coherence for found in replayed],
        )
        return self._errors(seen, sign)

    def _errors(self, seen: _Described, sign: Array) -> tuple[Target, Target]:
        """As `_predict`, of orders already described."""
        sample, probe = (
            np.maximum(np.einsum("a,zab,b->z", sign, covariance, sign), 0)
            for covariance in self._covariances(seen, seen)
        )
        units = self.prior.sample_unit, self.prior.probe_unit
        if self._learned is None:
            zeros = np.zeros_like(units[0]), np.zeros_like(units[1])
            return (zeros[0], np.sqrt(sample) * units[0]), (zeros[1], np.sqrt(probe) * units[1])
        cross_sample, cross_probe = (
            np.einsum("a,zam->zm", sign, covariance)
            for covariance in self._covariances(seen, self._seen)
        )
        return (
            _scaled(self._learned[0].predict(cross_sample, sample), units[0]),
            _scaled(self._learned[1].predict(cross_probe, probe), units[1]),
        )


def _row(described: _Described, row: int) -> _Described:
    """One of its orders alone."""
    return _Described(*(getattr(described, name)[row : row + 1] for name in _Described.__slots__))


def _as_far(a: Array, b: Array) -> Array:
    """(A, B) 1 for orders equally far from the reference, less the further apart the scales."""
    logs = [np.log(np.maximum(distance, 1e-9)) for distance in (a, b)]
    return np.exp(-np.square(np.subtract.outer(*logs)) / (2 * SCALE**2))


def _scaled(found: Target, unit: Array) -> Target:
    return found[0] * unit, found[1] * unit
