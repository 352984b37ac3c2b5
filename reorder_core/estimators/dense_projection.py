"""Gradients of every sample along the reference trajectory, through a dense random projection.

The paper's storage (arXiv 2505.22042): a Johnson-Lindenstrauss matrix R of
random signs, R Rᵀ ≈ 1 on what is stored, each number of a projected gradient
mixing all parameters. What comes back is Rᵀ R g: unbiased, with noise of
about √(n / d) of the gradient's own size in every coordinate. R is made anew
from its seed, block by block. RUN/cache/ holds the store; deleting it loses
nothing but the time to compute it.
"""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reorder_core.errors import StoreError
from reorder_core.store.files import Arrays, read_arrays, read_metadata, write_arrays
from reorder_core.store.run import Run

log = logging.getLogger(__name__)
Array = NDArray[np.floating]
_DIGEST = "content"
BLOCK = 8192
"""Parameters whose part of R is in memory at once."""


@dataclass(frozen=True, slots=True, eq=False)
class GradientStore:
    """What `open_store` read."""

    gradients: Array
    """(T, N, d) projected gradients of the samples at θ_t."""
    theta: Array
    """(T + 1, n) the reference trajectory."""
    seed: int

    def restored(self, rows: Array) -> Iterator[tuple[slice, Array]]:
        """Stretches of the parameters, each with what Rᵀ makes there of rows (…, d)."""
        size, dimension = self.theta.shape[1], rows.shape[-1]
        for part, matrix in projection(size, dimension, self.seed):
            yield part, rows[..., part] if dimension == size else rows @ matrix

    def batch_rows(self, ours: NDArray[np.int32], theirs: NDArray[np.int32], back: int) -> Array:
        """(T, 1 + back, d) projected gradients, step by step: of the reference's batch at θ_t,
        then of the order's at θ_t, θ_{t−1} … ; those before the start repeat θ_0. Both (T, b)."""
        steps = len(self.gradients)
        rows = np.empty((steps, 1 + back, self.gradients.shape[2]), np.float32)
        for step in range(steps):
            rows[step, 0] = self._mean(step, theirs[step])
            for lag in range(back):
                rows[step, 1 + lag] = self._mean(max(0, step - lag), ours[step])
        return rows

    def _mean(self, step: int, ids: NDArray[np.int32]) -> Array:
        # A sum's last bits depend on its order; a batch has none.
        return self.gradients[step][np.sort(ids)].mean(0)


def projection(size: int, dimension: int, seed: int) -> Iterator[tuple[slice, Array]]:
    """Stretches of `size` parameters with R's columns (dimension, block): signs / √dimension.

    With dimension = size, R stands for the identity, and callers leave it out.
    """
    for number, start in enumerate(range(0, size, BLOCK)):
        part = slice(start, min(start + BLOCK, size))
        width = part.stop - part.start
        if dimension == size:
            yield part, np.empty((0, width), np.float32)
            continue
        random = np.random.default_rng([seed, number])
        packed = np.frombuffer(random.bytes(dimension * BLOCK // 8), np.uint8)
        signs = np.unpackbits(packed).reshape(dimension, BLOCK)[:, :width].astype(np.float32)
        yield part, (2 * signs - 1) / np.float32(np.sqrt(dimension))


def open_store(run: Run, dimension: int, seed: int) -> GradientStore:
    """The store in RUN/cache/, computed first where it is missing, damaged or of another run.

    Computing imports torch and costs a gradient of every sample at every step:
    T reference trainings.
    """
    path = run.path / "cache" / f"fut-{dimension}-{seed}.safetensors"
    origin = {"run": run.id, "digest": run.fingerprint, "dimension": str(dimension),
              "seed": str(seed)}  # fmt: skip
    arrays = _whole(path, origin)
    if arrays is None:
        arrays = _computed(run, dimension, seed)
        write_arrays(path, arrays, origin | {_DIGEST: _digest(arrays)})
    return GradientStore(arrays["gradients"], arrays["theta"], seed)


def _whole(path: Path, origin: dict[str, str]) -> Arrays | None:
    """The arrays in the file; None where it is not of this origin, or not as it was written."""
    if not path.is_file():
        return None
    try:
        metadata, arrays = read_metadata(path), read_arrays(path)
    except StoreError as error:
        log.warning("computed again: %s", error)
        return None
    expected = metadata.pop(_DIGEST, "")
    if metadata != origin:
        return None
    if (seen := _digest(arrays)) != expected:
        log.warning("computed again: %s has digest %.12s, expected %.12s", path, seen, expected)
        return None
    return arrays


def _digest(arrays: Arrays) -> str:
    """SHA-256 of names, shapes and numbers."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _computed(run: Run, dimension: int, seed: int) -> Arrays:
    import torch

    from reorder_core.estimators.full_parameters import FullParameters

    full = FullParameters.open(run)
    model, samples = full.trainable.model, full.trainable.samples
    thetas, _ = full.trajectory
    parts = [matrix for _, matrix in projection(model.size, dimension, seed)]
    down = torch.tensor(np.concatenate(parts, axis=1)).T  # (n, d)

    def keep(gradients: torch.Tensor) -> torch.Tensor:
        return gradients if dimension == model.size else gradients @ down

    rows = [model.sample_gradients(theta, samples, keep).numpy() for theta in thetas[:-1]]
    return {"gradients": np.stack(rows), "theta": torch.stack(thetas).numpy()}
