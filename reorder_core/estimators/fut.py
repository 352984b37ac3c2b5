"""`fut` and `fut++`: the paper's estimators (arXiv 2505.22042), first and second order.

    γ_{t+1} = γ_t − η_t Γ(γ_t, B)
    Γ(γ_t, B) ≈ Γ(θ_t, B) + ∇Γ(θ_t, B) (γ_t − θ_t)  [+ ½ ∇²Γ(θ_t, B) (γ_t − θ_t)²]

Γ is Adam's update, its derivatives are elementwise: dΓ/dg is exact, and the
loss's second and third derivatives are finite differences along the reference
trajectory, h_t = (g(θ_t, B) − g(θ_{t−1}, B)) / (θ_t − θ_{t−1}), and of those again.

Departures, and why:

- The paper stores terms for all pairs of a step and a batch. Here samples move,
  not batches, and batches are too many; what is stored is the gradient of every
  *sample* along the trajectory, whose means give every batch (`projection`).
  Without a projection nothing is stored: a query computes the gradients of its
  own batches, which is what an exact store would hold.
- Γ has a memory. Its moments are the new order's own, from the same expansion
  of the gradient; `moments="reference"` takes the reference run's instead, as a
  store of pairs (θ_t, B) implies.
- Dividing by a coordinate's own move is unstable where it hardly moved. The
  quotient is damped: d / (d² + τ²), τ = `damping` · η_t.
- δ_t = γ_t − θ_t is followed, and the reference order's own Γ comes from the
  same terms, so that order gives exactly 0, however coarse the projection.
- The first step has no step before it, and δ is 0 there: no derivative. The
  second difference starts a step later.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from reorder_core.estimators.dense_projection import GradientStore, open_store
from reorder_core.estimators.learning.retrainings import TrainingRuns
from reorder_core.estimators.protocol import Ability
from reorder_core.estimators.replay.adam import Adam
from reorder_core.orders.order import Order
from reorder_core.records.estimates import Estimate
from reorder_core.store.run import Run

Moments = Literal["order", "reference"]

TINY = 1e-15
"""Below any √v̂ that a gradient left, and above 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What one step of the recursion needs, on any set of coordinates; each (n,)."""

    theta: tuple[Any, ...]
    """θ_t, θ_{t−1}, θ_{t−2}, as far back as there are."""
    reference: Any
    """Gradient of the reference run's batch at θ_t."""
    order: tuple[Any, ...]
    """Gradients of the order's batch at those θ."""


def recur(
    adam: Adam,
    rates: list[float],
    terms: Iterator[Terms],
    second_order: bool,
    moments: Moments,
    damping: float,
) -> Iterator[Any]:
    """δ_0, δ_1 … δ_T: the paper's recursion on the coordinates of `adam`'s moments."""
    delta = adam.first * 0
    followed = estimated = adam
    yield delta
    for rate, term in zip(rates, terms, strict=True):
        slope, bend = differences(term, damping * rate, second_order)
        memory = estimated if moments == "order" else followed
        update = expanded_update(memory, term.order[0], slope, bend, delta)
        followed = followed.after(term.reference)
        bent = 0.0 if bend is None else bend * delta * delta / 2
        estimated = estimated.after(term.order[0] + slope * delta + bent)
        kept = 1 - rate * adam.decay
        delta = kept * delta - rate * (update - followed.update)
        yield delta


def differences(term: Terms, tau: float, second_order: bool) -> tuple[Any, Any | None]:
    """∂²ℓ/∂θ² and ∂³ℓ/∂θ³ of the order's batch, elementwise; 0 where too few steps lie behind.

    The second is None at first order.
    """
    slopes = [
        _quotient(term.order[back] - term.order[back + 1],
                  term.theta[back] - term.theta[back + 1], tau)
        for back in range(len(term.order) - 1)
    ]  # fmt: skip
    none = term.order[0] * 0
    slope = slopes[0] if slopes else none
    if not second_order:
        return slope, None
    if len(slopes) < 2:
        return slope, none
    return slope, _quotient(slopes[0] - slopes[1], term.theta[0] - term.theta[1], tau)


def expanded_update(memory: Adam, gradient: Any, slope: Any, bend: Any, delta: Any) -> Any:
    """Γ + Γ′δ + ½ Γ″δ² of a memory that meets `gradient`, elementwise; Γ + Γ′δ without a bend.

    With r = √v̂ + ε:  dΓ/dg = a / r − m̂ r′ / r²; slope and bend are dg/dθ and
    d²g/dθ². Coordinates that no gradient has met have r′ = 0.
    """
    seen, options = memory.after(gradient), memory.options
    a = (1 - options.beta1) / (1 - options.beta1**seen.updates)
    b = (1 - options.beta2) / (1 - options.beta2**seen.updates)
    root, mean = seen.root + options.epsilon, seen.corrected_first
    bare = seen.root + TINY
    root1 = b * gradient / bare
    first = (a - mean * root1 / root) / root
    linear = seen.update + first * slope * delta
    if bend is None:
        return linear
    root2 = (b - root1 * root1) / bare
    second = (2 * mean * root1 * root1 / root - 2 * a * root1 - mean * root2) / root**2
    return linear + (second * slope * slope + first * bend) * delta * delta / 2


