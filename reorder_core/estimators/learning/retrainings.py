"""Real retrainings that an estimator may learn from, told apart from those that judge it."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reorder_core.errors import EstimatorError
from reorder_core.orders.order import Order
from reorder_core.orders.visits import Visits
from reorder_core.records.knows import Knows, knows
from reorder_core.records.losses import Losses
from reorder_core.store.ledger import Retrained
from reorder_core.store.run import Run


@dataclass(frozen=True, slots=True, eq=False)
class TrainingRuns:
    """M retrainings; E evaluation steps, N samples, D held-out domains; nats per token."""

    orders: NDArray[np.int32]
    """(M, V)"""
    losses_at: Losses
    """(M, E, N) and (M, E, D); nan where a run was not evaluated along the way."""
    visits: Visits
    rre: float
    """What they cost together, in reference trainings, their evaluations included."""

    def __len__(self) -> int:
        return len(self.orders)

    @property
    def hashes(self) -> frozenset[str]:
        """Training hashes: what an estimator that learned from them must not be judged on."""
        return frozenset(map(self.visits.trains_as, self.orders))

    @property
    def final(self) -> Losses:
        """(M, N) and (M, D)"""
        return self.losses_at.final

    def first(self, count: int) -> "TrainingRuns":
        """The first `count` of them, at their share of the cost."""
        return _rows(self, list(range(min(count, len(self)))))

    def joined(self, other: "TrainingRuns") -> "TrainingRuns":
        """These, then those of `other`."""
        return TrainingRuns(
            np.concatenate([self.orders, other.orders]),
            Losses.joined([self.losses_at, other.losses_at]),
            self.visits,
            self.rre + other.rre,
        )

    def ended(self) -> "TrainingRuns":
        """Those with finite final losses: a run that diverged teaches nothing."""
        finite = self.final.finite
        return self if finite.all() else _rows(self, np.flatnonzero(finite).tolist())


def reference_run(run: Run) -> TrainingRuns:
    """The reference run as one of them, already paid for."""
    known = run.reference.losses_at
    return TrainingRuns(run.reference_order[None], known[None], run.visits, 0.0)


def taught(name: str, run: Run, runs: TrainingRuns) -> TrainingRuns:
    """The reference run, then `runs`; raises EstimatorError where there are none."""
    if not len(runs):
        raise EstimatorError(
            f"{name} learns from real retrainings and has none; "
            "build with calibration.orders, or verify some orders first"
        )
    return reference_run(run).joined(runs)


def no_runs(run: Run) -> TrainingRuns:
    """None at all, in the shapes of this run."""
    steps, domains = len(run.eval_steps), len(run.probe_domains)
    return TrainingRuns(
        np.empty((0, run.visits.count), np.int32),
        Losses.unknown(0, steps, samples=run.count, probes=domains), run.visits, 0.0,
    )  # fmt: skip


def designed_runs(run: Run) -> TrainingRuns:
    """The retrainings that the build paid for; none where its configuration asked for none."""
    if not run.file("calibration").is_file():
        return no_runs(run)
    arrays = run.arrays("calibration")
    if not len(arrays["orders"]):
        return no_runs(run)
    return TrainingRuns(
        np.array(arrays["orders"]),
        Losses(np.array(arrays["sample_loss_at"]), np.array(arrays["probe_loss_at"])),
        run.visits, run.costs["calibration"]["rre"],
    )  # fmt: skip


def verified_runs(
    run: Run, without: Iterable[Order] = (), most: int | None = None, first: int | None = None
) -> TrainingRuns:
    """The designed runs and the ledger's others, the newest `most`, none trained as in `without`.

    Of the ledger's, those that diverged are left out; `first` as for `telling`.
    """
    left_out = {run.trains_as(order) for order in without}
    found = telling(run, first)
    kept = [e for e in found if run.ledger.trains_as(e) not in left_out][:most]
    return learned_from(run, left_out, kept)


def telling(run: Run, first: int | None = None) -> list[Retrained]:
    """Entries of the ledger that may teach, newest first, of its `first` oldest; None: of all.

    Not those that train like the reference run or a designed one, nor those that diverged.
    """
    ledger, found = run.ledger, run.ledger.newest()
    known = hashes_in(run) | {run.trains_as(run.reference_order)}
    return [
        entry
        for entry in (found if first is None else found[max(0, len(found) - first) :])
        if ledger.trains_as(entry) not in known and _ended(entry)
    ]


def learned_from(run: Run, left_out: Set[str], entries: Sequence[Retrained]) -> TrainingRuns:
    """The designed runs but those of these training hashes, then the ledger's `entries`."""
    designed = designed_runs(run)
    kept = [r for r, order in enumerate(designed.orders) if run.trains_as(order) not in left_out]
    return _rows(designed, kept).joined(runs_of(run, entries))


def _ended(entry: Retrained) -> bool:
    return bool(entry.final.finite)


def _rows(runs: TrainingRuns, kept: list[int]) -> TrainingRuns:
    share = len(kept) / max(1, len(runs))
    return TrainingRuns(runs.orders[kept], runs.losses_at[kept], runs.visits, runs.rre * share)


def runs_of(run: Run, retrained: Sequence[Retrained]) -> TrainingRuns:
    """Retrainings of the ledger, with the cost of a training and its evaluations each."""
    if not retrained:
        return no_runs(run)
    return TrainingRuns(
        np.stack([entry.order for entry in retrained]),
        Losses.stacked(entry.losses_at for entry in retrained),
        run.visits,
        len(retrained) * (1 + len(run.eval_steps) * run.evaluation_rre),
    )


def knowledge(run: Run, fitted_on: Set[str]) -> Knows:
    """What an estimator that was fitted on these training hashes knows, as numbers are stamped."""
    built, ledger = hashes_in(run) & fitted_on, run.ledger
    others = fitted_on - built
    found = [(ledger.trains_as(entry), entry) for entry in (telling(run) if others else [])]
    taught_by = (f"{digest} {entry.digest}" for digest, entry in found if digest in others)
    return knows(run.fingerprint, built, taught_by)


def hashes_in(run: Run) -> frozenset[str]:
    """Training hashes of the orders that the build learned from."""
    if not run.file("calibration").is_file():
        return frozenset()
    return frozenset(run.trains_as(order) for order in run.arrays("calibration")["orders"])
