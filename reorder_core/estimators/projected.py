"""`projected`: the live estimate. A replay on random coordinates, then a read-out.

After replay, a loss is read at each anchor as a quadratic around the
reference run: ℓ_i(γ) ≈ ℓ_i(θ) + g_i·δ + ½ δᵀ H δ, H the mean Hessian's stand-in.
`replay` is the same without derivatives: the baseline that shows what H does.
"""

import threading
from collections import deque
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reorder_core.estimators.learning.retrainings import TrainingRuns
from reorder_core.estimators.protocol import Ability
from reorder_core.estimators.replay import adjoint
from reorder_core.estimators.replay.error_law import (
    POWER,
    Z90,
    Coherence,
    error_unit,
    expected_error,
    interval,
)
from reorder_core.estimators.replay.exchange import has_adjoint, open_exchange
from reorder_core.estimators.replay.gradients import open_stored, with_curvature
from reorder_core.estimators.replay.replayer import (
    ReferenceReplay,
    Replayer,
    ReplayState,
    first_changed_step,
)
from reorder_core.orders.order import Order, order_hash
from reorder_core.records.estimates import Estimate
from reorder_core.records.losses import Losses
from reorder_core.store.run import Run

Array = NDArray[np.floating]
REMEMBERED = 24
"""Orders whose replay is kept: a history goes back and forth among few."""
KEPT_BYTES = 256 * 2**20
"""Of the latest replays' states, which the next one starts from; the newest is kept anyway."""
ENDS = 256
"""Orders of which only the end is kept: those that were retrained, and are learned from again."""


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """What the replay of one order gives, at the K anchors."""

    order: Order
    deltas: Array
    """(K, s) γ_t − θ_t."""
    losses: Losses
    """(K, N) and (K, D)"""
    distance: float
    coherence: float


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """Where the replays of B orders end."""

    deltas: Array
    """(B, s) γ_T − θ_T."""
    losses: Losses
    """(B, N) and (B, D) final ones."""


