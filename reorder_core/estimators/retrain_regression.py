"""`retrain-regression`: what M real retrainings say by themselves, without any physics.

The baseline that every estimate from gradients must beat at equal cost: a
Gaussian process (see `learning.gaussian`) on the losses of M retrained orders and of
the reference run, additive over (sample, step) with a little that is not.
Its hyperparameters maximize the marginal likelihood of those same losses.
After e steps, all samples not yet trained count as trained at step e.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reorder_core.errors import EstimatorError
from reorder_core.estimators.learning import gaussian
from reorder_core.estimators.learning.retrainings import TrainingRuns, taught
from reorder_core.estimators.protocol import Ability
from reorder_core.estimators.replay.error_law import interval
from reorder_core.orders.order import Order, order_hash, steps_of
from reorder_core.records.estimates import Estimate
from reorder_core.records.losses import Losses
from reorder_core.store.run import Run

Array = NDArray[np.floating]
LEVEL = 0.9
TUNED = 64
"""Samples whose likelihood sets the hyperparameters of all."""
OWN_FIELDS = ("length", "follows", "others", "mixed", "noise")
SHARED_FIELDS = ("length", "pairs", "noise")
SHARED_START = gaussian.Shape(
    length=0.3, own=0.0, follows=0.0, others=1.0, mixed=0.0, pairs=0.3, noise=0.03
)


class RetrainRegression:
    """Losses interpolated between real retrainings, with the process's own interval."""

    name = "retrain-regression"
    about = "baseline: a regression on real retrainings, without physics"
    can: frozenset[Ability] = frozenset({"intervals"})

    def __init__(self, run: Run, runs: TrainingRuns) -> None:
        if not run.visits.is_plain:
            raise EstimatorError(
                f"{self.name} knows each sample by its one step, but this run has "
                f"{run.visits.count} visits of {run.count} samples; ask hybrid or simfluence"
            )
        self._run, self.fitted_on, self.precompute_rre = run, runs.hashes, runs.rre
        known = taught(self.name, run, runs).ended()
        samples, probes = known.losses_at.samples, known.losses_at.probes
        steps = steps_of(known.orders, run.batch_size)  # (M + 1, N)
        shapes = tuned_shapes(steps, samples[:, -1], probes[:, -1], run.steps)
        self._at = {
            at: Regression.fit(steps, samples[:, row], probes[:, row], int(at), shapes)
            for row, at in enumerate(run.eval_steps)
            if at and np.isfinite(samples[:, row]).all() and np.isfinite(probes[:, row]).all()
        }
        self.bytes = sum(fitted.bytes for fitted in self._at.values())

    def estimate(self, order: Order) -> Estimate:
        """Posterior means at every evaluation, and the 90 % interval of the last."""
        run, steps = self._run, steps_of(order[None], self._run.batch_size)
        losses_at, reach = [run.reference.losses_at[0]], None
        for at in run.eval_steps[1:]:
            if at in self._at:
                (samples, sample_half), (probes, probe_half) = self._at[at].predict(steps)
                found = Losses(samples, probes)
                losses_at.append(found.astype(np.float32))
                reach = interval(found, (sample_half, probe_half))
            else:
                losses_at.append(Losses.unknown(samples=run.count, probes=len(run.probe_domains)))
        return Estimate(run.id, self.name, order_hash(order), Losses.stacked(losses_at), reach)


@dataclass(frozen=True, slots=True)
class Shapes:
    """Hyperparameters of the samples' own losses, and of held-out ones."""

    samples: gaussian.Shape
    probes: gaussian.Shape


