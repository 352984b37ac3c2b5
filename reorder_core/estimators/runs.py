"""Real retrainings that an estimator may learn from, told apart from those that judge it."""

import json
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from reorder_core.orders import order_hash
from reorder_core.store.ledger import Retrained
from reorder_core.store.run import Run

Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingRuns:
    """M retrainings; E evaluation steps, N samples, D held-out domains; nats per token."""

    orders: NDArray[np.int32]
    """(M, N)"""
    sample_loss_at: Array
    """(M, E, N); nan where a run was not evaluated along the way."""
    probe_loss_at: Array
    """(M, E, D)"""
    rre: float
    """What they cost together, in reference trainings, their evaluations included."""

    def __len__(self) -> int:
        return len(self.orders)

    @property
    def hashes(self) -> frozenset[str]:
        """Of their orders: what an estimator that learned from them must not be judged on."""
        return frozenset(order_hash(order) for order in self.orders)

    def first(self, count: int) -> Self:
        """The first `count` of them, at their share of the cost."""
        count = min(count, len(self))
        return type(self)(
            self.orders[:count], self.sample_loss_at[:count], self.probe_loss_at[:count],
            self.rre * count / max(1, len(self)),
        )  # fmt: skip

    def joined(self, other: Self) -> Self:
        """These, then those of `other`."""
        return type(self)(
            np.concatenate([self.orders, other.orders]),
            np.concatenate([self.sample_loss_at, other.sample_loss_at]),
            np.concatenate([self.probe_loss_at, other.probe_loss_at]),
            self.rre + other.rre,
        )


def no_runs(run: Run) -> TrainingRuns:
    """None at all, in the shapes of this run."""
    steps, domains = len(run.eval_steps), len(run.probe_domains)
    return TrainingRuns(
        np.empty((0, run.count), np.int32), np.empty((0, steps, run.count), np.float32),
        np.empty((0, steps, domains), np.float32), 0.0,
    )  # fmt: skip


def designed_runs(run: Run) -> TrainingRuns:
    """The retrainings that the build paid for; none where its configuration asked for none."""
    if not run.file("calibration").is_file():
        return no_runs(run)
    arrays = run.arrays("calibration")
    if not len(arrays["orders"]):
        return no_runs(run)
    return TrainingRuns(
        np.array(arrays["orders"]), np.array(arrays["sample_loss_at"]),
        np.array(arrays["probe_loss_at"]), run.costs["calibration"]["rre"],
    )  # fmt: skip


def verified_runs(run: Run, without: Container[str] = frozenset()) -> TrainingRuns:
    """The designed runs, then the ledger's other ones by hash; none whose hash is in `without`."""
    designed = designed_runs(run)
    known = designed.hashes
    more = [
        entry for entry in run.ledger.all()
        if entry.order_hash not in known and entry.order_hash not in without
    ]  # fmt: skip
    kept = [row for row, order in enumerate(designed.orders) if order_hash(order) not in without]
    if len(kept) < len(designed):
        designed = TrainingRuns(
            designed.orders[kept], designed.sample_loss_at[kept], designed.probe_loss_at[kept],
            designed.rre * len(kept) / len(designed),
        )  # fmt: skip
    return designed.joined(runs_of(run, more)) if more else designed


def runs_of(run: Run, retrained: Sequence[Retrained]) -> TrainingRuns:
    """Retrainings of the ledger, with the cost of a training and its evaluations each."""
    if not retrained:
        return no_runs(run)
    evaluation = (run.count + len(run.probes)) / (3 * run.count)  # a forward pass: a third
    return TrainingRuns(
        np.stack([entry.order for entry in retrained]),
        np.stack([entry.sample_loss_at for entry in retrained]),
        np.stack([entry.probe_loss_at for entry in retrained]),
        len(retrained) * (1 + len(run.eval_steps) * evaluation),
    )


def hashes_in(run: Run) -> frozenset[str]:
    """Hashes of the orders that the build learned from; cheap, without reading their losses."""
    if not run.file("calibration").is_file():
        return frozenset()
    return frozenset(json.loads(run.metadata("calibration").get("order_hashes", "[]")))
