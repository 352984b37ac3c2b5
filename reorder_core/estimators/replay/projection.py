"""Which coordinates an order is replayed on.

Adam is elementwise, so on a subset S of coordinates its update is exact, and
Σ_{j∈S} x_j y_j / π_j is an unbiased inner product when j is in S with
probability π_j. We draw S with π_j proportional to the root mean square of the
sample gradients there (Adam's step times a gradient is about that size), which
keeps the products' variance low; a dense Gaussian projection could not take
Adam's elementwise square root.
"""

import numpy as np
from numpy.typing import NDArray

UNIFORM_SHARE = 0.2
"""Part of the draw that ignores importance, so that no weight 1/π explodes."""


def choose_coordinates(
    importance: NDArray[np.floating], count: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Indices S, ascending, and weights 1/π of about `count` of n coordinates.

    importance: (n,) non-negative. Systematic sampling along the parameter
    vector, so that each tensor, and each part of it, is met in proportion.
    """
    size = len(importance)
    if count >= size:
        return np.arange(size), np.ones(size, np.float32)
    share = importance.astype(np.float64) / importance.sum()
    share = UNIFORM_SHARE / size + (1 - UNIFORM_SHARE) * share
    inclusion = np.minimum(1.0, count * share)
    for _ in range(50):  # what the certain ones give away goes to the others
        free = inclusion < 1
        missing = count - inclusion.sum()
        if missing < 1e-6 * count or not free.any():
            break
        inclusion[free] *= 1 + missing / inclusion[free].sum()
        inclusion = np.minimum(1.0, inclusion)
    offset = np.random.default_rng(seed).random()
    ticks = np.floor(np.cumsum(inclusion) + offset)
    index = np.flatnonzero(np.diff(ticks, prepend=np.floor(offset)) > 0)
    return index, (1 / inclusion[index]).astype(np.float32)
