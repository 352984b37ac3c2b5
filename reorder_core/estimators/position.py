"""`position`: the order effect as a sum over (sample, step), for instant previews.

E[metric | sample i trained at step t], smooth over steps, fitted on orders
that `projected` simulated: own loss on random ones, held-out loss on orders
near the reference's, because all samples' effects at once drown a single one.
A move's effect is then a difference of two table entries for each sample that
changes its step.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve

from reorder_core.building.stages import BuildContext
from reorder_core.errors import EstimatorError
from reorder_core.estimators.learning.retrainings import TrainingRuns, no_runs, taught
from reorder_core.estimators.protocol import Ability
from reorder_core.estimators.replay.error_law import interval
from reorder_core.estimators.retrain_regression import Regression, tuned_shapes
from reorder_core.orders.order import Order, order_hash, steps_of
from reorder_core.records.estimates import Estimate
from reorder_core.records.losses import Losses
from reorder_core.store.run import Run

Array = NDArray[np.floating]
OWN_BASIS, NEAR_BASIS, FAR_BASIS, CHUNK = 6, 6, 4, 64
PENALTIES = tuple(10.0**power for power in range(-2, 6))
SPARSE, MOVED = 2, 16
"""Orders near the reference's per random one; one sample in so many is moved in each."""
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
    """(N, T) a sample's own loss."""
    held_out: Array
    """(N, T) mean held-out loss."""
    probe: Array
    """(D, N, T) held-out loss of each domain."""
    own_sd: Array
    """(N,) standard deviation of the error of a move's effect on the sample's own loss."""
    held_out_sd: Array
    """(N,) of its effect on held-out loss, for each sample that changes its step."""

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
    return PositionTable(
        arrays["own"], arrays["held_out"], arrays["probe"], OWN_SHARE * arrays["own_sd"],
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
        steps = [run.costs[step]["rre"] for step in ("gradients", "curvature") if step in run.costs]
        self.precompute_rre = sum(steps) + runs.rre
        self.bytes = run.file("position").stat().st_size
        self._origin = steps_of(run.reference_order[None], run.batch_size)[0]
        self._learned = self._learn(runs.ended()) if len(runs.ended()) >= FEWEST else None

    def estimate(self, order: Order) -> Estimate:
        """The reference losses plus the difference of the table's entries, step by step.

        Between the start and the end nothing is known; those rows are nan.
        """
        run, steps = self._run, steps_of(order[None], self._run.batch_size)
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
        """(N,) and (D,) final losses of the table, for every sample's step."""
        known, ids, origin = self._run.reference.final, np.arange(len(to)), self._origin
        table = "probe" if self._is_near(to) else "probe_far"
        own, probe = self._arrays["own"], self._arrays[table]
        moved = (probe[:, ids, to] - probe[:, ids, origin]).sum(1)
        return Losses(known.samples + own[ids, to] - own[ids, origin], known.probes + moved)

    def _is_near(self, to: NDArray[np.integer]) -> bool:
        return bool((to != self._origin).sum() < NEAR * len(to))

    def _learn(self, runs: TrainingRuns) -> Regression:
        known = taught(self.name, self._run, runs)  # of the reference run nothing is wrong
        steps = steps_of(known.orders, self._run.batch_size)
        missed = known.final - Losses.stacked(self._read(row) for row in steps)
        shapes = tuned_shapes(steps, missed.samples, missed.probes, self._run.steps)
        return Regression.fit(steps, missed.samples, missed.probes, self._run.steps, shapes)


def fit_position_table(context: BuildContext) -> float:
    """position.safetensors, from simulated orders; costs no training."""
    from reorder_core.estimators.projected import ProjectedEstimator

    run, count = context.run(), context.config.position.orders
    estimator = ProjectedEstimator(run, no_runs(run))
    random = np.random.default_rng([context.config.seed, 3])
    orders = [random.permutation(run.reference_order) for _ in range(count)]
    orders += [_near(run.reference_order, random) for _ in range(SPARSE * count)]
    losses, distances = [], []
    for start in range(0, len(orders), CHUNK):
        context.on_progress("position effects", start, len(orders))
        ends = estimator.simulate(np.stack(orders[start : start + CHUNK]))
        losses.append(ends.losses)
        distances.append(estimator.distance(ends.deltas))
    simulated = Losses.joined(losses)
    known_far, known_near = simulated[:count], simulated[count:]
    home, *steps = steps_of(np.stack([run.reference_order, *orders]), run.batch_size)
    far, near = np.array(steps[:count]), np.array(steps[count:])
    probe_near = known_near.probes - run.reference.final.probes
    probe_far, _ = fit_probes(None, far, known_far.probes, run.steps)
    probe, misfit = fit_probes(home, near, probe_near, run.steps)
    # What the table was fitted to errs, too: by `error_law`, in proportion to its distance.
    moved = np.maximum(1, (near != home).sum(1))
    distance = np.sqrt((np.square(np.concatenate(distances)[count:]) / moved).mean())
    held_out_sd = np.hypot(misfit, estimator.probe_unit.mean() * distance)
    context.save("position", {
        **fit_own(far, known_far.samples, run.steps), "probe": probe, "probe_far": probe_far,
        "held_out": probe.mean(0), "held_out_sd": np.full(run.count, held_out_sd, np.float32),
    })  # fmt: skip
    return 0.0


def _near(reference: Order, random: np.random.Generator) -> NDArray[np.int32]:
    """`reference` with a few samples put elsewhere."""
    count = len(reference)
    chosen = random.choice(count, max(1, count // MOVED), replace=False)
    slots = np.sort(random.integers(0, count - len(chosen) + 1, len(chosen)))
    return np.insert(reference[~np.isin(reference, chosen)], slots, chosen).astype(np.int32)


def fit_own(step_of: NDArray[np.integer], sample_loss: Array, steps: int) -> dict[str, Array]:
    """Each sample's own loss by its step, from M orders: step_of (M, N), sample_loss (M, N).

    Cosines over steps keep each sample's curve smooth.
    """
    basis, count = _cosines(steps, OWN_BASIS), step_of.shape[1]
    own, own_sd = np.empty((count, steps)), np.empty(count)
    for sample in range(count):
        design = basis[step_of[:, sample]]
        centred = sample_loss[:, sample] - sample_loss[:, sample].mean()
        own[sample] = basis @ _ridge(design, centred[:, None], 1.0)[:, 0]
        own_sd[sample] = (centred - own[sample][step_of[:, sample]]).std()
    return {"own": own.astype(np.float32), "own_sd": own_sd.astype(np.float32)}


def fit_probes(
    home: NDArray[np.integer] | None, step_of: NDArray[np.integer], loss: Array, steps: int
) -> tuple[Array, float]:
    """(D, N, T) held-out losses by every sample's step, from M orders: step_of (M, N).

    loss (M, D): changes against the order of steps `home` (N,); losses of any
    level where that is None. One ridge regression over all samples' curves,
    its penalty chosen on held-out orders. The second value is what is left of
    their mean over domains, as a standard deviation for each sample that moved.
    """
    basis, count = _cosines(steps, FAR_BASIS if home is None else NEAR_BASIS), step_of.shape[1]
    origin = np.zeros(basis.shape[1]) if home is None else basis[home]
    design = (basis[step_of] - origin).reshape(len(step_of), -1)  # (M, N · basis)
    change = loss - loss.mean(0) if home is None else loss
    weights = _ridge(design, change, _best_penalty(design, change))
    tables = np.einsum("nbd,tb->dnt", weights.reshape(count, basis.shape[1], -1), basis)
    residual = (change - design @ weights).mean(1)
    moved = count if home is None else np.maximum(1, (step_of != home).sum(1))
    return tables.astype(np.float32), float(np.sqrt(np.square(residual / np.sqrt(moved)).mean()))


def _arrays(run: Run) -> dict[str, Array]:
    if not run.file("position").is_file():
        raise EstimatorError(f"{run.path} has no position table; build the run again")
    return {name: np.asarray(value) for name, value in run.arrays("position").items()}


def _cosines(steps: int, count: int) -> NDArray[np.float64]:
    """(T, count) cosines without the constant: each averages to 0 over steps."""
    count = min(count, steps - 1)
    angle = np.pi * (np.arange(steps)[:, None] + 0.5) / steps * np.arange(1, count + 1)
    return np.sqrt(2) * np.cos(angle)


def _ridge(design: NDArray, target: NDArray, penalty: float) -> NDArray:
    """(P, D) weights; the smaller of the two systems is solved."""
    return next(_ridges(design, target, (penalty,)))


def _ridges(
    design: NDArray, target: NDArray, penalties: Iterable[float]
) -> Iterator[NDArray[np.float64]]:
    """The weights for each penalty in turn; the Gram matrix is made once."""
    tall = design.shape[1] <= len(design)
    gram = design.T @ design if tall else design @ design.T
    right = design.T @ target if tall else target
    for penalty in penalties:
        found = solve(gram + penalty * np.eye(len(gram)), right, assume_a="pos")
        yield found if tall else design.T @ found


def _best_penalty(design: NDArray, target: NDArray) -> float:
    fitted = len(design) * 3 // 4
    weights = _ridges(design[:fitted], target[:fitted], PENALTIES)
    left = [np.square(design[fitted:] @ w - target[fitted:]).sum() for w in weights]
    return PENALTIES[int(np.argmin(left))]
