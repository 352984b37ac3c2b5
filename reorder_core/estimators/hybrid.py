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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reorder_core.estimators.learning.gaussian import (
    JITTER,
    Posterior,
    condition,
    step_covariance,
)
from reorder_core.estimators.learning.retrainings import TrainingRuns
from reorder_core.estimators.projected import ProjectedEstimator, Replayed
from reorder_core.estimators.protocol import Ability
from reorder_core.estimators.replay.error_law import POWER, Z90, ends, expected_error, interval
from reorder_core.estimators.replay.exchange import NEAR
from reorder_core.estimators.replay.two_centres import prior_of
from reorder_core.orders.order import Order, order_hash
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
EXCESSES, EXCESSES_PROBES = (2.0, 1.0, 0.5), (2.0, 1.0, 0.5, 4.0)
"""Sizes of what coherent orders err beyond that; the first where no retraining tells."""
MOST = 5.0
"""Where it stops growing with coherence. A training without a memory of Adam's has orders of
coherence 10; one growing on let the correction of a milder order be magnified for these."""
RANGE = 0.5
"""Distance within which that is alike."""
WIDE_SAMPLES, WIDE_PROBES = (4.0, 2.0, 8.0), (12.0, 6.0, 24.0)
"""The width's own sizes of it; errors stop growing with coherence, at these times the distance."""
WIDE_RANGE, SOON = 0.2, 2.5
"""Distance within which that is alike; how soon with coherence it is all there."""
SCALE = 2.0
"""Log of the ratio of distances over which errors are alike: far runs tell less of moves."""
EXCHANGED = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of what the exact adjoint says of orders far from the reference; the first where no
retraining tells."""
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
    step: NDArray[Any]
    """(B, N) the step that trains each sample; of a run with visits (B, N, T + 1), how often each
    step does, less the reference order's, the bench last."""
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
        reference = run.reference_order[None]
        self._origin = run.visits.steps_of(reference)[0]
        self._at_reference = None if run.visits.is_plain else run.visits.visits_at(reference)
        if self._at_reference is not None:  # the bench is like no step
            self._covariance = np.pad(self._covariance, (0, 1))
            self._covariance[-1, -1] = 1.0
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
        far = self._share * self._far(orders, simulated.deltas)
        losses = Losses(losses.samples, losses.probes + far)
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
        self._reach, self._share = (Z90, Z90), EXCHANGED[0]
        self._excess = EXCESSES[0], EXCESSES_PROBES[0]
        self._wide = WIDE_SAMPLES[0], WIDE_PROBES[0]
        if not len(runs):
            return
        known = self.prior.known_ends(runs.orders)
        coherence = [self.prior.coherence.of(order) for order in runs.orders]
        self._seen = seen = self._describe(runs.orders, known.deltas, known.losses, coherence)
        missed = runs.final - known.losses
        sample_error = (missed.samples / self.prior.sample_unit).T
        own, pooled, inner = self._alike(seen, seen)
        some = slice(None, None, -(-len(sample_error) // TELLING))
        excess = max(
            EXCESSES,
            key=lambda size: _likelihood(
                own[some] + _apart(seen, seen, inner, size), sample_error[some]
            ),
        )
        apart, far = _apart(seen, seen, inner, excess), self._far(runs.orders, known.deltas)
        if far.any():
            self._share = min(
                EXCHANGED,
                key=lambda share: self._left(pooled + apart, missed.probes - share * far),
            )
            probes = known.losses.probes + self._share * far
            exchanged = Losses(known.losses.samples, probes)
            self._seen = seen = self._describe(runs.orders, known.deltas, exchanged, coherence)
            own, pooled, inner = self._alike(seen, seen)
        probe_error = ((missed.probes - self._share * far) / self.prior.probe_unit).T
        self._excess = (
            excess,
            max(
                EXCESSES_PROBES,
                key=lambda size: _likelihood(pooled + _apart(seen, seen, inner, size), probe_error),
            ),
        )
        self._learned = (
            condition(own + apart, 0.0, sample_error),
            condition(pooled + _apart(seen, seen, inner, self._excess[1]), 0.0, probe_error),
        )
        self._wide = tuple(
            max(sizes, key=lambda size: _likelihood(alike + _wider(seen, seen, inner, size), error))
            for sizes, alike, error in (
                (WIDE_SAMPLES, own[some], sample_error[some]), (WIDE_PROBES, pooled, probe_error),
            )
        )  # fmt: skip
        self._width = (
            condition(own + _wider(seen, seen, inner, self._wide[0]), 0.0, sample_error),
            condition(pooled + _wider(seen, seen, inner, self._wide[1]), 0.0, probe_error),
        )
        self._reach = self._width[0].reach(0.9), self._width[1].reach(0.9)

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
    ) -> _Described:
        """What the covariances are made of, for B orders and their prior estimates."""
        change = losses - self._run.reference.final
        deltas = deltas.astype(np.float64)  # differences of neighbours cancel many digits
        return _Described(
            deltas,
            self.prior.distance(deltas),
            np.array(coherence),
            self._steps(orders),
            change.samples / self.prior.sample_unit,
            change.probes / self.prior.probe_unit,
        )

    def _steps(self, orders: NDArray[np.int32]) -> NDArray[Any]:
        if self._at_reference is None:
            return self._run.visits.steps_of(orders)
        return self._run.visits.visits_at(orders) - self._at_reference

    def _moved(self, a: _Described, b: _Described) -> Array:
        """(A, B, N) covariance of the effects of each sample's own steps, 0 at the reference."""
        steps, origin = self._covariance, self._origin
        if self._at_reference is not None:
            return np.einsum("anp,bnp->abn", a.step @ steps, b.step, optimize=True)
        return (
            steps[a.step[:, None], b.step[None]] - steps[a.step, origin][:, None]
            - steps[origin, b.step][None] + steps[origin, origin]
        )  # fmt: skip

    def _alike(self, a: _Described, b: _Described) -> tuple[Array, Array, Array]:
        """Covariances (N, A, B) of the samples' errors and (D, A, B) of the probes', 0 at the
        reference, of whatever coherence; and (A, B) the displacements' inner products."""
        moved = self._moved(a, b)
        inner = self.prior.similarity(a.delta, b.delta)
        near = _as_far(a.distance, b.distance)
        alike = inner + OTHERS * moved.mean(2)
        own = alike + OWN * moved.transpose(2, 0, 1)
        return (
            near * (own + SLOPE**2 * np.einsum("am,bm->mab", a.sample, b.sample)),
            near * (alike + SLOPE**2 * np.einsum("am,bm->mab", a.probe, b.probe)),
            inner,
        )

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
        sample, (probe_shift, probe_sd) = self._errors(seen, sign)
        return sample, (probe_shift + sign @ far, probe_sd)

    def _errors(self, seen: _Described, sign: Array) -> tuple[Target, Target]:
        """As `_predict`, of orders already described."""
        units = self.prior.sample_unit, self.prior.probe_unit
        own, pooled, inner = self._alike(seen, seen)
        narrow = [
            _variance(alike + _apart(seen, seen, inner, size), sign)
            for alike, size in zip((own, pooled), self._excess, strict=True)
        ]
        wide = [
            _variance(alike + _wider(seen, seen, inner, size), sign)
            for alike, size in zip((own, pooled), self._wide, strict=True)
        ]
        if self._learned is None:
            zeros = [np.zeros_like(unit) for unit in units]
            sample, probe = (np.sqrt(v) * u for v, u in zip(wide, units, strict=True))
            return (zeros[0], sample), (zeros[1], probe)
        own, pooled, inner = self._alike(seen, self._seen)
        # What was learned far away says little of how far a move's estimate may be off.
        near = np.exp(-np.square(seen.distance.max() / NEAR))
        sample, probe = (
            self._target(
                side, sign,
                (alike + _apart(seen, self._seen, inner, self._excess[side]),
                 alike + _wider(seen, self._seen, inner, self._wide[side])),
                (narrow[side], wide[side]), near, units[side],
            )
            for side, alike in enumerate((own, pooled))
        )  # fmt: skip
        return sample, probe

    def _target(
        self,
        side: int,
        sign: Array,
        crosses: tuple[Array, Array],
        variances: tuple[Array, Array],
        near: float,
        unit: Array,
    ) -> Target:
        """Samples (side 0) or probes: the mean of the first process, the width of the second;
        near the reference at least `near` of the first one's."""
        assert self._learned is not None
        first, second = (np.einsum("a,zam->zm", sign, cross) for cross in crosses)
        mean, sd = self._learned[side].predict(first, variances[0])
        wide = self._width[side].predict(second, variances[1])[1]
        return mean * unit, np.maximum(wide, near * sd) * unit


def _variance(covariance: Array, sign: Array) -> Array:
    """(Z,) of Σ sign · error, from (Z, A, A)."""
    return np.maximum(np.einsum("a,zab,b->z", sign, covariance, sign), 0)


def _apart(a: _Described, b: _Described, inner: Array, size: float) -> Array:
    """(A, B) covariance of what displacement does not explain of coherent orders' errors.

    Only a coherent order close by tells of it: half the reference run's length away.
    """
    excess = [np.clip(x.coherence**POWER - 1, 0, MOST) for x in (a, b)]
    sizes = np.outer(a.distance * excess[0], b.distance * excess[1])
    return size**2 * sizes * _close(a, b, inner, RANGE)


def _wider(a: _Described, b: _Described, inner: Array, size: float) -> Array:
    """(A, B) covariance of coherent orders' errors beyond the rest, as the width has it."""
    excess = [x.distance * (1 - np.exp(-SOON * np.maximum(x.coherence - 1, 0))) for x in (a, b)]
    return size**2 * np.outer(*excess) * _close(a, b, inner, WIDE_RANGE)


def _close(a: _Described, b: _Described, inner: Array, within: float) -> Array:
    """(A, B) 1 for the same displacement, 0 for ones much further apart than `within`."""
    gap = np.add.outer(np.square(a.distance), np.square(b.distance)) - 2 * inner
    return np.exp(-np.maximum(gap, 0) / (2 * within**2))


def _likelihood(covariance: Array, errors: Array) -> float:
    """Log likelihood of errors (Z, M) of the retrainings."""
    return condition(covariance, 0.0, errors).log_likelihood


def _left_out(covariance: Array, values: Array) -> Array:
    """(…, M) each value's distance from what the others tell of it, in standard deviations."""
    inverse = np.linalg.inv(covariance + JITTER * np.eye(values.shape[-1]))
    weights = np.einsum("...mk,...k->...m", inverse, values)
    return weights / np.sqrt(np.diagonal(inverse, axis1=-2, axis2=-1))


def _row(described: _Described, row: int) -> _Described:
    """One of its orders alone."""
    return _Described(*(getattr(described, name)[row : row + 1] for name in _Described.__slots__))


def _as_far(a: Array, b: Array) -> Array:
    """(A, B) 1 for orders equally far from the reference, less the further apart the scales."""
    logs = [np.log(np.maximum(distance, 1e-9)) for distance in (a, b)]
    return np.exp(-np.square(np.subtract.outer(*logs)) / (2 * SCALE**2))
