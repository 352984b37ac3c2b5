"""A stand-in for the mean Hessian: a Fisher matrix from sampled targets.

Targets drawn from the model's own predictions give gradients whose outer
products average to the Gauss-Newton part of the mean Hessian, so R of them
are a factor Φ with H ≈ ΦᵀΦ, positive semidefinite and stable in a replay.
"""

import numpy as np
import torch
from torch import Tensor

from reorder_core.model import Batch, FlatModel


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
