"""Canaries' exposure: measured on the reference and on retrainings, estimated for any order.

How far a secret stands below its alternatives, in standard deviations of theirs (z), is small
beside what an order does to the whole wording, canary and alternatives alike. So the replay alone
tells it poorly, and what it says is corrected by recalled retrainings: for each canary a ridge
regression of the measured z on what the replay says of it, of the canary's loss, on its mean step
and on how often it is trained. The law of the alternatives keeps the reference run's shape.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student

from reorder_core.estimators.projected import ProjectedEstimator
from reorder_core.orders.order import Order
from reorder_core.recall.exposure import exposure, exposure_by_rank, moved
from reorder_core.recall.record import Recall
from reorder_core.recall.secrets import canary_texts
from reorder_core.store.run import Run

Array = NDArray[Any]
FEWEST = 8
"""Recalled retrainings from which estimates are corrected and have an interval."""
RIDGE = 10.0
"""Weight of the penalty, on features of unit variance."""


def members(run: Run, recall: Recall) -> list[tuple[int, ...]]:
    """The samples that have each canary's text, in the recall's order."""
    of = {ids[0]: ids for ids in canary_texts(run)}
    return [of[int(sample)] for sample in recall.canary]


def dose(run: Run, recall: Recall, orders: Sequence[Order]) -> tuple[Array, Array]:
    """(M, C) how often orders train each canary's text, and at which step on average; nan: never.

    Steps count from 0.
    """
    steps = run.visits.steps_of(np.stack(orders))  # (M, V)
    times, mean = [], []
    for ids in members(run, recall):
        visits = np.flatnonzero(np.isin(run.visits.sample_of, ids))
        at = steps[:, visits].astype(np.float64)
        at[at >= run.steps] = np.nan
        known = np.isfinite(at)
        times.append(known.sum(1))
        mean.append(np.where(known.any(1), np.nansum(at, 1) / np.maximum(1, known.sum(1)), np.nan))
    return np.array(times).T.reshape(len(orders), -1), np.array(mean).T.reshape(len(orders), -1)


def measured(run: Run, recall: Recall, order: Order, known: str) -> pd.DataFrame:
    """One line a canary: sample, times, step, loss, exposure, by_rank (bits, among the drawn
    alternatives only), space (bits), p (of the law's test), extractable, known; losses in nats.
    """
    times, step = dose(run, recall, [order])
    loss = recall.loss[recall.canary]
    cells = zip(loss, recall.fit, recall.space, recall.alternatives, strict=True)
    found = [(float(exposure(own, fit, space)), exposure_by_rank(own, others))
             for own, fit, space, others in cells]  # fmt: skip
    return pd.DataFrame({
        "sample": recall.canary, "times": times[0], "step": step[0], "loss": loss,
        "exposure": [one for one, _ in found], "by_rank": [other for _, other in found],
        "space": recall.space, "p": recall.fit[:, 3], "extractable": extractable(recall),
        "known": known,
    })  # fmt: skip


def extractable(recall: Recall) -> Array:
    """(C,) whether the model, given what stands before the secret, goes on with it by itself."""
    ranges = zip(recall.canary, recall.secret, strict=True)
    return np.array([bool(recall.hit[i, a - 1 : b - 1].all()) for i, (a, b) in ranges], bool)


def z_scores(recall: Recall) -> Array:
    """(C,) where each canary's loss stands among its alternatives'; below 0: remembered."""
    others = recall.alternatives.astype(np.float64)
    return (recall.loss[recall.canary] - others.mean(1)) / others.std(1)


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """Estimated exposure for any order; C canaries, M recalled retrainings."""

    run: Run
    reference: Recall
    projected: ProjectedEstimator
    features: Array
    """(M, C, F) of the recalled retrainings"""
    truth: Array
    """(M, C) their z"""

    @property
    def corrected(self) -> bool:
        """Whether retrainings correct it; else there is no interval."""
        return len(self.truth) >= FEWEST

    def of(self, orders: Sequence[Order], without: Sequence[int] = ()) -> tuple[Array, Array]:
        """(B, C) z, and half the width of its 90 % interval; nan where there is none.

        `without`: numbers of recalled retrainings that are not to be known.
        """
        seen = features(self.run, self.reference, self.projected, orders)
        kept = np.setdiff1d(np.arange(len(self.truth)), without)
        if len(kept) < FEWEST - 1:
            return seen[..., 0], np.full(seen.shape[:2], np.nan)
        value, half = np.empty(seen.shape[:2]), np.empty(seen.shape[:2])
        for c in range(seen.shape[1]):
            known, true = self.features[kept, c], self.truth[kept, c]
            value[:, c] = ridge(known, true, seen[:, c])
            rows = np.arange(len(kept))
            missed = [true[i] - ridge(known[rows != i], true[rows != i], known[i : i + 1])[0]
                      for i in rows]  # fmt: skip
            half[:, c] = np.std(missed, ddof=1) * student.ppf(0.95, len(kept) - 1)
        return value, half

    def frame(self, order: Order, without: Sequence[int] = ()) -> pd.DataFrame:
        """One line a canary: sample, times, step, exposure, lo, hi (90 %), space."""
        (value,), (half,) = self.of([order], without)
        times, step = dose(self.run, self.reference, [order])
        bits = [bits_of(self.reference, shift) for shift in (value, value + half, value - half)]
        return pd.DataFrame({
            "sample": self.reference.canary, "times": times[0], "step": step[0],
            "exposure": bits[0], "lo": bits[1], "hi": bits[2], "space": self.reference.space,
        })  # fmt: skip


def bits_of(reference: Recall, z: Array) -> Array:
    """(…, C) exposure of z-scores (…, C), by the law of the reference run's alternatives."""
    columns = [
        exposure(moved(z[..., c], 0.0, 1.0, reference.alternatives[c]), reference.fit[c],
                 float(reference.space[c]))
        for c in range(z.shape[-1])
    ]  # fmt: skip
    return np.stack(columns, -1) if columns else np.zeros(z.shape)


def make_forecast(
    run: Run, projected: ProjectedEstimator, reference: Recall, recalled: Sequence[Recall],
    orders: Sequence[Order],
) -> Forecast:  # fmt: skip
    """The forecast that knows these recalled retrainings, of these orders."""
    count = len(reference.canary)
    if not len(orders):
        return Forecast(run, reference, projected, np.zeros((0, count, 4)), np.zeros((0, count)))
    return Forecast(
        run, reference, projected, features(run, reference, projected, orders),
        np.stack([z_scores(recall) for recall in recalled]),
    )  # fmt: skip


def features(
    run: Run, reference: Recall, projected: ProjectedEstimator, orders: Sequence[Order]
) -> Array:
    """(B, C, 4) the replay's z, its loss, the mean step (the end for none), times trained.

    The alternatives' mean is read like a probe's loss, ℓ + g·δ + ½ δᵀHδ, and the logarithm of
    their spread by its gradient.
    """
    ends = projected.known_ends(np.stack(orders))
    weighted = ends.deltas * projected.replayer.weight  # (B, s)
    bend = projected.replayer.half_curvature(ends.deltas).samples
    bend = bend[:, reference.canary] if bend.shape[1] > 1 else bend
    others = reference.alternatives.astype(np.float64)
    mean = others.mean(1) + weighted @ reference.extra["mean_slope"].T + bend
    spread = others.std(1) * np.exp(
        np.clip(weighted @ reference.extra["spread_slope"].T, -1.0, 1.0)
    )
    loss = ends.losses.final.samples if ends.losses.samples.ndim == 3 else ends.losses.samples
    own = loss[:, reference.canary].astype(np.float64)
    times, step = dose(run, reference, orders)
    step = np.where(np.isnan(step), run.steps, step)
    return np.stack([(own - mean) / spread, own, step, times], -1)


def ridge(known: Array, true: Array, seen: Array) -> Array:
    """(B,) predictions for features (B, F) from (M, F) with values (M,)."""
    middle, size = known.mean(0), known.std(0)
    size = np.where(size > 0, size, 1.0)
    scaled = (known - middle) / size
    inner = scaled.T @ scaled + RIDGE * np.eye(scaled.shape[1])
    weights = np.linalg.solve(inner, scaled.T @ (true - true.mean()))
    return true.mean() + ((seen - middle) / size) @ weights
