"""`taylor`: the first-order expansion of training, with exact Hessian-vector products.

    g(γ_t, B) ≈ ∇ℓ_B(θ_t) + ∇²ℓ_B(θ_t) (γ_t − θ_t)

in all parameters, through exact Adam with the new order's own moments, along
the reference trajectory, which is followed again beside it. What is kept is
δ_t = γ_t − θ_t: with the reference order the two updates are the same number,
and δ stays 0 exactly. Losses are real forward passes at θ_t + δ_t.

The paper (arXiv 2505.22042) expands Adam's update Γ; here the gradient inside
Γ is expanded and the elementwise root taken of it, so nothing but the
curvature of the loss is approximated. An oracle: a query costs several
trainings, and it imports torch.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

from reorder_core.estimators.learning.retrainings import TrainingRuns
from reorder_core.estimators.protocol import Ability
from reorder_core.orders.order import Order
from reorder_core.records.estimates import Estimate
from reorder_core.store.run import Run

OnStep = Callable[[int, Any, Any], None]
Linearized = Callable[[Any, Any, Any], tuple[Any, Any]]
"""(θ, δ, batch) → the batch's gradient at θ, and its Hessian there times δ."""


class Optimizer(Protocol):
    """What the recursion needs of an optimizer; `Adam` is one."""

    @property
    def update(self) -> Any: ...
    @property
    def decay(self) -> Any: ...
    def after(self, gradient: Any) -> Self: ...


def expand(
    theta: Any,
    optimizer: Optimizer,
    rates: Sequence[float],
    reference: Sequence[Any],
    batches: Sequence[Any],
    linearized: Linearized,
    on_step: OnStep,
) -> None:
    """Follows the reference from `theta` and, beside it, the estimate of training `batches`.

    `on_step(t, θ_t, δ_t)` is called before each update and once after the
    last. Exact where gradients are linear in the parameters.
    """
    delta = theta * 0
    followed = estimated = optimizer
    for step, (rate, known, batch) in enumerate(zip(rates, reference, batches, strict=True)):
        on_step(step, theta, delta)
        gradient, _ = linearized(theta, None, known)
        followed = followed.after(gradient)
        gradient, bend = linearized(theta, delta, batch)
        estimated = estimated.after(gradient + bend)
        kept = 1 - rate * optimizer.decay
        delta = kept * delta - rate * (estimated.update - followed.update)
        theta = kept * theta - rate * followed.update
    on_step(len(rates), theta, delta)


class TaylorEstimator:
    """Losses from the expansion in full parameters; slow, exact where it can be."""

    name = "taylor"
    about = "exact products at query time; slow"
    can: frozenset[Ability] = frozenset({"materialize"})
    precompute_rre = 0.0
    bytes = 0
    fitted_on: frozenset[str] = frozenset()

    def __init__(self, run: Run, runs: TrainingRuns, precision: str = "float32") -> None:
        self._run, self._precision = run, precision

    @property
    def query_rre(self) -> float:
        """A gradient for the reference, one for the order, and a product with its Hessian,
        which costs about two; then the evaluations."""
        return 4.0 + self._run.evaluation_rre * len(self._run.eval_steps)

    def estimate(self, order: Order) -> Estimate:
        """Losses by forward passes at the estimated parameters."""
        full = self._full()
        return full.estimate(self.name, order, lambda on_step: self._follow(full, order, on_step))

    def materialize(self, order: Order, folder: Path) -> Path:
        """The folder, with the estimated final model as a Transformers checkpoint."""
        full = self._full()
        return full.save(folder, lambda on_step: self._follow(full, order, on_step))

    def _full(self) -> Any:
        from reorder_core.estimators.full_parameters import (
            FullParameters,  # imports torch when used
        )

        return FullParameters.open(self._run, self._precision)

    def _follow(self, full: Any, order: Order, on_step: OnStep) -> None:
        expand(
            full.theta, full.adam, full.rates, full.batches(self._run.reference_order),
            full.batches(order), full.linearized, on_step,
        )  # fmt: skip
