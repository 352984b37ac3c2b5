"""`hybrid`'s prior: replays around two centres, the reference run and the mean of retrainings.

The reference run is the right centre for its neighbours, the mean of the
designed retrainings for orders far from it, which lie nearer to that mean. An
order is replayed around both, side by side; what they say is mixed by its
distance from the reference, of which both are exact. The mean's gradients were
measured by the retrainings themselves (`centre`); one curvature serves both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reorder_core.estimators.learning.retrainings import TrainingRuns, hashes_in
from reorder_core.estimators.projected import Ends, ProjectedEstimator
from reorder_core.estimators.replay import adjoint
from reorder_core.estimators.replay.gradients import with_curvature
from reorder_core.estimators.replay.packing import unpack
from reorder_core.estimators.replay.replayer import Replayer, ReplayState
from reorder_core.orders.order import Order
from reorder_core.records.losses import Losses
from reorder_core.store.run import Run

Array = NDArray[np.floating]
FAR_SHARE = 0.3
"""What the expansion around the reference run still counts for far from it."""
NEAR = 0.1
"""Distance from it over which the rest of its share fades, as exp(−distance / NEAR)."""


def has_centre(run: Run) -> bool:
    """Whether the build had retrainings to take a mean of; older runs have none."""
    return run.file("centre").is_file() and "gradients" in run.arrays("centre")


def prior_of(run: Run, runs: TrainingRuns) -> type[ProjectedEstimator]:
    """The best estimator before its errors are learned from `runs`.

    The mean knows all designed retrainings: who may not know one of them has no
    use of it.
    """
    known = has_centre(run) and hashes_in(run) <= runs.hashes
    return CentredEstimator if known else ProjectedEstimator


def centre_replayer(around_reference: Replayer, arrays: Mapping[str, NDArray]) -> Replayer:
    """Replays around the mean of the designed retrainings, from the arrays of `centre`."""
    # Before training, nothing has moved: the first anchor's gradients are the reference run's.
    gradients = [around_reference.gradients[:1], unpack("gradients", arrays)]
    return replace(around_reference, gradients=np.concatenate(gradients))


def mean_updates(replayer: Replayer, orders: NDArray[np.int32]) -> Array:
    """(T, s) Γ, mean over orders (M, N) that are replayed around their own mean."""
    state, updates = replayer.begin(len(orders)), []
    batches = replayer.batches_of(orders)
    for step in range(batches.shape[1]):
        step_batches = list(batches[:, step])
        # Taking Γ's mean off each Γ is taking their mean off the displacements.
        state, update = replayer.advance(state, step, step_batches, state.delta * 0)
        updates.append(update.mean(0))
        state = replace(state, delta=state.delta - state.delta.mean(0))
    return np.stack(updates)


@dataclass(frozen=True, slots=True, eq=False)
class _Mean:
    """The second centre."""

    replayer: Replayer
    updates: Array
    """(T, s)"""
    gradients: Array
    """(N, s) of the samples' losses at the mean of the ends."""
    probe_gradients: Array
    """(D, s)"""
    times: Array
    """(N,) how often its retrainings trained each sample, on average."""


