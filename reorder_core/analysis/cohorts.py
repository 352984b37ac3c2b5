"""What training on a sample did to it and not to others, by real retrainings in random orders.

The memorization profile of Lesci et al. (2024, "Causal Estimation of
Memorisation Profiles"): samples trained at step g are compared at checkpoint c
with samples of their domain that are not trained yet (difference in
differences). At the end all samples are trained; there the control is held-out
text of the domain, which never is.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reorder_core.analysis.retrained_orders import RetrainedOrders
from reorder_core.store.run import Run

Array = NDArray[Any]
DRAWS, BINS = 400, 16
NOT_YET, HELD_OUT, NONE = "not yet trained", "held-out", "none"
"""What samples are compared with."""
FEWEST = 2
"""Samples not yet trained below which they are no control."""


@dataclass(frozen=True, slots=True, eq=False)
class Excess:
    """Fall of each sample's loss beyond that of its control; M orders, E checkpoints, N samples."""

    of: Array
    """(M, E, N) nats; nan where there is no control."""
    step_of: Array
    """(M, N) the step that trains each sample."""
    checkpoints: Array
    """(E,) steps trained so far; the first, before training, is 0."""
    domains: tuple[str, ...]
    domain_of: Array
    """(N,) place in `domains`"""
    control: tuple[tuple[str, ...], ...]
    """E rows, one value a domain: NOT_YET, HELD_OUT or NONE."""

    @property
    def steps(self) -> int:
        return int(self.checkpoints[-1])


def excess(run: Run, orders: RetrainedOrders, per_rate: bool = False) -> Excess:
    """Each sample's fall minus its control's; `per_rate` divides by the rate of its step.

    A sample that is not trained yet is compared with the others that are not:
    about 0, unless the comparison is at fault. `per_rate` leaves those as they
    are and scales the rest by mean rate / rate at the sample's step.
    """
    at = orders.losses_at
    fall, held_out = at.samples[:, :1] - at.samples, at.probes[:, :1] - at.probes  # (M, E, N), D
    domain_of = np.array([run.domains.index(s.domain) for s in run.samples])
    of = np.full(fall.shape, np.nan)
    control = [[NONE] * len(run.domains) for _ in run.eval_steps]
    for place, checkpoint in enumerate(run.eval_steps.tolist()):
        seen = orders.step_of < checkpoint  # (M, N)
        for index, domain in enumerate(run.domains):
            members = domain_of == index
            probes = None
            if domain in run.probe_domains:
                probes = held_out[:, place, run.probe_domains.index(domain)]
            of[:, place, members], control[place][index] = _beyond(
                fall[:, place][:, members], seen[:, members], probes
            )
        if per_rate:
            rate = np.asarray(run.reference.learning_rate, np.float64)
            factor = rate.mean() / np.maximum(rate, 1e-3 * rate.mean())
            of[:, place] *= np.where(seen, np.append(factor, 1.0)[orders.step_of], 1.0)
    return Excess(of, orders.step_of, run.eval_steps.astype(int), run.domains, domain_of,
                  tuple(map(tuple, control)))  # fmt: skip


def _beyond(fall: Array, seen: Array, probes: Array | None) -> tuple[Array, str]:
    """(M, n) falls beyond the control's, and which control; fall, seen (M, n), probes (M,)."""
    unseen = (~seen).sum(1)  # (M,)
    if fall.size and not unseen.any():
        if probes is None:
            return np.full(fall.shape, np.nan), NONE
        return fall - probes[:, None], HELD_OUT
    total = np.where(seen, 0, fall).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        others = (total[:, None] - fall) / (unseen - 1)[:, None]
        mean = (total / unseen)[:, None]
    control = np.where(seen, mean, others)
    return np.where((unseen >= FEWEST)[:, None], fall - control, np.nan), NOT_YET


def bands(sums: Array, counts: Array, seed: int = 0, draws: int = DRAWS) -> Array:
    """(3, K) mean of each of K cells with its 90 % interval over orders drawn again.

    sums, counts (M, K): of what each order adds to a cell. nan where no order
    adds anything, or, for the interval, where there are not two orders.
    """
    if len(sums) == 0:
        return np.full((3, sums.shape[1]), np.nan)
    weights = drawn_again(len(sums), seed, draws)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = sums.sum(0) / counts.sum(0)
        again = (weights @ sums) / (weights @ counts)  # (draws, K)
    low, high = np.full(mean.shape, np.nan), np.full(mean.shape, np.nan)
    enough = (np.isfinite(again).mean(0) > 0.5) & (len(sums) > 1)
    if enough.any():
        low[enough], high[enough] = np.nanpercentile(again[:, enough], [5, 95], axis=0)
    return np.stack([mean, low, high])


