"""How far estimates can be trusted: each with its definition.

O orders, E evaluation steps, N samples, D held-out domains. `estimated` and
`retrained` hold losses in nats per token; `reference` is the run really
trained, the answer "the order changes nothing". A measure that cannot be
computed is nan, never 0.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Array = NDArray[Any]


def r2(estimated: Array, retrained: Array, reference: Array) -> float:
    """1 − Σ(estimated − retrained)² / Σ(reference − retrained)² over final losses (O, N).

    1 is exact, 0 is as good as assuming no change, below 0 is worse than that.
    """
    error = _squares(estimated, retrained)
    return 1 - _ratio(error, _squares(np.broadcast_to(reference, retrained.shape), retrained))


def rel_mae(estimated: Array, retrained: Array, reference: Array) -> float:
    """Mean absolute error of final losses (O, N), as a share of the reference's own error."""
    error = np.abs(_wide(estimated) - retrained).sum()
    return _ratio(error, np.abs(_wide(reference) - retrained).sum())


def mae(estimated: Array, retrained: Array) -> float:
    """Mean absolute error in nats; nan where an estimate is."""
    return _mean(np.abs(_wide(estimated) - retrained))


def abs_diff_perplexity(estimated: Array, retrained: Array) -> float:
    """Mean |exp(estimated) − exp(retrained)| over losses; the paper's AbsDiff."""
    return _mean(np.abs(np.exp(_wide(estimated)) - np.exp(_wide(retrained))))


def all_steps_mse(estimated_at: Array, retrained_at: Array) -> float:
    """Mean squared error over samples and evaluation steps, (O, E, N); after Simfluence.

    The first evaluation is left out: before training, no order has had an effect.
    """
    return _mean((_wide(estimated_at[:, 1:]) - retrained_at[:, 1:]) ** 2)


def rho_sample(estimated: Array, retrained: Array) -> float:
    """Spearman across orders, for each sample of (O, N), averaged over samples.

    "In which of these orders is this sample remembered best?" A sample for
    which either side is the same in all orders has no rank correlation and is
    left out; nan where that leaves none.
    """
    return _mean_defined(spearman(estimated, retrained, axis=0))


def rho_within(estimated: Array, retrained: Array) -> float:
    """Spearman across the samples of an order of (O, N), averaged over orders.

    "Which samples does this order leave with a high loss?" An order without a
    rank correlation is left out.
    """
    return _mean_defined(spearman(estimated, retrained, axis=1))


def rho_heldout(estimated: Array, retrained: Array) -> float:
    """Spearman across orders of the mean held-out loss, from (O, D) losses by domain.

    Domains weigh the same, as they have the same number of probes.
    """
    return float(spearman(_wide(estimated).mean(axis=1), _wide(retrained).mean(axis=1)))


def coverage90(interval: Array | None, retrained: Array) -> float:
    """Share of retrained losses (O, N) inside 90 % intervals (O, 2, N); nan without any."""
    if interval is None:
        return float("nan")
    inside = (interval[:, 0] <= retrained) & (retrained <= interval[:, 1])
    return _mean(inside.astype(float))


def spearman(a: Array, b: Array, axis: int = 0) -> Array:
    """Rank correlation along `axis`, ties sharing their mean rank.

    nan where it is undefined: fewer than two values, a value that is not
    finite, or one side constant.
    """
    a, b = _wide(a), _wide(b)
    defined = (np.isfinite(a) & np.isfinite(b)).all(axis=axis)
    if a.shape[axis] < 2:
        return np.full(defined.shape, np.nan)
    x, y = _centred_ranks(a, axis), _centred_ranks(b, axis)
    spread = np.sqrt((x**2).sum(axis=axis) * (y**2).sum(axis=axis))
    correlation = np.full(defined.shape, np.nan)
    np.divide((x * y).sum(axis=axis), spread, out=correlation, where=defined & (spread > 0))
    return correlation


def bootstrap_ci(
    measure: Callable[[Array], float], orders: int, seed: int, draws: int = 500
) -> tuple[float, float]:
    """A 95 % interval of `measure(indices)` over orders drawn again with replacement.

    Draws on which the measure is undefined are left out; nan, nan where fewer
    than half remain or there are not two orders.
    """
    random = np.random.default_rng(seed)
    if orders < 2:
        return float("nan"), float("nan")
    values = np.array([measure(random.integers(orders, size=orders)) for _ in range(draws)])
    values = values[np.isfinite(values)]
    if len(values) * 2 < draws:
        return float("nan"), float("nan")
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _centred_ranks(values: Array, axis: int) -> Array:
    ranks = rankdata(np.nan_to_num(values), axis=axis)
    return ranks - ranks.mean(axis=axis, keepdims=True)


def _wide(values: Array) -> Array:
    # Sums over many float32 losses lose the digits that a small R² error needs.
    return np.asarray(values, dtype=np.float64)


def _squares(a: Array, b: Array) -> float:
    return float(((_wide(a) - b) ** 2).sum())


def _ratio(part: Any, whole: Any) -> float:
    return float(part / whole) if whole > 0 else float("nan")


def _mean(values: Array) -> float:
    return float(values.mean()) if values.size else float("nan")


def _mean_defined(values: Array) -> float:
    return _mean(values[np.isfinite(values)])
