"""How arrays on the sampled coordinates are stored: at 4, 8, 16 or 32 bits a number.

What few bits lose is small beside what the draw of coordinates loses, so the same bytes are
better spent on more coordinates at fewer bits (docs/notes/2026-11-29-four-bits.md).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans

LEVELS = 16
"""Values that a number can take at 4 bits."""
LOOKED_AT = 2**17
"""Numbers of an array from which its levels are found."""


def pack(name: str, rows: NDArray[np.float32], bits: int) -> dict[str, NDArray]:
    """Arrays that `unpack` turns back into `rows` (…, s), at 4, 8, 16 or 32 bits a number.

    Each coordinate is first divided by its root mean square, so that rare and
    common coordinates lose alike; 8 and 4 bits then also scale by row. The 16 levels
    of 4 bits are those of least squared error (Lloyd 1982), of which one is 0.
    """
    if bits == 32:
        return {name: rows}
    column = _scale(rows, tuple(range(rows.ndim - 1)))
    scaled = rows / column
    if bits == 16:
        return {name: np.clip(scaled, -6e4, 6e4).astype(np.float16), f"{name}.column": column}
    if bits == 8:
        row = np.abs(scaled).max(axis=-1, keepdims=True) / 127
        row[row == 0] = 1
        codes = np.rint(scaled / row).astype(np.int8)
        return {name: codes, f"{name}.column": column, f"{name}.row": row.astype(np.float32)}
    row = _scale(scaled, (-1,))[..., None]
    scaled = scaled / row
    levels = _levels(scaled)
    codes = np.searchsorted((levels[1:] + levels[:-1]) / 2, scaled).astype(np.uint8)
    return {
        name: _in_pairs(codes), f"{name}.column": column, f"{name}.row": row,
        f"{name}.levels": levels,
    }  # fmt: skip


def unpack(name: str, arrays: Mapping[str, NDArray]) -> NDArray[np.float32]:
    """The rows that `pack` was given, float32, up to their stored precision."""
    if f"{name}.levels" in arrays:
        rows = np.asarray(arrays[f"{name}.levels"], np.float32)[codes_of(name, arrays)]
    else:
        rows = np.asarray(arrays[name], dtype=np.float32)
    if f"{name}.row" in arrays:
        rows *= arrays[f"{name}.row"]
    if f"{name}.column" in arrays:
        rows *= arrays[f"{name}.column"]
    return rows


def codes_of(name: str, arrays: Mapping[str, NDArray]) -> NDArray[np.uint8]:
    """(…, s) places in `levels`, of an array that was packed at 4 bits."""
    pairs = np.asarray(arrays[name])
    codes = np.stack([pairs >> 4, pairs & 15], axis=-1).reshape(*pairs.shape[:-1], -1)
    return codes.astype(np.uint8, copy=False)[..., : len(arrays[f"{name}.column"])]


def _in_pairs(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if codes.shape[-1] % 2:
        codes = np.concatenate([codes, np.zeros_like(codes[..., :1])], axis=-1)
    return (codes[..., ::2] << 4 | codes[..., 1::2]).astype(np.uint8, copy=False)


def _scale(rows: NDArray[np.float32], axes: tuple[int, ...]) -> NDArray[np.float32]:
    """Root mean squares along axes; 1 where they are 0."""
    size = np.sqrt(np.mean(np.square(rows, dtype=np.float64), axis=axes)).astype(np.float32)
    size[size == 0] = 1
    return size


def _levels(scaled: NDArray[np.float32]) -> NDArray[np.float32]:
    """At most 16 levels, ascending, one of them 0: a coordinate that is not met stays unmet."""
    flat = scaled.ravel()
    at = np.random.default_rng(0).integers(0, flat.size, min(flat.size, LOOKED_AT))
    sample = flat[at].astype(np.float64)
    widest = np.quantile(np.abs(sample), 0.9995)
    if not widest:
        return np.zeros(1, np.float32)
    evenly = np.linspace(-1, 1, LEVELS)
    begin = np.sign(evenly) * np.square(evenly) * widest  # closer together near 0, where most are
    levels = np.sort(kmeans(sample[:, None], begin[:, None])[0][:, 0]).astype(np.float32)
    levels[np.abs(levels).argmin()] = 0
    return levels
