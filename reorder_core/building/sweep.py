"""What every step's gradient does to a loss at the end of a training: one exact sweep backwards.

Training is followed once, then the loss's derivative is carried back from θ_T
through Adam (θ, m and v) with products of the true Hessian of each step's own
batch. What comes out at step t is the derivative γ_t by that step's mean
gradient; with it goes, to first order, all that a sample at that step does.
`estimators.replay.adjoint` is the same recursion on sampled coordinates with the
stored factor in the Hessian's place, around any order; this one is exact,
around the order really trained.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

from reorder_core.estimators.replay.adam import Adam
from reorder_core.estimators.replay.pulled import Pulled

Product = Callable[[Tensor], Tensor]
"""(D, n) directions → the Hessian's products with them."""


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """A training that can be followed from any of its steps."""

    rates: list[float]
    """(T,) learning rates."""
    gradient: Callable[[int, Tensor], Tensor]
    """(t, θ_t) → (n,) gradient of the step's mean loss."""
    linearized: Callable[[int, Tensor], tuple[Tensor, Product]]
    """The same, and the products with its Hessian there."""

    def follow(self, theta: Tensor, adam: Adam, start: int, end: int) -> list[tuple[Tensor, Adam]]:
        """(θ_t, Adam's memory before update t) for t = start … end, from the first of them."""
        states = [(theta, adam)]
        for step in range(start, end):
            adam = adam.after(self.gradient(step, theta))
            theta = (1 - self.rates[step] * adam.decay) * theta - self.rates[step] * adam.update
            states.append((theta, adam))
        return states


def pulled_back(
    path: Path,
    theta: Tensor,
    adam: Adam,
    floor: Callable[[], Tensor],
    slopes: Callable[[Tensor], Tensor],
    stretch: int,
) -> Iterator[tuple[int, Tensor]]:
    """(t, (D, n) derivatives of D losses by step t's mean gradient), t from T − 1 down to 0.

    slopes: θ_T → (D, n) the losses' gradients there. floor: (n,), see `root_floor`, asked
    once the training has been followed. `stretch` steps are held at once, 3n numbers
    each; the training is followed twice unless that is T.
    """
    steps = len(path.rates)
    starts, kept = list(range(0, steps, stretch)), []
    for start in starts:
        kept.append(path.follow(theta, adam, start, min(start + stretch, steps)))
        theta, adam = kept[-1][-1]
        if len(starts) > 1:
            kept[-1] = kept[-1][:1]
    pulled, least = Pulled.of_losses(slopes(theta)), floor()
    for start, held in zip(reversed(starts), reversed(kept), strict=True):
        end = min(start + stretch, steps)
        states = held if len(held) > 1 else path.follow(held[0][0], held[0][1], start, end)
        for step in reversed(range(start, end)):
            gradient, product = path.linearized(step, states[step - start][0])
            after = states[step - start + 1][1]
            pulled, found = pulled.before(after, path.rates[step], gradient, least)
            yield step, found
            pulled = pulled.moved(product(found))