def _quotient(top: Any, below: Any, tau: float) -> Any:
    return top * below / (below * below + tau * tau)


class FutEstimator:
    """First order. `dimension` projects the gradients; None keeps all parameters."""

    name = "fut"
    about = "the source’s first-order estimate"
    can: frozenset[Ability] = frozenset({"materialize"})
    fitted_on: frozenset[str] = frozenset()
    second_order = False
    damping = 0.03
    """τ in units of a step's learning rate, which is about what Adam moves a coordinate by."""

    def __init__(
        self, run: Run, runs: TrainingRuns, dimension: int | None = None, seed: int = 0,
        moments: Moments = "order",
    ) -> None:  # fmt: skip
        self._run, self._dimension, self._seed = run, dimension, seed
        self._moments: Moments = moments
        # Following the reference, and with a store gradients of all samples at every step.
        self.precompute_rre = 1.0 + (run.steps if dimension else 0)
        # The trajectory, with its gradients or with the store.
        size = int(run.metadata("start")["parameters"])
        rows = run.steps * (run.count * dimension if dimension else size)
        self.bytes = 4 * (rows + (run.steps + 1) * size)

    @cached_property
    def _full(self) -> Any:
        from reorder_core.estimators.full_parameters import (
            FullParameters,  # imports torch when used
        )

        return FullParameters.open(self._run)

    @cached_property
    def _store(self) -> GradientStore:
        assert self._dimension is not None
        return open_store(self._run, self._dimension, self._seed)

    def estimate(self, order: Order) -> Estimate:
        """Losses by forward passes at the reconstructed parameters."""
        return self._full.estimate(self.name, order, lambda on_step: self._follow(order, on_step))

    def materialize(self, order: Order, folder: Path) -> Path:
        """The folder, with the reconstructed final model as a Transformers checkpoint."""
        return self._full.save(folder, lambda on_step: self._follow(order, on_step))

    def _follow(self, order: Order, on_step: Any) -> None:
        full, deltas = self._full, self.deltas(order)
        for step, delta in enumerate(deltas):
            on_step(step, full.trajectory[0][step], delta)

    def deltas(self, order: Order) -> Iterator[Any]:
        """δ_0 … δ_T (n,) of an order: torch tensors."""
        full = self._full
        if self._dimension is None:
            terms = self._exact_terms(order)
            return self._recur(full.adam, terms)
        return self._projected_deltas(order)

    def _recur(self, adam: Adam, terms: Iterator[Terms]) -> Iterator[Any]:
        rates = self._full.rates
        return recur(adam, rates, terms, self.second_order, self._moments, self.damping)

    def _exact_terms(self, order: Order) -> Iterator[Terms]:
        full, back = self._full, 3 if self.second_order else 2
        thetas, reference = full.trajectory
        for step, batch in enumerate(full.batches(order)):
            theta = tuple(thetas[max(0, step + 1 - back) : step + 1][::-1])
            gradients = tuple(full.gradient(at, batch) for at in theta)
            yield Terms(theta, reference[step], gradients)

    def _projected_deltas(self, order: Order) -> Iterator[Any]:
        import torch

        store, back = self._store, 3 if self.second_order else 2
        batches = self._run.visits.batches
        rows = store.batch_rows(
            batches(order), batches(self._run.reference_order), back
        )  # (T, 1 + back, d)
        memory = self._full.adam
        found = []
        for part, gradients in store.restored(rows):  # (T, 1 + back, block)
            decays = memory.decays if isinstance(memory.decays, float) else memory.decays[part]
            adam = Adam(memory.options, memory.first[part].numpy(), memory.second[part].numpy(),
                        memory.updates, np.asarray(decays) if np.ndim(decays) else 1.0)  # fmt: skip
            terms = _block_terms(store.theta[:, part], gradients)
            steps = self._recur(adam, terms)
            found.append(np.stack(list(steps)))
        return iter(torch.tensor(np.concatenate(found, axis=1), dtype=torch.float32))


class FutPlusEstimator(FutEstimator):
    """Second order."""

    name = "fut++"
    about = "the source’s second-order estimate"
    second_order = True
    damping = 0.3


def _block_terms(theta: Any, gradients: Any) -> Iterator[Terms]:
    for step, (reference, *order) in enumerate(gradients):
        known = min(len(order), step + 1)
        back = tuple(theta[step - lag] for lag in range(known))
        yield Terms(back, reference, tuple(order[:known]))
