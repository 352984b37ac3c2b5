"""What suggested moves are worth: each really retrained, beside random inserts.

    ./run python benchmarks/suggest.py RUN [--base reference|random|…] [--seed 11]

Retrains in a temporary copy of the run. The estimator knows the build's
retrainings only: the app would know the ledger as well, and the ledger may
hold the very moves that are suggested. Goals: held-out loss, each domain's, and
three samples to remember and three to forget, drawn from those that have a
suggestion. A random insert is any sample into any other step; for a sample's
own goal, that sample.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from reorder_core.estimators.hybrid import HybridEstimator
from reorder_core.estimators.learning.retrainings import designed_runs
from reorder_core.estimators.position import PositionTable, open_position_table
from reorder_core.explore.presets import preset
from reorder_core.explore.suggestions import Goal, Suggestion, candidates, suggestions
from reorder_core.judge.fidelity import retrain_once
from reorder_core.orders.moves import Move, apply
from reorder_core.orders.order import Order, insert, order_hash, slots_of
from reorder_core.store.run import Run, open_run

SAMPLES, RANDOM, RANDOM_OWN = 3, 64, 16


class Bench:
    """One order to improve, and real retrainings of its neighbours."""

    def __init__(self, run: Run, base: Order, seed: int) -> None:
        self.run, self.base = run, base
        self.random = np.random.default_rng([seed, 7])
        self.table: PositionTable = open_position_table(run)
        self.hybrid = HybridEstimator(run, designed_runs(run))
        self.losses = self.retrained(base)

    def retrained(self, order: Order) -> tuple[np.ndarray, np.ndarray]:
        """Final losses of samples and of domains."""
        known = self.run.reference
        if order_hash(order) == order_hash(self.run.reference_order):
            return known.final.samples, known.final.probes
        found = retrain_once(self.run, order)
        assert self.run.trains_as(order) not in self.hybrid.fitted_on
        return found.final.samples, found.final.probes

    def true_change(self, goal: Goal, order: Order) -> float:
        """Of the goal's loss, by retraining."""
        sample, probe = (a - b for a, b in zip(self.retrained(order), self.losses, strict=True))
        if goal.of_one_sample:
            return float(sample[goal.sample])
        return float(
            probe[self.run.probe_domains.index(goal.domain)] if goal.domain else probe.mean()
        )

    def suggested(self, goal: Goal) -> list[Suggestion]:
        moves = [c.move for c in candidates(self.run, self.table, self.base, goal)]
        estimated = [(m, self.hybrid.difference(apply(self.base, m), self.base)) for m in moves]
        return suggestions(goal, self.run, estimated)

    def goals(self) -> Iterator[Goal]:
        yield Goal("held-out")
        yield from (Goal("domain", name) for name in self.run.probe_domains)
        drawn = self.random.permutation(self.run.count).tolist()
        for aim in ("remember", "forget"):
            able = (goal for i in drawn if self.suggested(goal := Goal(aim, sample=i)))
            yield from (next(able) for _ in range(SAMPLES))

    def inserts(self, count: int, sample: int | None = None) -> list[Order]:
        """Random ones into another step."""
        found: list[Order] = []
        home = slots_of(self.base) // self.run.batch_size
        while len(found) < count:
            slot, drawn = (int(i) for i in self.random.integers(self.run.count, size=2))
            mover = drawn if sample is None else sample
            if slot // self.run.batch_size != home[mover]:
                found.append(insert(self.base, mover, slot))
        return found


def report(bench: Bench) -> None:
    """Prints a Markdown table of the first suggestions, and a line on all of them."""
    everyone = bench.inserts(RANDOM)
    print(
        "| goal | first suggestion | estimated, 90 % | retrained | median random insert | better |"
    )
    print("|---" * 6 + "|")
    hits: list[tuple[bool, bool, bool]] = []
    for goal in bench.goals():
        shown = bench.suggested(goal)
        true = [bench.true_change(goal, apply(bench.base, one.move)) for one in shown]
        others = bench.inserts(RANDOM_OWN, goal.sample) if goal.of_one_sample else everyone
        chance = np.array([bench.true_change(goal, order) for order in others])
        best, digits = shown[0], 3 if goal.of_one_sample else 4
        better = (goal.sign * chance > goal.sign * true[0]).sum()
        print(
            f"| {told(goal)} | {moved(bench, best.move)} "
            f"| {best.change:+.{digits}f} [{best.low:+.{digits}f}, {best.high:+.{digits}f}] "
            f"| {true[0]:+.{digits}f} | {np.median(chance):+.{digits}f} "
            f"| {better} of {len(chance)} |",
            flush=True,
        )
        hits += [
            (value * one.change > 0, one.low <= value <= one.high, rank == 0)
            for rank, (one, value) in enumerate(zip(shown, true, strict=True))
        ]
    for name, some in (("first", [h for h in hits if h[2]]), ("all shown", hits)):
        sign, inside = (sum(h[i] for h in some) for i in (0, 1))
        print(f"\n{name}: {len(some)} suggestions, right sign {sign}, inside the interval {inside}")


def told(goal: Goal) -> str:
    if goal.of_one_sample:
        return f"{goal.aim} sample {goal.sample}"
    return f"lower {goal.domain or 'held-out'} loss"


def moved(bench: Bench, move: Move) -> str:
    (sample,), batch = move.samples, bench.run.batch_size
    steps = f"{slots_of(bench.base)[sample] // batch + 1} → {move.slot // batch + 1}"
    other = f" ↔ {bench.base[move.slot]}" if move.kind == "swap" else ""
    return f"{sample}{other}: {steps}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--base", default="reference", help="or a preset's name")
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(options.run, Path(folder) / "run")
        run = open_run(copy)
        base = run.reference_order
        if options.base != "reference":
            base, _ = preset(
                run, options.base, {"seed": options.seed} if options.base == "random" else {}
            )
        print(f"{run.id}, base {options.base}, seed {options.seed}\n")
        report(Bench(run, base, options.seed))


if __name__ == "__main__":
    main()
