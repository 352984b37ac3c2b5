"""What a sample's step does to its own final loss: estimated, sample × step and domain × step."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage

from reorder_core.analysis.false_discovery import told_apart
from reorder_core.estimators.position import PositionTable
from reorder_core.estimators.replay.error_law import Z90
from reorder_core.store.run import Run

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Effects:
    """K rows (samples or domains) × T steps: final loss when trained there minus at home."""

    rows: tuple[Any, ...]
    """K sample ids, or names of domains."""
    change: Array
    """(K, T) nats per token"""
    sd: Array
    """(K, T) standard deviation of its error; 0 at home"""
    home: Array
    """(K,) the reference step of each; −1 where the row is many samples, or none trains it"""

    @cached_property
    def told(self) -> Array:
        """(K, T) whether the cell is told from zero, all cells corrected for together."""
        return told_apart(self.change, np.where(self.sd > 0, self.sd, np.nan))

    @property
    def low(self) -> Array:
        """(K, T) lower end of the 90 % interval."""
        return self.change - Z90 * self.sd

    @property
    def high(self) -> Array:
        return self.change + Z90 * self.sd

    def only(self, places: Array) -> "Effects":
        """These rows, in this order."""
        rows = tuple(self.rows[int(place)] for place in places)
        return Effects(rows, self.change[places], self.sd[places], self.home[places])


def home_steps(run: Run) -> Array:
    """(N,) the step at which the reference first trains each sample; T where it never does."""
    return run.visits.first_steps(run.reference_order[None])[0]


def visit_steps(run: Run) -> Array:
    """(V,) the step at which the reference trains each visit; from T on it lies on the bench."""
    return run.visits.steps_of(run.reference_order[None])[0]


def own_effects(run: Run, table: PositionTable, per_rate: bool = False) -> Effects:
    """Every sample at every step; with `per_rate`, what is left once the schedule is divided out.

    A step with a high learning rate leaves more of any sample. With a_i the
    loss that sample i would keep were it trained at no rate (`untrained_level`),
    (own − a_i) · mean rate / rate is its loss at that step had the rate been
    the mean one; the error of a_i is not in `sd`.
    """
    home, ids = home_steps(run), np.arange(run.count)
    trained = home < run.steps
    whole = table.own[: run.count].astype(np.float64)  # first visits
    own, at_home = whole[:, : run.steps], whole[ids, home]
    rate = np.asarray(run.reference.learning_rate, np.float64)
    factor = np.ones(run.steps)
    if per_rate:
        factor = rate.mean() / np.maximum(rate, 1e-3 * rate.mean())
        level = untrained_level(own, rate)
        own = (own - level[:, None]) * factor
        at_home = np.where(trained, own[ids, np.minimum(home, run.steps - 1)], at_home - level)
    change = own - at_home[:, None]
    # The two ends of a difference err alike and apart, so each has half of the error's variance.
    at = np.where(trained, factor[np.minimum(home, run.steps - 1)], 1.0)
    sd = table.own_sd[: run.count, None] * np.sqrt((factor**2 + at[:, None] ** 2) / 2)
    sd[ids[trained], home[trained]] = 0
    return Effects(tuple(range(run.count)), change, sd, np.where(trained, home, -1))


def untrained_level(own: Array, rate: Array) -> Array:
    """(N,) where a straight line through a sample's losses (N, T) over the rates meets rate 0.

    The mean over steps where all rates are the same: then there is no line.
    """
    apart = rate - rate.mean()
    spread = np.square(apart).sum()
    if spread <= 1e-12 * np.square(rate).sum():
        return own.mean(1)
    return own.mean(1) - rate.mean() * (own @ apart) / spread


def by_domain(run: Run, effects: Effects) -> Effects:
    """The mean over each domain's samples; as if their errors all went together, which is safe."""
    names = np.array([sample.domain for sample in run.samples])
    members = [names == domain for domain in run.domains]
    return Effects(
        run.domains,
        np.stack([effects.change[of].mean(0) for of in members]),
        np.stack([effects.sd[of].mean(0) for of in members]),
        np.full(len(members), -1),
    )


def binned(effects: Effects, most: int) -> tuple[Effects, Array]:
    """At most `most` columns, each the mean over a few steps, and the first step of each (+ T).

    The edges (columns + 1,) are given back, too; a run of few steps is left as it is.
    """
    steps = effects.change.shape[1]
    edges = np.unique(np.linspace(0, steps, min(most, steps) + 1).round().astype(int))
    if len(edges) == steps + 1:
        return effects, edges
    width = np.diff(edges)
    change, sd = (np.add.reduceat(of, edges[:-1], axis=1) / width
                  for of in (effects.change, effects.sd))  # fmt: skip
    return replace(effects, change=change, sd=sd), edges


def swing(effects: Effects) -> Array:
    """(K,) the worst step's loss minus the best one's."""
    return effects.change.max(1) - effects.change.min(1)


def clustered(effects: Effects) -> Array:
    """(K,) places that bring rows of like shape together: average linkage on correlation."""
    centred = effects.change - effects.change.mean(1, keepdims=True)
    size = np.linalg.norm(centred, axis=1, keepdims=True)
    shape = np.divide(centred, size, out=np.zeros_like(centred), where=size > 0)
    if len(shape) < 3:
        return np.arange(len(shape))
    return leaves_list(linkage(shape, method="average"))
