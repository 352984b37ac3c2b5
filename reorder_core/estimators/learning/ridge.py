"""Ridge regression on smooth curves over steps."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve

PENALTIES = tuple(10.0**power for power in range(-2, 6))


def cosines(steps: int, count: int) -> NDArray[np.float64]:
    """(T, count) cosines without the constant: each averages to 0 over steps."""
    count = min(count, steps - 1)
    angle = np.pi * (np.arange(steps)[:, None] + 0.5) / steps * np.arange(1, count + 1)
    return np.sqrt(2) * np.cos(angle)


def ridge(design: NDArray, target: NDArray, penalty: float) -> NDArray:
    """(P, D) weights; the smaller of the two systems is solved."""
    return next(_ridges(design, target, (penalty,)))


def _ridges(
    design: NDArray, target: NDArray, penalties: Iterable[float]
) -> Iterator[NDArray[np.float64]]:
    """The weights for each penalty in turn; the Gram matrix is made once."""
    tall = design.shape[1] <= len(design)
    gram = design.T @ design if tall else design @ design.T
    right = design.T @ target if tall else target
    for penalty in penalties:
        found = solve(gram + penalty * np.eye(len(gram)), right, assume_a="pos")
        yield found if tall else design.T @ found


def best_penalty(design: NDArray, target: NDArray) -> float:
    """Of PENALTIES, the one that foretells the last quarter of the rows from the others."""
    fitted = len(design) * 3 // 4
    weights = _ridges(design[:fitted], target[:fitted], PENALTIES)
    left = [np.square(design[fitted:] @ w - target[fitted:]).sum() for w in weights]
    return PENALTIES[int(np.argmin(left))]
