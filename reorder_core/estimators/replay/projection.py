"""Which coordinates an order is replayed on, and how arrays on them are stored.

Adam is elementwise, so on a subset S of coordinates its update is exact, and
Σ_{j∈S} x_j y_j / π_j is an unbiased inner product when j is in S with
probability π_j. We draw S with π_j proportional to the root mean square of the
sample gradients there (Adam's step times a gradient is about that size), which
keeps the products' variance low; a dense Gaussian projection could not take
Adam's elementwise square root.
"""

from collections.abc import Mapping

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


def pack(name: str, rows: NDArray[np.float32], bits: int) -> dict[str, NDArray]:
    """Arrays that `unpack` turns back into `rows` (…, s), at 8, 16 or 32 bits a number.

    Each coordinate is first divided by its root mean square, so that rare and
    common coordinates lose alike; 8 bits then also scale by row.
    """
    if bits == 32:
        return {name: rows}
    axes = tuple(range(rows.ndim - 1))
    column = np.sqrt(np.mean(np.square(rows, dtype=np.float64), axis=axes)).astype(np.float32)
    column[column == 0] = 1
    scaled = rows / column
    if bits == 16:
        return {name: np.clip(scaled, -6e4, 6e4).astype(np.float16), f"{name}.column": column}
    row = np.abs(scaled).max(axis=-1, keepdims=True) / 127
    row[row == 0] = 1
    codes = np.rint(scaled / row).astype(np.int8)
    return {name: codes, f"{name}.column": column, f"{name}.row": row.astype(np.float32)}


def unpack(name: str, arrays: Mapping[str, NDArray]) -> NDArray[np.float32]:
    """The rows that `pack` was given, float32, up to their stored precision."""
    rows = np.asarray(arrays[name], dtype=np.float32)
    if f"{name}.row" in arrays:
        rows *= arrays[f"{name}.row"]
    if f"{name}.column" in arrays:
        rows *= arrays[f"{name}.column"]
    return rows