def profile(found: Excess, bins: int = BINS) -> pd.DataFrame:
    """The memorization profile: treatment step × checkpoint.

    Over the domains of `comparable`, so that its rows can be compared. One line
    a cell: first, last (treatment steps from 0), checkpoint, value, lo, hi (nats,
    90 %), samples (how many it is a mean over), treated (False: a check that
    must be about 0), control.
    """
    edges = _edges(found.steps, bins)
    frames = []
    members = np.isin(found.domain_of, [found.domains.index(name) for name in comparable(found)])
    for place in range(1, len(found.checkpoints)):
        frame = _cells(found.of[:, place][:, members], found.step_of[:, members], edges)
        frame["checkpoint"] = found.checkpoints[place]
        frame["treated"] = frame["last"] < found.checkpoints[place]
        kinds = sorted(set(found.control[place]) - {NONE})
        frame["control"] = " and ".join(kinds) or NONE
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def comparable(found: Excess) -> tuple[str, ...]:
    """Domains that have a control at every checkpoint; all, where none has."""
    rows = found.control[1:]
    kept = [name for at, name in enumerate(found.domains) if all(row[at] != NONE for row in rows)]
    return tuple(kept) or found.domains


def event_study(found: Excess, checkpoint: int, bins: int = BINS) -> pd.DataFrame:
    """What is left of a sample's training against steps since, at one checkpoint, by domain.

    One line a bin and domain: domain, first, last (steps since it was last
    seen, 0 being the step before the checkpoint; below 0: not seen yet),
    since (their middle), value, lo, hi, samples, control.
    """
    place = found.checkpoints.tolist().index(checkpoint)
    since = checkpoint - 1 - found.step_of  # (M, N)
    edges = since_edges(found.steps, checkpoint, bins)
    frames = []
    for index, domain in enumerate(found.domains):
        members = found.domain_of == index
        frame = _cells(found.of[:, place][:, members], since[:, members], edges)
        frame.insert(0, "domain", domain)
        frame["control"] = found.control[place][index]
        frames.append(frame)
    frame = pd.concat(frames, ignore_index=True)
    frame["since"] = (frame["first"] + frame["last"]) / 2
    return frame.dropna(subset="value").reset_index(drop=True)


def by_bin(values: Array, at: Array, edges: Array) -> tuple[Array, Array]:
    """(M, K) sums and counts of the finite values (M, n) whose place `at` lies in each bin."""
    places = np.searchsorted(edges, at, side="right") - 1
    inside = np.isfinite(values) & (places >= 0) & (places < len(edges) - 1)
    orders, bins = len(values), len(edges) - 1
    flat = (np.arange(orders)[:, None] * bins + places)[inside]
    sums = np.bincount(flat, values[inside], orders * bins).reshape(orders, bins)
    return sums, np.bincount(flat, minlength=orders * bins).reshape(orders, bins)


def _cells(values: Array, at: Array, edges: Array) -> pd.DataFrame:
    sums, counts = by_bin(values, at, edges)
    mean, low, high = bands(sums, counts)
    return pd.DataFrame({"first": edges[:-1], "last": edges[1:] - 1, "value": mean, "lo": low,
                         "hi": high, "samples": counts.sum(0)})  # fmt: skip


def _edges(steps: int, bins: int) -> Array:
    return np.unique(np.linspace(0, steps, min(bins, steps) + 1).round().astype(int))


def since_edges(steps: int, checkpoint: int, bins: int) -> Array:
    """Equal bins of steps since, one of which begins at 0."""
    width = -(-steps // bins)
    before = -(-(steps - checkpoint) // width)
    return np.arange(-before, -(-checkpoint // width) + 1) * width


def drawn_again(orders: int, seed: int, draws: int) -> Array:
    """(draws, M) how often each order is drawn, with replacement."""
    random = np.random.default_rng(seed)
    return random.multinomial(orders, np.full(orders, 1 / orders), size=draws).astype(np.float64)
