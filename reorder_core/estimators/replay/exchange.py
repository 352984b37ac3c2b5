"""Held-out loss with the curvature exchanged: what the exact adjoint says, for what Φ said.

A held-out loss is one number, so its derivative by every step's gradient is had
exactly, once, along the reference run (`building.held_out`). From it A[t, i]: what
sample i at step t does to that loss, to first order. The replay's own adjoint
there says A_Φ[t, i] with the sampled factor in the Hessian's place; X = A − A_Φ
is what the factor gets wrong, summed over an order's samples.

Near the reference run, X at the order's steps minus X at the reference's is added
to the replay's loss, a little less than whole, as both derivatives err. Far from it
much of that is the same for all orders and too large, for the derivative was taken
elsewhere; there the order is compared with the mean of all orders instead, and only a
share of it counts. What is near is said by the distance and by how many samples it
comes from: one sample with a large gradient goes a long way, and its effect stays
linear in it; as far by a hundred samples, each meets what the others did.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reorder_core.orders.order import Order
from reorder_core.orders.visits import Visits
from reorder_core.store.run import Run

Array = NDArray[np.floating]
NEAR = 0.1
"""Distance from the reference run over which the derivative taken there fades, where an order
gives every sample another step."""
CLOSE = 0.75
"""What X counts for where nothing has faded yet."""
SUDDEN = 4
"""Power with which the comparison with all orders sets in beyond it."""


@dataclass(frozen=True, slots=True, eq=False)
class Exchange:
    """X of D held-out domains, nats per token."""

    table: Array
    """(D, T, N) A − A_Φ."""
    visits: Visits
    home: Array
    """(D,) its sum over the reference order."""
    mean: Array
    """(D,) its mean over all orders of what the reference trains."""
    steps: NDArray[np.integer]
    """(V,) the step of each visit in the reference order; T for all of the bench."""

    @classmethod
    def of(cls, table: Array, reference: Order, visits: Visits) -> "Exchange":
        """From X (D, T, N)."""
        wide = table.astype(np.float64)
        home, mean = summed(wide, reference[None], visits)[0], wide.mean(1)
        if not visits.is_plain:
            mean = mean * visits.times(reference[None])[0]
        return cls(wide, visits, home, mean.sum(-1), places(reference[None], visits)[0])

    def near(self, orders: NDArray[np.int32], distance: Array) -> Array:
        """(B, D) to add to the losses of orders (B, V), at distances (B,) from the reference."""
        found = summed(self.table, orders, self.visits) - self.home
        return CLOSE * self._faded(orders, distance)[:, None] * found

    def far(self, orders: NDArray[np.int32], distance: Array) -> Array:
        """(B, D) to add a share of, 0 near the reference."""
        found = summed(self.table, orders, self.visits) - self.mean
        return ((1 - self._faded(orders, distance)) ** SUDDEN)[:, None] * found

    def _faded(self, orders: NDArray[np.int32], distance: Array) -> Array:
        """(B,) 1 at the reference order, near 0 where many samples went far together."""
        moved = (places(orders, self.visits) != self.steps).sum(1) / self.visits.trained
        return np.exp(-distance * np.sqrt(moved) / NEAR)


def places(orders: NDArray[np.int32], visits: Visits) -> NDArray[np.integer]:
    """(B, V) the step that trains each visit; T where none does."""
    return np.minimum(visits.steps_of(orders), visits.steps)


def summed(table: Array, orders: NDArray[np.int32], visits: Visits) -> Array:
    """(B, D) sums of a table (D, T, N) over what orders (B, V) train at each step."""
    if not visits.is_plain:
        at = np.arange(visits.steps)[:, None]
        return np.stack([table[:, at, rows].sum((1, 2)) for rows in visits.batches(orders)])
    step_of, ids = visits.steps_of(orders), np.arange(table.shape[2])
    return np.stack([table[:, steps, ids].sum(-1) for steps in step_of])


def has_adjoint(run: Run) -> bool:
    """Whether the build took the exact adjoint; older runs gain it by building again."""
    return run.file("adjoint").is_file() and "effects" in run.arrays("adjoint")


def open_effects(run: Run) -> Array:
    """(D, T, N) A."""
    return np.asarray(run.arrays("adjoint")["effects"])


def open_table(run: Run) -> Array:
    """(D, V, T) A by visit; columns behind T are those of the bench: what is not trained is 0."""
    found, visits = open_effects(run).transpose(0, 2, 1), run.visits
    if visits.is_plain:
        return found
    behind = (0, visits.places - run.steps)
    return np.pad(found[:, visits.sample_of], ((0, 0), (0, 0), behind))


def open_exchange(run: Run, all_rows: bool) -> Exchange | None:
    """X of a replay with all rows of Φ, or with the leading ones; None for a run without."""
    if not has_adjoint(run):
        return None
    arrays = run.arrays("adjoint")
    known = "replayed" if all_rows or "replayed_leading" not in arrays else "replayed_leading"
    table = arrays["effects"] - arrays[known]
    return Exchange.of(table, run.reference_order, run.visits)