class ProjectedEstimator:
    """Losses from a replay on s of n coordinates; cost independent of the model's size."""

    name = "projected"
    about = "a replay on sampled coordinates with curvature; it learns from no retraining"
    can: frozenset[Ability] = frozenset({"intervals"})
    uses_curvature, reads_all_rows = True, False
    fitted_on: frozenset[str] = frozenset()

    def __init__(self, run: Run, runs: TrainingRuns) -> None:
        del runs  # it learns from none
        self._run = run
        stored = open_stored(run)
        self._gradients, self._probe_gradients = stored.gradients, stored.probe_gradients
        self.replayer = stored.replayer
        if self.uses_curvature:
            self.replayer = self._with_curvature(self.replayer)
        self.precompute_rre = sum(
            run.costs[step]["rre"] for step in self._steps() if step in run.costs
        )
        self.bytes = sum(run.file(name).stat().st_size for name in self._files())
        self._reference = ReferenceReplay(self.replayer, run.reference_order)
        self._metric = self._adam_metric()
        self._length = self._norm(self._reference.travelled(self.replayer))[0]
        self.exchange = open_exchange(run, self.reads_all_rows) if self.uses_curvature else None
        self.coherence = Coherence(self.replayer, run.reference_order)
        # Per unit of `distance`, which is in units of the reference run's length.
        sensitive = (self._gradients[-1], self._probe_gradients[-1])
        self.sample_unit, self.probe_unit = map(self.unit, sensitive)
        # The latest orders' states: a drag changes a person's own from one slot on.
        self._latest: deque[tuple[NDArray[np.int32], list[ReplayState]]] = deque()
        self._lock = threading.Lock()
        self._remembered = lru_cache(REMEMBERED)(self._replay_whole)
        self._ends: dict[bytes, Ends] = {}

    def estimate(self, order: Order) -> Estimate:
        """Losses under `order`; the intervals are those of trust's error law."""
        found = self.replayed(order)
        spread = found.distance * found.coherence**POWER
        return Estimate(
            self._run.id, self.name, order_hash(order), found.losses,
            interval(
                found.losses.final,
                (Z90 * spread * self.sample_unit, Z90 * spread * self.probe_unit),
            ),
            found.distance, found.coherence, expected_error(spread * self.sample_unit),
        )  # fmt: skip

    def replayed(self, order: Order) -> Replayed:
        """The order's replay and what is read from it; remembered for the latest orders."""
        return self._remembered(np.asarray(order, np.int32).tobytes())

    def _replay_whole(self, key: bytes) -> Replayed:
        order: Order = np.frombuffer(key, np.int32)
        states = self._replay(order)
        kept = [states[step] for step in self.replayer.anchors]
        end = self._end(kept[-1], order[None])
        deltas = [self._moved(k, state) for k, state in enumerate(kept[:-1])]
        rows = [self._run.reference.losses_at[:1]]  # before the first step nothing has moved
        moved = np.concatenate([*deltas, end.deltas])
        bends = self.replayer.half_curvature(moved[1:-1])  # side by side: Φ is read once for two
        rows += [
            self._read_anchor(k, moved[k : k + 1], order[None], bends[k - 1 : k])
            for k in range(1, len(deltas))
        ]
        losses = Losses.joined([*rows, end.losses])
        moved.flags.writeable = False
        distance = float(self.distance(end.deltas)[0])
        return Replayed(order, moved, losses, distance, self.coherence.of(order))

    def simulate(self, orders: NDArray[np.int32]) -> Ends:
        """What `replayed` says of the end of orders (B, N), side by side; up to float error."""
        state = self._begin(len(orders))
        batches = self.replayer.batches_of(orders)
        for step in range(self._run.steps):
            state = self._advance(state, step, list(batches[:, step]))
        return self._end(state, orders)

    def known_ends(self, orders: NDArray[np.int32]) -> Ends:
        """As `simulate`, remembered: after one more retraining only that order is replayed."""
        keys = [order.astype(np.int32).tobytes() for order in orders]
        known = {key: self._ends[key] for key in keys if key in self._ends}
        new = [key for key in dict.fromkeys(keys) if key not in known]
        if new:
            found = self.simulate(np.stack([np.frombuffer(key, np.int32) for key in new]))
            rows = [slice(row, row + 1) for row in range(len(new))]
            known |= {
                key: Ends(found.deltas[at], found.losses[at])
                for key, at in zip(new, rows, strict=True)
            }
        self._ends = dict([*self._ends.items(), *known.items()][-ENDS:])
        each = [known[key] for key in keys]
        return Ends(
            np.concatenate([end.deltas for end in each]), Losses.joined(end.losses for end in each)
        )

    def effects(self, order: Order, sample_weight: Array, probe_weight: Array) -> Array:
        """(V, T) what every visit does at every step, near `order`, to a sum of final losses.

        The sum has weights (N,) over samples and (D,) over probes; nats, to first order.
        """
        forward = adjoint.forward(self.replayer, order, self._reference.updates)
        return self._near_effects(forward, sample_weight, probe_weight)

    def _near_effects(
        self, forward: adjoint.Forward, sample_weight: Array, probe_weight: Array
    ) -> Array:
        """The same by the expansion around the reference run alone."""
        rows = self._gradients[-1], self._probe_gradients[-1]
        slope = self._slope(forward.delta, sample_weight, probe_weight, *rows)
        return adjoint.effects(self.replayer, forward, slope)

    def _slope(
        self,
        delta: Array,
        sample_weight: Array,
        probe_weight: Array,
        sample_gradients: Array,
        probe_gradients: Array,
    ) -> Array:
        """(s,) derivative by δ (1, s) of a weighted sum of losses as `_read_anchor` reads them."""
        straight = sample_weight @ sample_gradients + probe_weight @ probe_gradients
        bend = self.replayer.curvature(delta, sample_weight, probe_weight)
        return (self.replayer.weight * (straight + bend)).astype(np.float32)

    def effects_on(self, order: Order, gradient: Array) -> Array:
        """(V, T) the same to what has this gradient (s,) at θ_T, to first order."""
        forward = adjoint.forward(self.replayer, order, self._reference.updates)
        slope = (self.replayer.weight * gradient).astype(np.float32)
        return adjoint.effects(self.replayer, forward, slope)

    def unit(self, gradients: Array) -> Array:
        """(M,) errors of what has gradients (M, s), per unit of `distance`."""
        return self._length * error_unit(gradients, self.replayer.weight, self._metric)

    def distance(self, delta: Array) -> Array:
        """(B,) ‖δ‖ in units of the reference run's length, both in Adam's metric."""
        return self._norm(delta) / self._length

    def similarity(self, a: Array, b: Array) -> Array:
        """(A, B) inner products of δ (A, s) and (B, s) in `distance`'s metric and unit."""
        return (a * self._metric) @ b.T / self._length**2

    def _begin(self, orders: int) -> ReplayState:
        return self.replayer.begin(orders)

    def _advance(
        self, state: ReplayState, step: int, batches: list[NDArray[np.int32]]
    ) -> ReplayState:
        return self.replayer.advance(state, step, batches, self._reference.updates[step])[0]

    @property
    def _reference_states(self) -> list[ReplayState]:
        """The reference order's own, before each update and after the last."""
        return self._reference.states

    def _moved(self, anchor: int, state: ReplayState) -> Array:
        """(B, s) γ_t − θ_t at an anchor."""
        del anchor
        return state.delta

    def _end(self, state: ReplayState, orders: NDArray[np.int32]) -> Ends:
        """What the states after the last update of orders (B, V) say."""
        losses = self._read_anchor(-1, state.delta, orders)
        return Ends(state.delta, self._exchanged(losses, orders, state.delta))

    def _exchanged(self, losses: Losses, orders: NDArray[np.int32], near: Array) -> Losses:
        """Held-out losses corrected by the exact adjoint; near (B, s): γ_T − θ_T."""
        if self.exchange is None:
            return losses
        found = self.exchange.near(orders, self.distance(near))
        return Losses(losses.samples, (losses.probes + found).astype(losses.probes.dtype))

    def _read_anchor(
        self,
        anchor: int,
        delta: Array,
        orders: NDArray[np.int32],
        bend: Losses | None = None,
    ) -> Losses:
        """(B, N) and (B, D) losses for δ (B, s) at an anchor, of orders (B, V).

        bend: `half_curvature` of δ where it is known already.
        """
        known, weighted = self._run.reference.losses_at[anchor], delta * self.replayer.weight
        bend = self.replayer.half_curvature(delta) if bend is None else bend
        samples = known.samples + weighted @ self._gradients[anchor].T
        probes = known.probes + weighted @ self._probe_gradients[anchor].T
        if self.replayer.own is not None:
            samples = samples + self._own_bend(
                weighted, self._times(anchor, orders) - self._reference_times[anchor]
            )
        return Losses(samples + bend.samples, probes + bend.probes)

    def _own_bend(self, weighted: Array, more: NDArray[Any]) -> Array:
        """(B, N) what samples' own curvature adds where they were trained `more` (B, N) times."""
        assert self.replayer.own is not None
        found, changed = np.zeros_like(more, np.float32), np.flatnonzero((more != 0).any(0))
        if len(changed):
            bent = weighted @ self.replayer.own[changed].T
            found[:, changed] = 0.5 * more[:, changed] * bent
        return found

    def _times(self, anchor: int, orders: NDArray[np.int32]) -> NDArray[np.int32]:
        """(B, N) how often orders have trained each sample at an anchor."""
        return self._run.visits.times(orders, self.replayer.anchors[anchor])

    @cached_property
    def _reference_times(self) -> list[NDArray[np.int32]]:
        """(N,) the same of the reference order, at each anchor."""
        known = self._run.reference_order[None]
        return [self._times(anchor, known)[0] for anchor in range(len(self.replayer.anchors))]

    def _replay(self, order: Order) -> list[ReplayState]:
        batches = self.replayer.batches_of(order)
        known = [(self.replayer.batches_of(self._run.reference_order), self._reference_states)]
        with self._lock:
            known += self._latest
        start, states = max(
            ((first_changed_step(batches, other), states) for other, states in known),
            key=lambda found: found[0],
        )
        states = states[: start + 1]
        for step in range(start, len(batches)):
            states.append(self._advance(states[-1], step, [batches[step]]))
        most = max(1, KEPT_BYTES // sum(state.bytes for state in states))
        with self._lock:
            self._latest.append((batches, states))
            while len(self._latest) > most:
                self._latest.popleft()
        return states

    def _adam_metric(self) -> Array:
        second = self._reference.states[-1].second[0]
        done = self.replayer.updates + self._run.steps
        return np.sqrt(second / (1 - self._run.config.training.beta2**done)) * self.replayer.weight

    def _norm(self, delta: Array) -> Array:
        return np.sqrt((np.square(delta) * self._metric).sum(-1))

    def _steps(self) -> tuple[str, ...]:
        return ("gradients", "curvature", "adjoint")

    def _files(self) -> tuple[str, ...]:
        return ("projected", "curvature", *(["adjoint"] if has_adjoint(self._run) else []))

    def _with_curvature(self, replayer: Replayer) -> Replayer:
        replayer = with_curvature(replayer, self._run)
        return replace(replayer, factor=replayer.factor.last(self._run.config.projection.leading))


class ReplayEstimator(ProjectedEstimator):
    """The replay without a derivative term: gradients stay those of the reference run."""

    name = "replay"
    about = "baseline: the replay without curvature"
    uses_curvature = False

    def _steps(self) -> tuple[str, ...]:
        return ("gradients",)
