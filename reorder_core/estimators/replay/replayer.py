"""Adam replayed on sampled coordinates, for an order that was never trained.

The reference run and the counterfactual one go through the same approximate
model of gradients (arXiv 2505.22042, its first-order expansion of Γ, here
inside Adam instead of around it):

    g_t(order) = mean over the step's samples of g_i(t) + H_B (γ_t − θ_t)
    γ_{t+1} = γ_t − η_t Γ(m_t, v_t),   exact Adam on the coordinates S

with g_i(t) interpolated between anchors and H_B ≈ Φᵀ W(B) Φ, of the batch's domains and the same
at all steps (see `factor`). g_i is that of a sample not yet seen; each earlier visit adds D_i, what
a training of the sample does to its own gradient: its own curvature, of which H holds but a share
of 1/N.
What is returned is δ_t = γ_t − θ_t, so the reference order gives exactly 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reorder_core.config import TrainingConfig
from reorder_core.estimators.replay import kernels
from reorder_core.estimators.replay.factor import Factor
from reorder_core.orders.order import Order
from reorder_core.orders.visits import Visits
from reorder_core.records.losses import Losses
from reorder_core.training.schedule import anchor_steps, learning_rate, learning_rates

Array = NDArray[np.floating]
Batches = Sequence[NDArray[np.int32]]


@dataclass(frozen=True, slots=True, eq=False)
class Replayer:
    """What a replay needs, on s coordinates; all float32."""

    training: TrainingConfig
    gradients: Array
    """(K, N, s) per-sample gradients at the anchors, as if the sample were not yet seen."""
    factor: Factor
    """Φ (R, s) with Hessian ≈ ΦᵀΦ; R = 0 for a replay without derivatives."""
    weight: Array
    """(s,) inverse inclusion probabilities, for inner products."""
    first_moment: Array
    """(s,) Adam's moments at the start."""
    second_moment: Array
    updates: int
    """Updates behind those moments."""
    visits: Visits
    own: Array | None = None
    """(N, s) D; None where no order trains a sample twice or leaves it out."""
    decays: Any = 1.0
    """(s,) float32, 1 for coordinates that decay, 0 for others; a number where all do."""
    domains: NDArray[np.intp] | None = None
    """(N,) the samples' domains, by place in the factor's `lean`; None for a factor without."""
    probes: NDArray[np.intp] | None = None
    """(D,) the same of the held-out domains; −1 for one that no sample is of."""

    @property
    def anchors(self) -> tuple[int, ...]:
        """(K,) the anchors' steps."""
        return anchor_steps(self.training.steps, len(self.gradients))

    def curvature(self, delta: Array, sample_weight: Array, probe_weight: Array) -> Array:
        """(s,) H δ for δ (1, s), H the sum of losses' Hessians by weights (N,) and (D,)."""
        whole, shares, lean = sample_weight.sum() + probe_weight.sum(), None, self.factor.lean
        if self.domains is not None and self.probes is not None and lean is not None:
            of = np.concatenate([self.domains, self.probes])
            each = np.concatenate([sample_weight, probe_weight])
            shares = each @ (of[:, None] == np.arange(len(lean))).astype(np.float32)
            shares = shares[None]
        return self.factor.product(delta * self.weight, shares, float(whole))[0]

    def shares(self, batches: Batches | None) -> Array | None:
        """(B, D) of each domain in batches (B, b); None where curvature is of no domain."""
        if batches is None or self.domains is None or self.factor.lean is None:
            return None
        of = self.domains[np.asarray(batches) % self.visits.samples]
        return (of[..., None] == np.arange(len(self.factor.lean))).mean(1, dtype=np.float32)

    def half_curvature(self, delta: Array) -> Losses:
        """(B, N) and (B, D) ½ δᵀ H δ, for δ (B, s): each loss bends as its domain's Hessian does.

        Last axes of 1 where curvature is of no domain.
        """
        mean, beyond = self.factor.lengths(delta * self.weight)
        if self.domains is None or self.probes is None or self.factor.lean is None:
            return Losses(0.5 * mean[:, None], 0.5 * mean[:, None])
        beyond = np.pad(beyond, [(0, 0), (0, 1)])  # last: a held-out domain that none trains
        return Losses(
            0.5 * (mean[:, None] + beyond[:, self.domains]),
            0.5 * (mean[:, None] + beyond[:, self.probes]),
        )

    def mean_gradient(self, step: int, samples: NDArray[np.int32]) -> Array:
        """(s,) mean of g_i(t) over a step's samples, interpolated between anchors."""
        return self.batch_gradients(step, [samples])[0]

    def begin(self, orders: int) -> "ReplayState":
        """States of `orders` replays before the first update."""
        zero = np.zeros((orders, len(self.weight)), np.float32)
        return ReplayState(
            zero, np.tile(self.first_moment, (orders, 1)), np.tile(self.second_moment, (orders, 1))
        )

    def advance(
        self,
        state: "ReplayState",
        step: int,
        batches: Sequence[NDArray[np.int32]],
        reference_update: Array | None,
    ) -> tuple["ReplayState", Array]:
        """The states after training `batches`, and Γ (B, s); no reference update: δ stays 0."""
        gradient = self.batch_gradients(step, batches)
        return self.after(state, step, gradient, reference_update, batches)

    def batch_gradients(self, step: int, batches: Batches, out: Array | None = None) -> Array:
        """(B, s) mean gradients of batches at a step, where nothing was displaced."""
        if out is None:
            out = np.empty((len(batches), len(self.weight)), self.gradients.dtype)
        later = int(np.searchsorted(self.anchors, step, side="right"))
        later = min(max(later, 1), len(self.anchors) - 1)
        before, after = self.anchors[later - 1], self.anchors[later]
        share = np.float32((step - before) / (after - before))
        out.fill(0)
        for row, samples in enumerate(batches):
            ids = np.sort(samples)  # a sum's last bits depend on its order; a batch has none
            seen, ids = np.divmod(ids, self.visits.samples)
            kernels.add_rows(self.gradients[later - 1], self.gradients[later], ids, share, out[row])
            if self.own is not None and seen.any():
                again = np.flatnonzero(seen)
                times = seen[again].astype(np.float32)
                out[row] += times @ self.own[ids[again]] / np.float32(len(ids))
        return out

    def after(
        self,
        state: "ReplayState",
        step: int,
        gradient: Array,
        reference_update: Array | None,
        batches: Batches,
    ) -> tuple["ReplayState", Array]:
        """As `advance`, from the batches' undisplaced gradients (B, s); theirs is changed.

        reference_update (C, s): those of C centres, of B/C orders each.
        """
        moved = reference_update is not None and state.delta.any()
        if len(self.factor) and moved:
            weighted = state.delta * self.weight
            self.factor.add_product(weighted, gradient, self.shares(batches))
        adam = self.training
        first, second, update = (np.empty_like(gradient) for _ in range(3))
        kernels.adam(
            gradient, state.first, state.second,
            _settings(adam, self.updates + step + 1).astype(gradient.dtype),
            first, second, update,
        )  # fmt: skip
        if reference_update is None:
            return ReplayState(state.delta, first, second), update
        rate = np.float32(learning_rate(adam, step))
        decay = adam.weight_decay if adam.optimizer == "adamw" else 0.0
        kept = np.empty(len(self.weight), np.float32)
        kept[:] = 1 - rate * (decay * self.decays)
        delta = np.empty_like(state.delta)
        kernels.displaced(state.delta, update, np.atleast_2d(reference_update), rate, kept, delta)
        return ReplayState(delta, first, second), update

    def batches_of(self, order: Order) -> NDArray[np.int32]:
        """(…, T, b) the samples of an order (…, V) by step, plus N for each earlier visit."""
        batches = self.visits.batches(order)
        if self.own is None:
            return batches
        return batches + self.visits.samples * self.visits.seen_before(order)


