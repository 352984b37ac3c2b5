"""Canaries and poison against ordinary samples: how much their step decides of what they keep."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reorder_core.analysis.cohorts import bands, by_bin
from reorder_core.analysis.retrained_orders import RetrainedOrders
from reorder_core.estimators.position import PositionTable
from reorder_core.estimators.replay.error_law import Z90
from reorder_core.store.run import Run

Array = NDArray[Any]
ORDINARY, BINS = "ordinary", 8


def groups(run: Run) -> dict[str, list[int]]:
    """Name → samples: each flag by how often its texts occur ("canary × 2"), then all others."""
    times: dict[str, int] = {}
    for sample in run.samples:
        times[sample.text] = times.get(sample.text, 0) + 1
    found: dict[str, list[int]] = {}
    for sample in run.samples[: run.count - run.visits.reserve]:  # the others are never trained
        kind = f"{sample.flags[0]} × {times[sample.text]}" if sample.flags else ORDINARY
        found.setdefault(kind, []).append(sample.sample_id)
    return dict(sorted(found.items(), key=lambda item: (item[0] == ORDINARY, item[0])))


def response_curves(run: Run, table: PositionTable, orders: RetrainedOrders) -> pd.DataFrame:
    """Final loss against the step that trains a sample, around its mean over steps; by group.

    One line a step or bin of steps: group, kind ("estimated" or "retrained"),
    step (of a bin: its middle), value, lo, hi (nats per token, 90 %), samples.
    Estimated: mean of the group's curves, errors taken to go together.
    Retrained: each sample's final loss around its mean over the random orders.
    """
    own = table.own[: run.count, : run.steps].astype(np.float64)  # first visits
    own -= own.mean(1, keepdims=True)
    edges = np.unique(np.linspace(0, run.steps, min(BINS, run.steps) + 1).round().astype(int))
    frames = []
    for name, ids in groups(run).items():
        value, sd = own[ids].mean(0), float(table.own_sd[ids].mean())
        frames.append(pd.DataFrame({
            "group": name, "kind": "estimated", "step": np.arange(run.steps, dtype=float),
            "value": value, "lo": value - Z90 * sd, "hi": value + Z90 * sd, "samples": len(ids),
        }))  # fmt: skip
        if len(orders) > 1:
            final = orders.losses_at.final.samples[:, ids]
            sums, counts = by_bin(final - final.mean(0), orders.step_of[:, ids], edges)
            mean, low, high = bands(sums, counts)
            frames.append(pd.DataFrame({
                "group": name, "kind": "retrained", "step": (edges[:-1] + edges[1:] - 1) / 2,
                "value": mean, "lo": low, "hi": high, "samples": counts.sum(0),
            }))  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def late_against_early(run: Run, orders: RetrainedOrders) -> pd.DataFrame:
    """One line a group: gain on the reference, and what the second half of training changes of it.

    group, samples, gain (nats, measured on the reference), late (mean final loss
    when trained in the second half minus in the first, over random retrainings),
    lo, hi (90 % over orders); nan without two retrainings.
    """
    known = run.reference.losses_at.samples
    gain = (known[0] - known[-1]).astype(np.float64)
    lines = []
    for name, ids in groups(run).items():
        late, low, high = np.nan, np.nan, np.nan
        if len(orders) > 1:
            final = orders.losses_at.final.samples[:, ids]
            late, low, high = _late(final, orders.step_of[:, ids] * 2 >= run.steps)
        lines.append((name, len(ids), float(gain[ids].mean()), late, low, high))
    return pd.DataFrame(lines, columns=["group", "samples", "gain", "late", "lo", "hi"])


def _late(final: Array, second: Array) -> tuple[float, float, float]:
    """Mean over samples of (mean loss in the orders that train it late − early), with interval.

    final, second (M, n). A sample is compared with itself only.
    """
    random = np.random.default_rng(0)
    orders = len(final)
    draws = random.multinomial(orders, np.full(orders, 1 / orders), size=400).astype(np.float64)
    draws = np.concatenate([np.ones((1, orders)), draws])
    with np.errstate(divide="ignore", invalid="ignore"):
        late = (draws @ np.where(second, final, 0)) / (draws @ second.astype(float))
        early = (draws @ np.where(second, 0, final)) / (draws @ (~second).astype(float))
    apart = late - early  # (1 + draws, n)
    known = np.isfinite(apart)
    if not known[0].any():
        return float("nan"), float("nan"), float("nan")
    mean = np.where(known, apart, 0).sum(1) / np.maximum(1, known.sum(1))
    low, high = np.percentile(mean[1:][known[1:].any(1)], [5, 95])
    return float(mean[0]), float(low), float(high)
