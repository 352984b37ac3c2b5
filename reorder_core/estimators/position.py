"""`position`: the order effect as a sum over (sample, step), for instant previews.

E[metric | sample i trained at step t], smooth over steps, fitted on orders
that `projected` simulated. A move's effect is then a difference of two table
entries for each sample that changes its step.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reorder_core.errors import EstimatorError
from reorder_core.estimators.base import Estimate
from reorder_core.estimators.runs import TrainingRuns, no_runs
from reorder_core.orders import Order, order_hash, steps_of
from reorder_core.store.run import Run
from reorder_core.store.steps import BuildContext

Array = NDArray[np.floating]
OWN_BASIS, PROBE_BASIS, CHUNK = 6, 4, 64


@dataclass(frozen=True, slots=True, eq=False)
class PositionTable:
    """Changes of final loss with a sample's step, against its mean over steps; nats per token."""

    own: Array
    """(N, T) a sample's own loss."""
    held_out: Array
    """(N, T) mean held-out loss."""
    own_sd: Array
    """(N,) standard deviation of what the sample's step does not explain of its own loss."""
    held_out_sd: Array
    """(N,) a sample's part of what the table does not explain of held-out loss."""


def open_position_table(run: Run) -> PositionTable:
    """The table that the build fitted; raises EstimatorError where the run has none."""
    arrays = _arrays(run)
    return PositionTable(*(arrays[k] for k in ("own", "held_out", "own_sd", "held_out_sd")))


class PositionEstimator:
    """The additive table as an estimator of its own: final losses only along the way."""

    name = "position"
    fitted_on: frozenset[str] = frozenset()

    def __init__(self, run: Run, runs: TrainingRuns) -> None:
        self._run, self._arrays = run, _arrays(run)
        self.precompute_rre = sum(
            run.costs[step]["rre"] for step in ("gradients", "curvature") if step in run.costs
        )
        self.bytes = run.file("position").stat().st_size

    def estimate(self, order: Order) -> Estimate:
        """The reference losses plus the difference of the table's entries, step by step.

        Between the start and the end nothing is known; those rows are nan.
        """
        known, ids = self._run.reference, np.arange(len(order))
        to = steps_of(order[None], self._run.batch_size)[0]
        origin = steps_of(self._run.reference_order[None], self._run.batch_size)[0]
        own, probe = self._arrays["own"], self._arrays["probe"]
        sample_loss = known.sample_loss_at[-1] + own[ids, to] - own[ids, origin]
        probe_loss = known.probe_loss_at[-1] + (probe[:, ids, to] - probe[:, ids, origin]).sum(1)
        sample_at = np.full_like(known.sample_loss_at, np.nan)
        probe_at = np.full_like(known.probe_loss_at, np.nan)
        sample_at[0], probe_at[0] = known.sample_loss_at[0], known.probe_loss_at[0]
        sample_at[-1], probe_at[-1] = sample_loss, probe_loss
        return Estimate(self._run.id, self.name, order_hash(order), sample_at, probe_at)


def fit_position_table(context: BuildContext) -> float:
    """position.safetensors, from simulated random orders; costs no training."""
    from reorder_core.estimators.projected import ProjectedEstimator

    run = context.run()
    estimator, random = (
        ProjectedEstimator(run, no_runs(run)),
        np.random.default_rng([context.config.seed, 3]),
    )
    count = context.config.position.orders
    orders = np.stack([random.permutation(run.reference_order) for _ in range(count)])
    losses, probes = [], []
    for start in range(0, count, CHUNK):
        context.on_progress("position effects", start, count)
        sample, probe = estimator.simulate(orders[start : start + CHUNK])
        losses.append(sample)
        probes.append(probe)
    steps = steps_of(orders, run.batch_size)  # (M, N)
    context.save("position", fit_table(steps, np.concatenate(losses), np.concatenate(probes),
                                       run.steps))  # fmt: skip
    return 0.0


def fit_table(
    step_of: NDArray[np.integer], sample_loss: Array, probe_loss: Array, steps: int
) -> dict[str, Array]:
    """Tables from M orders: step_of (M, N), sample_loss (M, N), probe_loss (M, D).

    Cosines over steps keep each sample's curve smooth; probes take one ridge
    regression over all samples' curves, its penalty chosen on held-out orders.
    """
    own_basis, probe_basis = _cosines(steps, OWN_BASIS), _cosines(steps, PROBE_BASIS)
    count = step_of.shape[1]
    own, own_sd = np.empty((count, steps)), np.empty(count)
    for sample in range(count):
        design = own_basis[step_of[:, sample]]
        centred = sample_loss[:, sample] - sample_loss[:, sample].mean()
        own[sample] = own_basis @ _ridge(design, centred[:, None], 1.0)[:, 0]
        own_sd[sample] = (centred - own[sample][step_of[:, sample]]).std()
    design = probe_basis[step_of].reshape(len(step_of), -1)  # (M, N · basis)
    centred = probe_loss - probe_loss.mean(0)
    weights = _ridge(design, centred, _best_penalty(design, centred))
    tables = np.einsum("nbd,tb->dnt", weights.reshape(count, probe_basis.shape[1], -1), probe_basis)
    residual = (centred - design @ weights).mean(1).std()
    # A sum over the samples that change step adds up to the whole when all do.
    held_out_sd = np.full(count, residual / np.sqrt(count))
    found = {
        "own": own, "own_sd": own_sd, "probe": tables, "held_out": tables.mean(0),
        "held_out_sd": held_out_sd, "sample_mean": sample_loss.mean(0),
        "probe_mean": probe_loss.mean(0),
    }  # fmt: skip
    return {name: value.astype(np.float32) for name, value in found.items()}


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
    if design.shape[1] <= len(design):
        gram = design.T @ design + penalty * np.eye(design.shape[1])
        return np.linalg.solve(gram, design.T @ target)
    gram = design @ design.T + penalty * np.eye(len(design))
    return design.T @ np.linalg.solve(gram, target)


def _best_penalty(design: NDArray, target: NDArray) -> float:
    fitted = len(design) * 3 // 4

    def error(penalty: float) -> float:
        weights = _ridge(design[:fitted], target[:fitted], penalty)
        return float(np.square(design[fitted:] @ weights - target[fitted:]).sum())

    return min((10.0**power for power in range(0, 6)), key=error)