def _settings(adam: TrainingConfig, updates: int) -> Array:
    """β₁, β₂, 1 − β₁, 1 − β₂, 1 − β₁ᵏ, 1 − β₂ᵏ, ε of the k-th update."""
    bias1, bias2 = 1 - adam.beta1**updates, 1 - adam.beta2**updates
    one, two = adam.beta1, adam.beta2
    return np.array([one, two, 1 - one, 1 - two, bias1, bias2, adam.epsilon])


@dataclass(frozen=True, slots=True, eq=False)
class ReplayState:
    """B replays between two updates."""

    delta: Array
    """(B, s) γ_t − θ_t."""
    first: Array
    """(B, s) Adam's first moment."""
    second: Array
    """(B, s) Adam's second moment."""

    @property
    def bytes(self) -> int:
        return self.delta.nbytes + self.first.nbytes + self.second.nbytes


class ReferenceReplay:
    """The reference order through the same model: its updates, and a state to start from."""

    def __init__(self, replayer: Replayer, order: Order) -> None:
        self.order = order
        self.states = [replayer.begin(1)]
        self.updates: list[Array] = []
        for step, batch in enumerate(replayer.batches_of(order)):
            state, update = replayer.advance(self.states[-1], step, [batch], None)
            self.states.append(state)
            self.updates.append(update)

    def travelled(self, replayer: Replayer) -> Array:
        """(1, s) θ_T − θ_0, without weight decay."""
        rates = learning_rates(replayer.training)
        return -sum(
            (np.float32(rate) * update for rate, update in zip(rates, self.updates, strict=True)),
            np.zeros_like(self.updates[0]),
        )


def first_changed_step(a: NDArray[np.int32], b: NDArray[np.int32]) -> int:
    """The first step whose samples differ as a set; T where none does. Both (T, b)."""
    same = (np.sort(a, axis=1) == np.sort(b, axis=1)).all(1)
    return len(same) if same.all() else int(np.argmin(same))
