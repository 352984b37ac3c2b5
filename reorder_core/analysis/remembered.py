"""Who is memorized: every sample's loss before and after, and what another step would do."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from reorder_core.analysis.position_effects import Effects
from reorder_core.estimators.position import PositionTable
from reorder_core.estimators.replay.error_law import Z90
from reorder_core.store.run import Run


def presence(run: Run, table: PositionTable) -> pd.DataFrame:
    """One line a sample: counterfactual memorization, its final loss were it never trained minus
    were it trained as the reference does, or, of a reserve sample, in the mean over all steps.

    sample, memorized, memorized_lo, memorized_hi (nats per token, 90 %); estimated, from the
    position table. Empty for a run without a bench: there nothing says what absence does.
    """
    visits, names = run.visits, ["sample", "memorized", "memorized_lo", "memorized_hi"]
    if not visits.bench:
        return pd.DataFrame(columns=names)
    own, steps = table.own.astype(np.float64), visits.steps_of(run.reference_order[None])[0]
    out = own[:, run.steps]  # on the bench
    usual = np.where(steps < run.steps, own[np.arange(visits.count), steps], np.nan)
    apart = np.where(np.isnan(usual), 0.0, out - usual)
    value = np.bincount(visits.sample_of, apart, visits.samples)
    reserve = slice(run.count - visits.reserve, run.count)
    value[reserve] = (out[:, None] - own[:, : run.steps]).mean(1)[reserve] * visits.epochs
    sd = table.own_sd[: run.count]
    columns = (np.arange(run.count), value, value - Z90 * sd, value + Z90 * sd)
    return pd.DataFrame(dict(zip(names, columns, strict=True)))


def remembered(
    run: Run, effects: Effects, alike: Sequence[tuple[int, ...]] | None = None
) -> pd.DataFrame:
    """One line a sample, in order of ids; losses in nats per token, steps counted from 0.

    Measured on the reference: before, after, gain (before − after), step,
    since (steps trained after it was last seen). Estimated, from the position
    table's `effects`: best and worst step to train it (best_step, best,
    best_lo, best_hi, worst_…: change of its final loss, 90 % interval) and
    swing (worst − best, with swing_lo, swing_hi), none of them widened for
    having looked at all steps. `alike`: near-duplicates of each.
    """
    before, after = run.reference.losses_at.samples[[0, -1]].astype(np.float64)
    samples, ids = run.samples, np.arange(run.count)
    ends = {"best": effects.change.argmin(1), "worst": effects.change.argmax(1)}
    frame = pd.DataFrame(
        {
            "sample": ids,
            "domain": [s.domain for s in samples],
            "flags": [", ".join(s.flags) for s in samples],
            "before": before,
            "after": after,
            "gain": before - after,
            "step": effects.home
            if (effects.home >= 0).all()
            else np.where(effects.home < 0, np.nan, effects.home),
            "since": np.where(effects.home < 0, np.nan, run.steps - 1 - effects.home)
            if (effects.home < 0).any()
            else run.steps - 1 - effects.home,
        }
    )
    for name, step in ends.items():
        frame[f"{name}_step"] = step
        frame[name] = effects.change[ids, step]
        frame[f"{name}_lo"] = effects.low[ids, step]
        frame[f"{name}_hi"] = effects.high[ids, step]
    # Worst against best is one move, so it errs as one does; the larger of the two is safe.
    error = np.maximum(frame["worst_hi"] - frame["worst"], frame["best_hi"] - frame["best"])
    frame["swing"] = frame["worst"] - frame["best"]
    frame["swing_lo"], frame["swing_hi"] = frame["swing"] - error, frame["swing"] + error
    if alike is not None:
        frame["alike"] = [", ".join(map(str, others)) for others in alike]
    frame["tokens"] = [s.tokens for s in samples]
    frame["text"] = [s.text for s in samples]
    return frame
