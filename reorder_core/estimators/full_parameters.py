"""A run in all its parameters, for estimators that leave NumPy: gradients, products, read-out.

torch is imported when a run is opened, not with this module.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from reorder_core.estimators.replay.adam import Adam
from reorder_core.orders.order import Order, order_hash
from reorder_core.records.estimates import Estimate
from reorder_core.records.losses import Losses
from reorder_core.store.run import Run
from reorder_core.training.schedule import learning_rates

Follow = Callable[[Callable[[int, Any, Any], None]], None]
"""Calls its argument with (t, θ_t, δ_t) at every step of an estimate."""


@dataclass(slots=False, eq=False)
class FullParameters:
    """The training side of a run at some precision; tensors are (n,)."""

    run: Run
    trainable: Any
    theta: Any
    adam: Adam

    @classmethod
    def open(cls, run: Run, precision: str = "float32") -> Self:
        """Read from the run folder; `precision` is float32, as trained, or float64."""
        import torch

        from reorder_core.training.loop import open_trainable

        trainable, kind = open_trainable(run), getattr(torch, precision)
        trainable.model.module.to(kind)
        start = trainable.start
        first, second = start.first_moment.to(kind), start.second_moment.to(kind)
        options = run.config.training
        decays = trainable.model.matrices.to(kind) if options.decayed == "matrices" else 1.0
        adam = Adam(options, first, second, start.updates, decays)
        return cls(run, trainable, start.theta.to(kind), adam)

    @cached_property
    def rates(self) -> list[float]:
        """(T,) learning rates."""
        return learning_rates(self.run.config.training)

    @cached_property
    def trajectory(self) -> tuple[list[Any], list[Any]]:
        """θ_0 … θ_T of the reference run, and the gradient of its batch at each but the last."""
        thetas, gradients, adam = [self.theta], [], self.adam
        batches = self.batches(self.run.reference_order)
        for rate, batch in zip(self.rates, batches, strict=True):
            gradients.append(self.gradient(thetas[-1], batch))
            adam = adam.after(gradients[-1])
            thetas.append((1 - rate * adam.decay) * thetas[-1] - rate * adam.update)
        return thetas, gradients

    def batches(self, order: Order) -> list[Any]:
        """The T batches of an order."""
        rows = np.sort(self.run.visits.batches(order), axis=1)
        return [self.trainable.samples.take(ids.tolist()) for ids in rows]

    def gradient(self, theta: Any, batch: Any) -> Any:
        """(n,) gradient of a batch's mean loss."""
        return self.linearized(theta, None, batch)[0]

    def linearized(self, theta: Any, delta: Any, batch: Any) -> tuple[Any, Any]:
        """(n,) gradient of a batch's mean loss at θ, and its Hessian's product with δ."""
        import torch

        theta = theta.detach().requires_grad_(True)
        loss = self.trainable.model.mean_loss(theta, batch)
        bends = delta is not None and bool(delta.any())
        (gradient,) = torch.autograd.grad(loss, theta, create_graph=bends)
        if not bends:
            return gradient.detach(), 0.0
        (product,) = torch.autograd.grad(gradient, theta, delta)
        return gradient.detach(), product

    def estimate(self, name: str, order: Order, follow: Follow) -> Estimate:
        """Forward passes at θ_t + δ_t, wherever the run was evaluated."""
        known, steps = self.run.reference, list(self.run.eval_steps)
        kind = np.float64 if self.theta.itemsize == 8 else np.float32
        losses_at = [known.losses_at[row].astype(kind) for row in range(len(steps))]
        lengths = [0.0, 0.0]

        def read(step: int, theta: Any, delta: Any) -> None:
            if step in steps and bool(delta.any()):
                losses = self.trainable.evaluate(theta + delta)
                losses_at[steps.index(step)] = losses.astype(kind)
            if step == self.run.steps:
                moved = theta - self.theta
                lengths[:] = float(delta.norm()), float(moved.norm())

        follow(read)
        return Estimate(
            self.run.id, name, order_hash(order), Losses.stacked(losses_at),
            distance=lengths[0] / lengths[1],
        )  # fmt: skip

    def save(self, folder: Path, follow: Follow) -> Path:
        """The folder, with the final θ_T + δ_T as a Transformers checkpoint."""
        import torch

        last: list[Any] = []
        follow(lambda step, theta, delta: last.__setitem__(slice(None), [theta + delta]))
        model = self.trainable.model
        parts = last[0].to(torch.float32).split(model.sizes)
        model.module.to(torch.float32)
        named = dict(model.module.named_parameters())
        with torch.no_grad():
            for name, part, shape in zip(model.names, parts, model.shapes, strict=True):
                named[name].copy_(part.view(shape))
        model.module.save_pretrained(folder, safe_serialization=True)
        return folder
