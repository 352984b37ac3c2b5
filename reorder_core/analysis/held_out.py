"""What a training sample's or domain's step does to held-out loss, by domain: estimated."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reorder_core.analysis.false_discovery import told_apart
from reorder_core.analysis.position_effects import home_steps, visit_steps
from reorder_core.estimators.position import NEAR, PositionTable
from reorder_core.estimators.replay.error_law import Z90
from reorder_core.explore.suggestions import insert_effects
from reorder_core.orders.moves import Move
from reorder_core.orders.order import slots_of
from reorder_core.store.run import Run

Array = NDArray[Any]
FEWEST = 8
"""Retrainings near the reference from which the error of the table is taken from them."""
SHORTLIST = 3
"""Moves of each kind and domain that are worth an estimate with an interval."""


@dataclass(frozen=True, slots=True, eq=False)
class Influence:
    """D held-out domains × K training domains × T steps; nats per token."""

    change: Array
    """(D, K, T) of held-out loss, one sample of the domain being trained there instead of at home:
    the mean over its samples."""
    sd: Array
    """(D, K) of its error"""
    count: Array
    """(K,) samples of each training domain"""
    judged_by: int
    """Retrainings that `sd` was measured on; 0 where it is the build's own guess."""

    @property
    def told(self) -> Array:
        """(D, K, T) whether the cell is told from zero, all corrected for together."""
        return told_apart(self.change, self.sd[..., None])


def probe_sd(run: Run, table: PositionTable) -> tuple[Array, int]:
    """(D,) sd of the table's error for each sample that changes its step, and what it stands on.

    From the ledger's retrainings near the reference order, where there are FEWEST;
    else the build's figure for the mean over domains, as if these erred apart.
    """
    home, ids = visit_steps(run), np.arange(run.visits.count)
    reference = run.reference.final.probes.astype(np.float64)
    squares = []
    for entry in run.ledger.all():
        step = slots_of(entry.order) // run.batch_size
        moved = int((step != home).sum())
        if 0 < moved < NEAR * len(home) and np.isfinite(entry.final.probes).all():
            table_says = (table.probe[:, ids, step] - table.probe[:, ids, home]).sum(1)
            wrong = table_says.astype(np.float64) - (entry.final.probes - reference)
            squares.append(np.square(wrong) / moved)
    if len(squares) >= FEWEST:
        return np.sqrt(np.mean(squares, axis=0)), len(squares)
    guess = float(table.held_out_sd.mean()) * np.sqrt(len(run.probe_domains))
    return np.full(len(run.probe_domains), guess), 0


def influence(run: Run, table: PositionTable) -> Influence:
    """Where a training domain's samples sit, against each held-out domain's final loss."""
    home, ids = home_steps(run), np.arange(run.count)
    probe = table.probe[:, : run.count].astype(np.float64)  # first visits
    change = probe[..., : run.steps] - probe[:, ids, home][..., None]  # (D, N, T)
    names = np.array([sample.domain for sample in run.samples])
    members = [np.flatnonzero(names == domain) for domain in run.domains]
    sd, judged_by = probe_sd(run, table)
    count = np.array([len(of) for of in members])
    return Influence(
        np.stack([change[:, of].mean(1) for of in members], axis=1),
        sd[:, None] / np.sqrt(count),  # the samples' errors are scatter, each with its own
        count,
        judged_by,
    )


def needs(run: Run, table: PositionTable) -> pd.DataFrame:
    """Which samples each held-out domain wants late or early; one line for each pair of the two.

    held_out, sample, domain, late (its mean held-out loss with the sample in the
    second half of training minus in the first, nats; below 0 it wants it late),
    lo, hi (90 %), told (from zero, all pairs corrected for together).
    """
    middle = run.steps // 2
    probe = table.probe[:, : run.count, : run.steps].astype(np.float64)
    late = probe[:, :, middle:].mean(2) - probe[:, :, :middle].mean(2)  # (D, N)
    sd, _ = probe_sd(run, table)
    error = np.broadcast_to(sd[:, None], late.shape)  # a difference of two entries has one move's
    count = run.count
    return pd.DataFrame(
        {
            "held_out": np.repeat(run.probe_domains, count),
            "sample": np.tile(np.arange(count), len(run.probe_domains)),
            "domain": np.tile([s.domain for s in run.samples], len(run.probe_domains)),
            "late": late.ravel(),
            "lo": (late - Z90 * error).ravel(),
            "hi": (late + Z90 * error).ravel(),
            "told": told_apart(late, error).ravel(),
        }
    )


def without(run: Run, table: PositionTable) -> pd.DataFrame:
    """What leaving a sample out does to each held-out domain; one line for each pair of the two.

    held_out, sample, domain, change (of the domain's final loss, nats: were the sample never
    trained minus were it trained as the reference does; of a reserve sample, which the reference
    does not train, the same in the mean over all steps), lo, hi (90 %), told (from zero, all
    pairs corrected for together), trained (by the reference). Estimated, to first order: nothing
    takes its place. Empty for a run without a bench.
    """
    names = ["held_out", "sample", "domain", "change", "lo", "hi", "told", "trained"]
    visits, count = run.visits, run.count
    if not visits.bench:
        return pd.DataFrame(columns=names)
    probe, steps = table.probe.astype(np.float64), visit_steps(run)
    out = probe[:, :, run.steps]  # (D, V) on the bench
    at_home = probe[:, np.arange(visits.count), np.minimum(steps, run.steps)]
    apart = np.where(steps < run.steps, out - at_home, 0.0)
    change = np.stack([np.bincount(visits.sample_of, row, count) for row in apart])
    times = visits.times(run.reference_order[None])[0]
    usual = out[:, :count] - probe[:, :count, : run.steps].mean(2)
    change = np.where(times > 0, change, usual * visits.epochs)
    sd, _ = probe_sd(run, table)
    error = sd[:, None] * np.sqrt(np.maximum(1, times))
    columns = (
        np.repeat(run.probe_domains, count), np.tile(np.arange(count), len(change)),
        np.tile([s.domain for s in run.samples], len(change)), change.ravel(),
        (change - Z90 * error).ravel(), (change + Z90 * error).ravel(),
        told_apart(change, error).ravel(), np.tile(times > 0, len(change)),
    )  # fmt: skip
    return pd.DataFrame(dict(zip(names, columns, strict=True)))


def shortlists(run: Run, table: PositionTable) -> dict[tuple[str, str], list[Move]]:
    """(held-out domain, "best" or "worst") → the inserts that the table ranks first.

    Of different samples, from the reference order; worth an estimate with an interval.
    """
    order, found = run.reference_order, {}
    places = slots_of(order) % run.batch_size
    for index, domain in enumerate(run.probe_domains):
        effects = insert_effects(table.probe[index], order, run.batch_size)
        effects = effects[:, : run.steps]  # (V, T)
        for name, gain in (("best", -effects), ("worst", effects)):
            step = gain.argmax(1)
            top = np.argsort(-gain.max(1), kind="stable")[:SHORTLIST]
            found[domain, name] = [
                Move("insert", (int(i),), int(step[i] * run.batch_size + places[i])) for i in top
            ]
    return found