class CentredEstimator(ProjectedEstimator):
    """Losses from replays around both centres; it has seen the designed retrainings."""

    name = "centred"
    reads_all_rows = True

    def __init__(self, run: Run, runs: TrainingRuns) -> None:
        super().__init__(run, runs)
        self.fitted_on = hashes_in(run)
        self._both = [self._begin(1)]
        for step, batch in enumerate(self.replayer.batches_of(run.reference_order)):
            self._both.append(self._advance(self._both[-1], step, [batch]))
        self._home_bend = self.replayer.half_curvature(self._both[-1].delta)[1:]

    def _steps(self) -> tuple[str, ...]:
        return (*super()._steps(), "centre")

    def _files(self) -> tuple[str, ...]:
        return (*super()._files(), "centre")

    def _with_curvature(self, replayer: Replayer) -> Replayer:
        # All rows, where `projected` reads the leading ones: single moves need them.
        arrays, replayer = self._run.arrays("centre"), with_curvature(replayer, self._run)
        self._mean = _Mean(
            centre_replayer(replayer, arrays),
            unpack("mean_update", arrays),
            unpack("end_gradients", arrays),
            unpack("end_probe_gradients", arrays),
            np.array(arrays["times"]) if "times" in arrays else np.ones(self._run.count),
        )
        return replayer

    def _begin(self, orders: int) -> ReplayState:
        """States (2B, s): B around the reference run, B around the mean."""
        return self.replayer.begin(2 * orders)

    def _advance(
        self, state: ReplayState, step: int, batches: list[NDArray[np.int32]]
    ) -> ReplayState:
        gradient = np.empty_like(state.delta)
        near, far = np.split(gradient, 2)
        self.replayer.batch_gradients(step, batches, near)
        self._mean.replayer.batch_gradients(step, batches, far)
        known = np.concatenate([self._reference.updates[step], self._mean.updates[step][None]])
        # One product with Φ serves both: reading it is what takes the time.
        return self.replayer.after(state, step, gradient, known, [*batches, *batches])[0]

    def effects(self, order: Order, sample_weight: Array, probe_weight: Array) -> Array:
        """As `projected` has it, from both centres in the shares they have at this order's end."""
        near = adjoint.forward(self.replayer, order, self._reference.updates)
        share = float(_near_share(self.distance(near.delta))[0])
        mean = self._mean
        far = adjoint.forward(mean.replayer, order, list(mean.updates[:, None]))
        rows = mean.gradients, mean.probe_gradients
        slope = self._slope(far.delta, sample_weight, probe_weight, *rows)
        around_mean = adjoint.effects(mean.replayer, far, slope)
        return (
            share * self._near_effects(near, sample_weight, probe_weight)
            + (1 - share) * around_mean
        )

    def effects_on(self, order: Order, gradient: Array) -> Array:
        near = adjoint.forward(self.replayer, order, self._reference.updates)
        share = float(_near_share(self.distance(near.delta))[0])
        far = adjoint.forward(self._mean.replayer, order, list(self._mean.updates[:, None]))
        slope = (self.replayer.weight * gradient).astype(np.float32)
        return share * adjoint.effects(self.replayer, near, slope) + (1 - share) * adjoint.effects(
            self._mean.replayer, far, slope
        )

    @property
    def _reference_states(self) -> list[ReplayState]:
        return self._both

    def _displaced(self, step: int, state: ReplayState) -> tuple[Array, Array, Array]:
        """(B, s) γ − θ as each centre has it, and (B, 1) the first one's share."""
        near, about_mean = np.split(state.delta, 2)
        far = about_mean - self._both[step].delta[1]
        share = _near_share(self.distance(near))
        return near, far, share[:, None].astype(np.float32)

    def _moved(self, anchor: int, state: ReplayState) -> Array:
        near, far, share = self._displaced(self.replayer.anchors[anchor], state)
        return share * near + (1 - share) * far

    def _end(self, state: ReplayState, orders: NDArray[np.int32]) -> Ends:
        near, far, share = self._displaced(self._run.steps, state)
        # One pass over Φ reads both ends, as one product a step serves both centres.
        bend = self.replayer.half_curvature(state.delta)
        losses = self._read_anchor(-1, near, orders, bend[: len(near)]).scaled(share)
        losses += self._read_mean(state, orders, bend[len(near) :]).scaled(1 - share)
        return Ends(share * near + (1 - share) * far, self._exchanged(losses, orders, near))

    def _read_mean(self, state: ReplayState, orders: NDArray[np.int32], bend: Losses) -> Losses:
        """(B, N) and (B, D) final losses, of which the reference run's are known."""
        _, about_mean = np.split(state.delta, 2)
        origin, known = self._both[-1].delta[1:], self._run.reference.final
        weighted = (about_mean - origin) * self.replayer.weight
        bend = bend - self._home_bend
        samples = known.samples + weighted @ self._mean.gradients.T
        probes = known.probes + weighted @ self._mean.probe_gradients.T
        if self.replayer.own is not None:
            apart = self._times(-1, orders) - self._mean.times
            samples = samples + self._own_bend(about_mean * self.replayer.weight, apart)
            home = (self._reference_times[-1] - self._mean.times)[None]
            samples = samples - self._own_bend(origin * self.replayer.weight, home)
        return Losses(samples + bend.samples, probes + bend.probes)


def _near_share(distance: Array) -> Array:
    """(B,) what the reference run's expansion counts for at these distances from it."""
    return FAR_SHARE + (1 - FAR_SHARE) * np.exp(-distance / NEAR)
