"""Gaussian processes over orders: what real retrainings say of one never trained.

A loss, as a function of the order, is modelled as a sum of

    b                      an unknown constant
    f₀(s_i) + f_i(s_i)     the sample's own step: a curve all samples share, and its own
    Σ_j h_j(s_j)           smooth effects of where every other sample is trained
    products of the last two with each other: what is not additive

Each term is a covariance between orders built from one smooth, centred
covariance between steps, so all of them are T × T look-ups. A target without
a step of its own (held-out text) has only the terms over all samples.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import stdtrit

Array = NDArray[np.floating]
Steps = NDArray[np.integer]
CONSTANT = 100.0
"""Prior variance of the constant, in units of the target's own: wide."""
PRIOR = 4.0
"""How many observations' worth of the pooled variance a target's own is shrunk with."""
WIDTH = 1.0
"""Standard deviation of the prior of a hyperparameter's logarithm."""
JITTER = 1e-6


@dataclass(frozen=True, slots=True)
class Shape:
    """Hyperparameters, relative to a target's variance; a term of weight 0 is absent."""

    length: float = 0.3
    """Steps over which effects are alike, as a share of the training."""
    own: float = 1.0
    """Variance of the effect of the sample's own step."""
    follows: float = 0.3
    """Of how much more or less than others the sample follows the shared curve."""
    others: float = 0.1
    """Of the additive effect of all samples' steps."""
    mixed: float = 0.1
    """Of what is not additive, between the own step and the others'."""
    pairs: float = 0.1
    """Of what is not additive among all samples."""
    noise: float = 0.01
    """Of what no term explains."""


def step_covariance(steps: int, length: float) -> Array:
    """(T, T) Matérn-5/2 between steps, each row centred, mean variance 1."""
    at = np.arange(steps) / max(1, steps - 1)
    scaled = np.sqrt(5) * np.abs(at[:, None] - at) / length
    smooth = (1 + scaled + scaled**2 / 3) * np.exp(-scaled)
    centred = smooth - smooth.mean(0) - smooth.mean(1)[:, None] + smooth.mean()
    return centred / np.trace(centred) * steps


def likeness(covariance: Array, a: Steps, b: Steps) -> Array:
    """(A, B) mean over samples of the covariance of their steps in orders a (A, N), b (B, N)."""
    return np.array([covariance[row, b].mean(1) for row in a])


def with_curve(covariance: Array, curve: Array, variance: float) -> Array:
    """The covariance between steps of samples that follow a curve (T,) to differing degrees."""
    size = max(float(np.square(curve).mean()), np.finfo(float).tiny)
    return covariance + variance * np.outer(curve, curve) / size


def own_covariance(covariance: Array, a: Steps, b: Steps) -> Array:
    """(N, A, B) covariance of each sample's step in orders a (A, N) and b (B, N)."""
    return covariance[a.T[:, :, None], b.T[:, None, :]]


def shared_curve(covariance: Array, step_of: Steps, values: Array) -> Array:
    """(T,) the effect of a sample's own step that all samples share, of mean 0.

    step_of (M, N), values (M, N), each sample's own level unknown. As smooth as
    `covariance` says, of the same prior variance as what it leaves.
    """
    one_hot = np.eye(len(covariance))[step_of]  # (M, N, T)
    design = (one_hot - one_hot.mean(0)).reshape(-1, len(covariance))
    centred = (values - values.mean(0)).ravel()
    gram = covariance @ (design.T @ design) + np.eye(len(covariance))
    return np.linalg.solve(gram, covariance @ (design.T @ centred))


def covariances(shape: Shape, own: Array | None, alike: Array) -> Array:
    """Covariance of targets between orders, without noise.

    own: (…, A, B) of the targets' own steps, None for targets without one;
    alike: (A, B), from `likeness`.
    """
    # alike² is near 1 for orders one move apart, near 0 for unrelated ones.
    shared = CONSTANT + shape.others * alike + shape.pairs * alike**2
    return shared if own is None else shared + own * (shape.own + shape.mixed * alike)


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Targets given their values on M orders; one row of K⁻¹ y and one scale a target."""

    inverse: Array
    """(…, M, M) K⁻¹, noise included; without leading axis where all targets share it."""
    weights: Array
    """(Z, M) K⁻¹ y."""
    scale: Array
    """(Z,) variance that multiplies the covariance."""
    freedom: float
    """Degrees of freedom of that variance's estimate."""
    log_likelihood: float
    """Log marginal likelihood of all targets, each with its own variance, up to a constant."""

    def predict(self, cross: Array, prior: Array) -> tuple[Array, Array]:
        """(Z,) mean and standard deviation, from cross (…, M) and prior (…,) covariances."""
        mean = (np.broadcast_to(cross, self.weights.shape) * self.weights).sum(-1)
        spread = np.matmul(self.inverse, cross[..., None])[..., 0]  # einsum takes ten times as long
        explained = (cross * spread).sum(-1)
        return mean, np.sqrt(np.maximum(prior - explained, 0) * self.scale)

    def reach(self, level: float) -> float:
        """Standard deviations to either side that hold that share of a prediction."""
        return float(stdtrit(self.freedom, 0.5 + level / 2))


def condition(covariance: Array, noise: float, values: Array) -> Posterior:
    """The posterior of targets `values` (Z, M) with prior covariance (Z, M, M) or (M, M)."""
    count = values.shape[1]
    full = covariance + (noise + JITTER) * np.eye(count)
    root = np.linalg.cholesky(full)
    inverse = np.linalg.inv(full)
    weights = np.einsum("...mk,...k->...m", inverse, values)
    quadratic = (weights * values).sum(-1)  # (Z,)
    pooled = max(float(quadratic.mean()) / count, np.finfo(float).tiny)
    scale = (quadratic + PRIOR * pooled) / (count + PRIOR)
    halves = np.log(np.diagonal(root, axis1=-2, axis2=-1)).sum(-1)
    halves = np.broadcast_to(halves, len(values))
    fit = -halves.sum() - 0.5 * (count + PRIOR) * np.log(scale).sum()
    # The prior of each scale is centred on the pooled one: its normalization counts too.
    fit += 0.5 * PRIOR * np.log(pooled) * len(values)
    return Posterior(inverse, weights, scale, count + PRIOR, float(fit))


def best_shape(
    likelihood: Callable[[Shape], float], names: tuple[str, ...], start: Shape, tries: int = 80
) -> Shape:
    """The most probable shape, searched over the logarithms of the named fields.

    Each field's logarithm has a normal prior around `start`, wide enough for
    the data to overrule, and there for when they are few.
    """
    fixed = {name: getattr(start, name) for name in Shape.__dataclass_fields__}
    middle = np.log([fixed[name] for name in names])

    def at(logs: Array) -> Shape:
        return Shape(**(fixed | dict(zip(names, map(float, np.exp(logs)), strict=True))))

    def cost(logs: Array) -> float:
        return 0.5 * float(np.square((logs - middle) / WIDTH).sum()) - likelihood(at(logs))

    simplex = np.vstack([middle, middle + np.diag(np.full(len(middle), 1.2))])
    options = {"maxfev": tries, "initial_simplex": simplex}
    return at(minimize(cost, middle, method="Nelder-Mead", options=options).x)
