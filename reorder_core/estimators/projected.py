"""`projected`: the live estimate. A replay on random coordinates, then a read-out.

After replay, a loss is read at each anchor as a quadratic around the
reference run: ℓ_i(γ) ≈ ℓ_i(θ) + g_i·δ + ½ δᵀ H δ, H the mean Hessian's stand-in.
`replay` is the same without derivatives: the baseline that shows what H does.
"""

import threading

import numpy as np
from numpy.typing import NDArray

from reorder_core.errors import EstimatorError
from reorder_core.estimators.base import Estimate
from reorder_core.estimators.intervals import Intervals, fit_intervals
from reorder_core.estimators.replay import (
    ReferenceReplay,
    Replayer,
    ReplayState,
    first_changed_step,
)
from reorder_core.estimators.runs import TrainingRuns
from reorder_core.orders import Order, order_hash
from reorder_core.projection import unpack
from reorder_core.store.run import Run

Array = NDArray[np.floating]


class ProjectedEstimator:
    """Losses from a replay on s of n coordinates; cost independent of the model's size."""

    name = "projected"
    uses_curvature = True

    def __init__(self, run: Run, runs: TrainingRuns) -> None:
        self._run, self.fitted_on = run, runs.hashes
        arrays = run.arrays("projected")
        factors = unpack("factors", run.arrays("curvature"))
        if not self.uses_curvature:
            factors = factors[:, :0]
        self.replayer = Replayer(
            run.config.training, unpack("unseen", arrays), factors,
            np.array(arrays["weight"]), np.array(arrays["first_moment"]),
            np.array(arrays["second_moment"]), int(run.metadata("projected")["updates"]),
        )  # fmt: skip
        if self.replayer.gradients.shape[1] != run.count:
            raise EstimatorError(
                f"{run.path} stores gradients of {self.replayer.gradients.shape[1]} samples, "
                f"the run has {run.count}; build it again"
            )
        seen = unpack("gradients", arrays)  # (K − 1, N, s)
        self._gradients = [self.replayer.gradients[0], *seen]
        self._probe_gradients = unpack("probe_gradients", arrays)  # (K, D, s)
        self.precompute_rre = runs.rre + sum(
            run.costs[step]["rre"] for step in self._steps() if step in run.costs
        )
        self.bytes = sum(run.file(name).stat().st_size for name in ("projected", "curvature"))
        self._reference = ReferenceReplay(self.replayer, run.reference_order)
        self._metric = self._adam_metric()
        self._length = self._norm(self._reference.travelled(self.replayer))[0]
        # The last order's states: a drag changes it from one slot on.
        self._last: tuple[NDArray[np.int32], list[ReplayState]] | None = None
        self._lock = threading.Lock()
        self._intervals = self._fit_intervals(runs)

    def estimate(self, order: Order) -> Estimate:
        """Losses under `order`, with intervals where the run was calibrated."""
        states = self._replay(order)
        deltas = np.stack([states[step].delta[0] for step in self.replayer.anchors])  # (K, s)
        samples, probes = self.read_out(deltas)
        distance = self.distance(deltas[-1:])[0]
        sample_interval, probe_interval = self._intervals.around(samples[-1], probes[-1], distance)
        return Estimate(
            self._run.id, self.name, order_hash(order), samples, probes,
            sample_interval, probe_interval, float(distance),
        )  # fmt: skip

    def simulate(self, orders: NDArray[np.int32]) -> tuple[Array, Array]:
        """(B, N) and (B, D) final losses of orders (B, N); `estimate`'s up to float error."""
        return self._read_anchor(len(self.replayer.anchors) - 1, self._final_deltas(orders))

    def read_out(self, deltas: Array) -> tuple[Array, Array]:
        """(K, N) sample and (K, D) probe losses at the anchors for δ (K, s) there."""
        rows = [self._read_anchor(k, delta[None]) for k, delta in enumerate(deltas)]
        return np.concatenate([r[0] for r in rows]), np.concatenate([r[1] for r in rows])

    def distance(self, delta: Array) -> Array:
        """(B,) ‖δ‖ in units of the reference run's length, both in Adam's metric."""
        return self._norm(delta) / self._length

    def _read_anchor(self, anchor: int, delta: Array) -> tuple[Array, Array]:
        known, weighted = self._run.reference, delta * self.replayer.weight
        bend = self.replayer.half_curvature(anchor, delta)[:, None]
        samples = known.sample_loss_at[anchor] + weighted @ self._gradients[anchor].T
        probes = known.probe_loss_at[anchor] + weighted @ self._probe_gradients[anchor].T
        return samples + bend, probes + bend

    def _final_deltas(self, orders: NDArray[np.int32]) -> Array:
        """(B, s) γ_T − θ_T of orders (B, N), replayed side by side."""
        state = self.replayer.begin(len(orders))
        batches = orders.reshape(len(orders), self._run.steps, self._run.batch_size)
        for step, update in enumerate(self._reference.updates):
            state, _ = self.replayer.advance(state, step, list(batches[:, step]), update)
        return state.delta

    def _replay(self, order: Order) -> list[ReplayState]:
        batches = self.replayer.batches_of(order)
        known = [(self.replayer.batches_of(self._reference.order), self._reference.states)]
        with self._lock:
            if self._last is not None:
                known.append(self._last)
        start, states = max(
            ((first_changed_step(batches, other), states) for other, states in known),
            key=lambda found: found[0],
        )
        states = states[: start + 1]
        for step in range(start, len(batches)):
            update = self._reference.updates[step]
            states.append(self.replayer.advance(states[-1], step, [batches[step]], update)[0])
        with self._lock:
            self._last = batches, states
        return states

    def _adam_metric(self) -> Array:
        second = self._reference.states[-1].second[0]
        done = self.replayer.updates + self._run.steps
        return np.sqrt(second / (1 - self._run.config.training.beta2**done)) * self.replayer.weight

    def _norm(self, delta: Array) -> Array:
        return np.sqrt((np.square(delta) * self._metric).sum(-1))

    def _steps(self) -> tuple[str, ...]:
        return ("gradients", "curvature")

    def _fit_intervals(self, runs: TrainingRuns) -> Intervals:
        if not len(runs):
            return Intervals()
        deltas = self._final_deltas(runs.orders)
        samples, probes = self._read_anchor(len(self.replayer.anchors) - 1, deltas)
        return fit_intervals(
            samples - runs.sample_loss_at[:, -1],
            probes - runs.probe_loss_at[:, -1],
            self.distance(deltas),
        )


class ReplayEstimator(ProjectedEstimator):
    """The replay without a derivative term: gradients stay those of the reference run."""

    name = "replay"
    uses_curvature = False

    def _steps(self) -> tuple[str, ...]:
        return ("gradients",)
