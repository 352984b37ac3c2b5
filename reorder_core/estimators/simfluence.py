"""`simfluence`: a simulator of training, learned from logged runs.

Guu et al. 2023 (arXiv 2303.08114): each training sample i has for each loss z
a multiplicative and an additive effect, and a run is simulated step by step,

    ℓ_{t+1}(z) = α_t ℓ_t(z) + β_t,   α_t = Σ_{i ∈ B_t} A_i(z),   β_t = Σ_{i ∈ B_t} B_i(z).

Departures:

- Theirs is fitted on losses logged before and after every step. Our runs are
  evaluated at a few steps, so the recursion is composed between evaluations
  and fitted to where it ends, from the true loss where it starts: least
  squares by Gauss-Newton, a ridge around "no effect".
- "No effect" of a sample is A = 1/b, so that α = 1, and B the mean change of
  that loss over a run, spread over all samples; theirs shrinks to 0.
- One strength of the ridge for all losses, by runs held out four times.
"""

import numpy as np
from numpy.typing import NDArray

from reorder_core.estimators.learning.retrainings import TrainingRuns, taught
from reorder_core.estimators.protocol import Ability
from reorder_core.orders.order import Order, order_hash
from reorder_core.records.estimates import Estimate
from reorder_core.records.losses import Losses
from reorder_core.store.run import Run

Array = NDArray[np.floating]
Batches = NDArray[np.integer]
PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
ROUNDS, FOLDS, TUNED, CHUNK = 3, 4, 24, 8


class SimfluenceEstimator:
    """Losses of a simulated run, from its start to the end."""

    name = "simfluence"
    about = "baseline: a simulator fitted to real retrainings"
    can: frozenset[Ability] = frozenset()

    def __init__(self, run: Run, runs: TrainingRuns) -> None:
        self._run, self.fitted_on, self.precompute_rre = run, runs.hashes, runs.rre
        known = taught(self.name, run, runs).ended()
        losses = np.concatenate(
            [known.losses_at.samples, known.losses_at.probes], axis=2, dtype=np.float64
        )
        losses[:, 0] = losses[0, 0]  # all start alike, also those not evaluated there
        batches = run.visits.batches(known.orders)
        penalty = best_penalty(batches, losses, run.eval_steps, run.count)
        self._effects = fit(batches, losses, run.eval_steps, run.count, penalty)
        self._start, self.bytes = losses[0, 0], self._effects.nbytes

    def estimate(self, order: Order) -> Estimate:
        """The simulated losses at every evaluation."""
        batches = self._run.visits.batches(order[None])
        losses, _ = simulate(self._effects, batches, self._start[:, None])
        at = losses[:, 0, self._run.eval_steps].T.astype(np.float32)  # (E, N + D)
        losses_at = Losses(at[:, : self._run.count], at[:, self._run.count :])
        return Estimate(self._run.id, self.name, order_hash(order), losses_at)


def simulate(effects: Array, batches: Batches, start: Array) -> tuple[Array, Array]:
    """(Z, M, S + 1) losses of M simulated runs, and (Z, M, S) how much of each is kept by a step.

    effects (2, Z, N): A − 1/b, and B; batches (M, S, b) ids; start (Z, M).
    """
    kept, added = 1 + effects[0][:, batches].sum(-1), effects[1][:, batches].sum(-1)
    losses = np.empty((*kept.shape[:2], kept.shape[2] + 1))
    losses[..., 0] = start
    for step in range(kept.shape[2]):
        losses[..., step + 1] = kept[..., step] * losses[..., step] + added[..., step]
    return losses, kept


def fit(
    batches: Batches, losses: Array, eval_steps: NDArray[np.integer], count: int, penalty: float
) -> Array:
    """(2, Z, N) effects of N samples, from M runs with batches (M, T, b) and losses (M, E, Z)."""
    parts = [
        _fit(batches, losses[:, :, start : start + CHUNK], eval_steps, count, penalty)
        for start in range(0, losses.shape[2], CHUNK)
    ]
    return np.concatenate(parts, axis=1)


def best_penalty(
    batches: Batches, losses: Array, eval_steps: NDArray[np.integer], count: int
) -> float:
    """The ridge under which runs that were held out end nearest to the truth."""
    fold = np.arange(len(batches)) % FOLDS
    chosen = np.unique(np.linspace(0, losses.shape[2] - 1, TUNED).astype(int))
    losses = losses[:, :, chosen]

    def error(penalty: float) -> float:
        total = 0.0
        for number in range(min(FOLDS, len(batches))):
            out = fold == number
            effects = fit(batches[~out], losses[~out], eval_steps, count, penalty)
            found, _ = simulate(effects, batches[out], losses[out, 0].T)
            total += np.square(found[..., -1] - losses[out, -1].T).sum()
        return float(total)

    return min(PENALTIES, key=error) if len(batches) > 1 else PENALTIES[-1]


def _fit(
    batches: Batches, losses: Array, eval_steps: NDArray[np.integer], count: int, penalty: float
) -> Array:
    targets = losses.shape[2]
    prior = np.zeros((2, targets, count))
    prior[1] = (losses[:, -1] - losses[:, 0]).mean(0)[:, None] / count
    effects = prior.copy()
    for _ in range(ROUNDS):
        residual, slopes = _linearized(effects, batches, losses, eval_steps)
        moved = np.concatenate(list(effects - prior), axis=1)  # (Z, 2N)
        wanted = residual + np.einsum("zrp,zp->zr", slopes, moved)
        gram = slopes @ slopes.transpose(0, 2, 1) + penalty * np.eye(slopes.shape[1])
        step = np.linalg.solve(gram, wanted[..., None])[..., 0]
        found = np.einsum("zrp,zr->zp", slopes, step)
        effects = prior + np.stack([found[:, :count], found[:, count:]])
    return effects


def _linearized(
    effects: Array, batches: Batches, losses: Array, eval_steps: NDArray[np.integer]
) -> tuple[Array, Array]:
    """(Z, R) what the recursion misses at the end of R stretches, and (Z, R, 2N) its slopes."""
    targets, count = effects.shape[1:]
    residuals, slopes = [], []
    for first, last, runs in _stretches(losses):
        ids = batches[runs, eval_steps[first] : eval_steps[last]]
        at, kept = simulate(effects, ids, losses[runs, first].T)
        residuals.append(losses[runs, last].T - at[..., -1])
        # What is added at a step is multiplied by all later ones.
        later = np.cumprod(kept[..., ::-1], axis=-1)[..., ::-1]
        later = np.concatenate([later[..., 1:], np.ones_like(later[..., :1])], axis=-1)
        slope, row = np.zeros((targets, len(runs), 2 * count)), np.arange(len(runs))[:, None, None]
        slope[:, row, ids] = (at[..., :-1] * later)[..., None]
        slope[:, row, ids + count] = later[..., None]
        slopes.append(slope)
    return np.concatenate(residuals, axis=1), np.concatenate(slopes, axis=1)


def _stretches(losses: Array) -> list[tuple[int, int, NDArray[np.intp]]]:
    """First and last evaluation of a stretch and the runs that have both.

    A run evaluated only at its end is one stretch.
    """
    whole, last = np.isfinite(losses).all((1, 2)), losses.shape[1] - 1
    found = [(row, row + 1, np.flatnonzero(whole)) for row in range(last)]
    found.append((0, last, np.flatnonzero(~whole)))
    return [stretch for stretch in found if len(stretch[2])]
