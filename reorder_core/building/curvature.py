"""A stand-in for the mean Hessian: a Fisher matrix from sampled targets.

Targets drawn from the model's own predictions give gradients whose outer
products average to the Gauss-Newton part of the mean Hessian, so R of them
are a factor Φ with H ≈ ΦᵀΦ, positive semidefinite and stable in a replay.
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.linalg import eigh
from torch import Tensor

from reorder_core.building.reference_run import CHECKPOINTS, trainable_of
from reorder_core.building.stages import BuildContext
from reorder_core.config import ProjectionConfig
from reorder_core.estimators.replay.packing import pack
from reorder_core.execution.task import Workplace, task, unit
from reorder_core.store import costs
from reorder_core.training.model import Batch, FlatModel

HESSIAN_SCALE = 1.4
"""H over F. Along gradients it is 1.5 to 2; less is best under the noise (docs/fidelity.md)."""


def draws(rank: int, samples: int) -> tuple[int, int]:
    """D sequences, and C targets drawn for each of them, for at most `rank` rows at an anchor.

    A sequence is passed forward once for all of its draws, so the fewest are taken.
    """
    each = -(-rank // samples) if rank else 0
    return (rank // each if each else 0), each


def sampled_fisher(
    model: FlatModel, theta: Tensor, samples: Batch, rank: int, index: Tensor, seed: list[int]
) -> np.ndarray:
    """(D · C, s) float32 factor Φ of the mean Hessian on the coordinates `index`.

    A sequence's loss is a mean over its m targets, so the outer product of a
    sampled gradient is on average 1/m of the sequence's Fisher matrix: row r
    is √(m_r / R) times that gradient.
    """
    sequences, each = draws(rank, len(samples))
    random = np.random.default_rng(seed)
    part = samples.take(random.permutation(len(samples))[:sequences].tolist())
    chances = torch.tensor(random.random((sequences, each, samples.tokens.shape[1] - 1)))
    if not each:
        return np.empty((0, len(index)), np.float32)
    rows = model.drawn_gradients(theta, part, chances.to(theta.dtype), lambda g: g[:, index])
    scale = (part.targets.to(rows.dtype) / len(rows)).sqrt()
    return (rows * scale.repeat_interleave(each)[:, None]).numpy()


def kept_rank(projection: ProjectionConfig, samples: int) -> int:
    """R′, rows of the factor that a build keeps."""
    sequences, each = draws(projection.rank, samples)
    wanted = projection.kept or projection.leading
    return min(wanted, projection.anchors * sequences * each)


def pooled_factor(drawn: Sequence[np.ndarray], kept: int, weight: np.ndarray) -> np.ndarray:
    """(R', s) factor of the mean Hessian at all steps, from the rows drawn at each anchor.

    Curvature changes less along a training than an anchor's own draws scatter,
    so all are averaged, and scaled to the Hessian; then the R' leading
    directions in the inner product of the coordinates' `weight` (s,), so that
    a query reads fewer numbers, the least of them first.
    """
    rows = np.concatenate(drawn) * np.float32(np.sqrt(HESSIAN_SCALE / len(drawn)))
    if not kept:
        return rows[:0]
    gram = ((rows * weight) @ rows.T).astype(np.float64)
    vectors = eigh(gram, subset_by_index=(len(rows) - kept, len(rows) - 1))[1]
    return vectors.astype(np.float32).T @ rows


def take_curvature(context: BuildContext) -> float:
    """curvature.safetensors: a factor of the mean Hessian, from draws at each anchor."""
    projection, count = context.config.projection, context.run().count
    tasks = [task(drawn_at, anchor=anchor) for anchor in range(projection.anchors)]
    drawn = list[np.ndarray]()
    context.each("curvature", tasks, lambda _, arrays: drawn.append(arrays["rows"]))
    kept = kept_rank(projection, count)
    factor = pooled_factor(drawn, kept, np.array(context.load("projected")["weight"]))
    context.save("curvature", pack("factor", factor, projection.bits))
    drawn_from, trained = draws(projection.rank, count), context.run().visits.trained
    return costs.curvature_rre(len(drawn), *drawn_from, trained)


@unit
def drawn_at(workplace: Workplace, anchor: int) -> dict[str, np.ndarray]:
    """rows (R, s) drawn at one anchor."""
    context = BuildContext.at(workplace)
    trainable = workplace.once("trainable", lambda: trainable_of(context))
    theta = torch.tensor(context.load(CHECKPOINTS)["theta"][anchor])
    index = torch.tensor(np.array(context.load("projected")["coordinates"]))
    seed, rank = [context.config.seed, 2, anchor], context.config.projection.rank
    rows = sampled_fisher(trainable.model, theta, trainable.samples, rank, index, seed)
    return {"rows": rows}
