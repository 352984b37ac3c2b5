"""A stand-in for the mean Hessian: a Fisher matrix from sampled targets.

Targets drawn from the model's own predictions give gradients whose outer
products average to the Gauss-Newton part of the mean Hessian, so R of them
are a factor Φ with H ≈ ΦᵀΦ, positive semidefinite and stable in a replay.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from reorder_core.model import Batch, FlatModel

HESSIAN_SCALE = 1.3
"""H over F. Along gradients it is 1.5 to 2; less is best under the noise (docs/fidelity.md)."""
KEPT = 1.5
"""Rows kept at an anchor, in units of those drawn there."""


def sampled_fisher(
    model: FlatModel, theta: Tensor, samples: Batch, rank: int, index: Tensor, seed: list[int]
) -> np.ndarray:
    """(R, s) float32 factor Φ of the mean Hessian on the coordinates `index`.

    A sequence's loss is a mean over its m targets, so the outer product of a
    sampled gradient is on average 1/m of the sequence's Fisher matrix: row r
    is √(m_r / R) times that gradient.
    """
    random = np.random.default_rng(seed)
    rows = np.empty((rank, len(index)), np.float32)
    # Each sequence as often as any other, in random order.
    chosen = np.concatenate(
        [random.permutation(len(samples)) for _ in range(-(-rank // len(samples)))]
    )[:rank] if rank else np.empty(0, np.int64)  # fmt: skip
    generator = torch.Generator().manual_seed(int(random.integers(2**31)))
    for start in range(0, rank, 32):
        part = samples.take(chosen[start : start + 32].tolist())
        targets = model.sample_targets(theta, part, generator)
        gradients = model.sample_gradients(theta, part, lambda g: g[:, index], targets)
        scale = ((part.lengths - 1).float() / rank).sqrt()
        rows[start : start + len(part)] = (gradients * scale[:, None]).numpy()
    return rows


def kept_rank(rank: int) -> int:
    """R′, rows of the pooled factor at an anchor, for R drawn there."""
    return int(KEPT * rank)


def pooled_factors(drawn: Sequence[np.ndarray], weight: np.ndarray) -> np.ndarray:
    """(K, R', s) factors of the mean Hessian from each anchor's own sampled rows (R, s).

    Rows of an anchor and of those beside it, averaged and scaled to the
    Hessian; then the R' leading directions of that factor in the inner product
    of the coordinates' `weight` (s,), so that a query reads fewer numbers.
    """
    pooled = []
    for anchor in range(len(drawn)):
        near = drawn[max(0, anchor - 1) : anchor + 2]
        pooled.append(np.concatenate(near) * np.float32(np.sqrt(HESSIAN_SCALE / len(near))))
    kept = min(kept_rank(len(drawn[0])), *(len(rows) for rows in pooled))
    return np.stack([leading(rows, kept, weight) for rows in pooled])


def leading(rows: np.ndarray, count: int, weight: np.ndarray) -> np.ndarray:
    """(count, s) the leading directions of a factor (R, s), in the inner product of `weight`."""
    gram = ((rows * weight) @ rows.T).astype(np.float64)
    vectors = np.linalg.eigh(gram)[1][:, len(rows) - count :]  # ascending eigenvalues
    return vectors.astype(np.float32).T @ rows