@dataclass(frozen=True, slots=True, eq=False)
class Regression:
    """The posteriors of all losses after some number of steps."""

    shapes: Shapes
    step_of: NDArray[np.integer]
    """(M, N) of the orders learned from; a step not yet done counts as the last."""
    curve: Array
    """(T',) what a sample's own step does to any sample."""
    level: Array
    """(N + D,) mean of each loss, taken off before the fit."""
    samples: gaussian.Posterior
    probes: gaussian.Posterior

    @classmethod
    def fit(
        cls, steps: NDArray[np.integer], samples: Array, probes: Array, at: int, shapes: Shapes
    ) -> "Regression":
        """From losses (M, N) and (M, D) after `at` steps, of orders with steps (M, N)."""
        done = np.minimum(steps, at)
        covariance = gaussian.step_covariance(at + 1, shapes.samples.length)
        curve = gaussian.shared_curve(covariance, done, samples)
        rest = samples - curve[done]
        level = np.concatenate([rest.mean(0), probes.mean(0)])
        rest, held_out = rest - rest.mean(0), probes - probes.mean(0)
        return cls(
            shapes, done, curve, level,
            condition_own(shapes.samples, done, rest, curve),
            condition_shared(shapes.probes, done, held_out, at + 1),
        )  # fmt: skip

    @property
    def bytes(self) -> int:
        """Of what a query reads."""
        parts = (self.samples.inverse, self.samples.weights, self.probes.inverse, self.step_of)
        return sum(part.nbytes for part in parts)

    def predict(self, steps: NDArray[np.integer]) -> tuple[tuple[Array, Array], ...]:
        """Mean and half width of the samples (N,) and of the probes (D,), for steps (1, N)."""
        count, new = steps.shape[1], np.minimum(steps, len(self.curve) - 1)
        found = []
        for shape, posterior, has_own in (
            (self.shapes.samples, self.samples, True), (self.shapes.probes, self.probes, False)
        ):  # fmt: skip
            curve = self.curve if has_own else np.zeros_like(self.curve)
            cross, prior = (
                _covariance(shape, curve, new, other, has_own)[..., 0, :]
                for other in (self.step_of, new)
            )
            mean, spread = posterior.predict(cross, prior[..., 0] + shape.noise)
            found.append([mean, posterior.reach(LEVEL) * spread])
        found[0][0] = found[0][0] + self.curve[new[0]] + self.level[:count]
        found[1][0] = found[1][0] + self.level[count:]
        return tuple(found[0]), tuple(found[1])


def tuned_shapes(steps: NDArray[np.integer], samples: Array, probes: Array, total: int) -> Shapes:
    """The hyperparameters under which final losses (M, N) and (M, D) are likeliest."""
    table = gaussian.step_covariance(total, SHARED_START.length)
    curve = gaussian.shared_curve(table, steps, samples)
    rest = samples - curve[steps]
    chosen = np.linspace(0, samples.shape[1] - 1, min(TUNED, samples.shape[1])).astype(int)
    rest, held_out = rest - rest.mean(0), probes - probes.mean(0)
    own = gaussian.best_shape(
        lambda shape: condition_own(shape, steps, rest, curve, chosen).log_likelihood,
        OWN_FIELDS, gaussian.Shape(),
    )  # fmt: skip
    shared = gaussian.best_shape(
        lambda shape: condition_shared(shape, steps, held_out, total).log_likelihood,
        SHARED_FIELDS, SHARED_START,
    )  # fmt: skip
    return Shapes(own, shared)


def condition_own(
    shape: gaussian.Shape, steps: NDArray[np.integer], values: Array, curve: Array,
    chosen: NDArray[np.integer] | slice = slice(None),
) -> gaussian.Posterior:  # fmt: skip
    """The posterior of the chosen samples' losses (M, N), each with a step of its own."""
    table = gaussian.step_covariance(len(curve), shape.length)
    alike = gaussian.likeness(table, steps, steps)
    table = gaussian.with_curve(table, curve, shape.follows)
    own = gaussian.own_covariance(table, steps[:, chosen], steps[:, chosen])
    covariance = gaussian.covariances(shape, own, alike)
    return gaussian.condition(covariance, shape.noise, values[:, chosen].T)


def condition_shared(
    shape: gaussian.Shape, steps: NDArray[np.integer], values: Array, states: int
) -> gaussian.Posterior:
    """The posterior of losses (M, D) that have no step of their own."""
    table = gaussian.step_covariance(states, shape.length)
    alike = gaussian.likeness(table, steps, steps)
    return gaussian.condition(gaussian.covariances(shape, None, alike), shape.noise, values.T)


def _covariance(
    shape: gaussian.Shape, curve: Array, a: NDArray, b: NDArray, has_own: bool
) -> Array:
    table = gaussian.step_covariance(len(curve), shape.length)
    alike = gaussian.likeness(table, a, b)
    if not has_own:
        return gaussian.covariances(shape, None, alike)
    table = gaussian.with_curve(table, curve, shape.follows)
    return gaussian.covariances(shape, gaussian.own_covariance(table, a, b), alike)
