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
from reorder_core.estimators.replay.gradients import BY_DOMAIN, domains_of
from reorder_core.estimators.replay.packing import pack
from reorder_core.execution.task import Workplace, task, unit
from reorder_core.store import costs
from reorder_core.training.model import Batch, FlatModel

TRIES = 12
"""Mixtures of the domains' Hessians of which the best eigenvectors are taken."""
HESSIAN_SCALE = 1.4
"""H over F. Along gradients it is 1.5 to 2; less is best under the noise (docs/fidelity.md)."""


def draws(rank: int, samples: int) -> tuple[int, int]:
    """D sequences, and C targets drawn for each of them, for at most `rank` rows at an anchor.

    A sequence is passed forward once for all of its draws, so the fewest are taken.
    """
    each = -(-rank // samples) if rank else 0
    return (rank // each if each else 0), each


def drawn_samples(count: int, rank: int, seed: list[int]) -> np.ndarray:
    """(D,) the samples that an anchor's rows are drawn from, of `count`."""
    return np.random.default_rng(seed).permutation(count)[: draws(rank, count)[0]]


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


def pooled_rows(drawn: Sequence[np.ndarray]) -> np.ndarray:
    """(R, s) Φ of the mean Hessian at all steps, from the rows drawn at each anchor.

    Curvature changes less along a training than an anchor's own draws scatter,
    so all are averaged, and scaled to the Hessian.
    """
    return np.concatenate(drawn) * np.float32(np.sqrt(HESSIAN_SCALE / len(drawn)))


def leading_vectors(rows: np.ndarray, kept: int, weight: np.ndarray) -> tuple[np.ndarray, ...]:
    """(R, R′) U, and the squared sizes (R′,) of UᵀΦ, the least first.

    Its rows are the leading directions of Φ in the inner product of the coordinates' `weight`
    (s,), so that a query reads fewer numbers.
    """
    if not kept:
        return np.empty((len(rows), 0), np.float32), np.empty(0)
    gram = ((rows * weight) @ rows.T).astype(np.float64)
    sizes, vectors = eigh(gram, subset_by_index=(len(rows) - kept, len(rows) - 1))
    return vectors.astype(np.float32), sizes


def turned(
    vectors: np.ndarray, sizes: np.ndarray, of: np.ndarray, domains: int
) -> tuple[np.ndarray, np.ndarray]:
    """U (R, K) turned so that each domain's Hessian is nearly diagonal, and (D, K) those diagonals.

    of (R,): the domain that each row was drawn from. With S_d = U_dᵀU_d, of a domain's rows, its
    Hessian is Φᵀ S_d Φ, and Σ_d S_d = 1. All S_d are diagonal in the eigenvectors of Σ_d c_d S_d
    if they commute, for almost any c; here they nearly do, and the best of a few c is taken
    (Randomized Joint Diagonalization, He and Kressner 2022). Still the least first.
    """
    random, best, taken = np.random.default_rng(0), -1.0, vectors
    for _ in range(TRIES):
        mixed = (random.permutation(domains) + random.uniform(-0.3, 0.3, domains))[of]
        turn = eigh((vectors * mixed[:, None]).T @ vectors)[1]
        turn = turn[:, np.argsort(sizes @ turn**2)]
        found = vectors @ turn.astype(np.float32)
        on_diagonal = float((_by_domain(found, of, domains) ** 2).sum())
        if on_diagonal > best:
            best, taken = on_diagonal, found
    return taken, _by_domain(taken, of, domains)


def _by_domain(vectors: np.ndarray, of: np.ndarray, domains: int) -> np.ndarray:
    """(D, K) the diagonals of U_dᵀU_d."""
    squares = vectors.astype(np.float64) ** 2
    return np.stack([squares[of == domain].sum(0) for domain in range(domains)])


def take_curvature(context: BuildContext) -> float:
    """curvature.safetensors: a factor of the mean Hessian, from draws at each anchor, and what
    each domain's Hessian makes of its rows.
    """
    projection, run = context.config.projection, context.run()
    tasks = [task(drawn_at, anchor=anchor) for anchor in range(projection.anchors)]
    drawn = list[np.ndarray]()
    context.each("curvature", tasks, lambda _, arrays: drawn.append(arrays["rows"]))
    rows, kept = pooled_rows(drawn), kept_rank(projection, run.count)
    vectors, sizes = leading_vectors(rows, kept, np.array(context.load("projected")["weight"]))
    arrays = {}
    if kept and len(run.domains) > 1:
        vectors, arrays[BY_DOMAIN] = _of_domains(context, vectors, sizes)
    context.save("curvature", pack("factor", vectors.T @ rows, projection.bits) | arrays)
    drawn_from, trained = draws(projection.rank, run.count), run.visits.trained
    return costs.curvature_rre(len(drawn), *drawn_from, trained)


def _of_domains(
    context: BuildContext, vectors: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """U turned within the rows that `projected` reads and within the others, and (D, R′) what a
    domain's Hessian weighs a row, 1 being as much as the mean Hessian does.
    """
    projection, run = context.config.projection, context.run()
    _, each = draws(projection.rank, run.count)
    at = [_seed(context, anchor) for anchor in range(projection.anchors)]
    ids = np.concatenate([drawn_samples(run.count, projection.rank, seed) for seed in at])
    of, count = domains_of(run)[np.repeat(ids, each)], len(run.domains)
    edge = max(0, vectors.shape[1] - projection.leading)
    parts = [turned(vectors[:, part], sizes[part], of, count)
             for part in (slice(0, edge), slice(edge, None)) if vectors[:, part].size]  # fmt: skip
    own = np.bincount(of, minlength=count)[:, None] / len(of)
    found = np.concatenate([diagonal for _, diagonal in parts], axis=1)
    weighs = np.divide(found, own, out=np.ones_like(found), where=own > 0)
    return np.concatenate([u for u, _ in parts], axis=1), weighs.astype(np.float32)


def _seed(context: BuildContext, anchor: int) -> list[int]:
    return [context.config.seed, 2, anchor]


@unit
def drawn_at(workplace: Workplace, anchor: int) -> dict[str, np.ndarray]:
    """rows (R, s) drawn at one anchor."""
    context = BuildContext.at(workplace)
    trainable = workplace.once("trainable", lambda: trainable_of(context))
    theta = torch.tensor(context.load(CHECKPOINTS)["theta"][anchor])
    index = torch.tensor(np.array(context.load("projected")["coordinates"]))
    rank, seed = context.config.projection.rank, _seed(context, anchor)
    rows = sampled_fisher(trainable.model, theta, trainable.samples, rank, index, seed)
    return {"rows": rows}
