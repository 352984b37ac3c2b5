"""How often the 90 % interval of a difference between two orders holds the real one.

    ./run python benchmarks/difference.py RUN [--pairs 64] [--seed 2027]

Pairs of retrained orders: one sample moved away from each other, near the
reference (cells of the usual heat map) or far from it (an order of a family
and a neighbour drawn here), and two orders of a family. Retrains into the run's
ledger what it lacks; give it a copy of a run that you keep. `designed`:
the estimator knows the build's retrainings only; `ledger`: what the app would
know of the ledger too, without the retrainings of both orders.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from reorder_core.estimators import informing_runs
from reorder_core.estimators.hybrid import HybridEstimator
from reorder_core.estimators.learning.retrainings import designed_runs
from reorder_core.judge.fidelity import fresh_orders, retrain_once
from reorder_core.judge.heat_map import usual_moves
from reorder_core.judge.measures import bootstrap_ci
from reorder_core.orders.order import Order, insert, steps_of, swap
from reorder_core.store.ledger import Retrained
from reorder_core.store.run import Run, open_run

FAMILIES = ("random", "blocks", "curriculum")
Pair = tuple[Order, Order]


def pairs_of(run: Run, count: int, orders: int, seed: int) -> Iterator[tuple[str, list[Pair]]]:
    """Kinds of pairs by name, at most `count` each."""
    random = np.random.default_rng([seed, 5])
    rows: dict[int, list[Order]] = {}
    for sample, _, order in usual_moves(run).cells():
        rows.setdefault(sample, []).append(order)
    cells = [pair for row in rows.values() for pair in combinations(row)]
    yield "one move, near the reference", drawn(cells, count, random)
    families = {name: fresh_orders(run, name, orders, seed) for name in ("move", *FAMILIES)}
    for name in FAMILIES:
        near = [(neighbour(run, base, random), base) for base in families[name][:count]]
        yield f"one move, far: {name}", near
    for name, members in families.items():
        yield f"two of {name}", drawn(combinations(members), count, random)


def combinations(orders: list[Order]) -> list[Pair]:
    """Each two of them, in both orders alike."""
    return [(a, b) for i, a in enumerate(orders) for b in orders[:i]]


def drawn(pairs: list[Pair], count: int, random: np.random.Generator) -> list[Pair]:
    """`count` of the pairs."""
    return [pairs[i] for i in random.permutation(len(pairs))[:count]]


def neighbour(run: Run, order: Order, random: np.random.Generator) -> Order:
    """The order after one insert or swap of a random sample into another step."""
    change = (insert, swap)[int(random.integers(2))]
    while True:
        sample, slot = (int(random.integers(run.count)) for _ in range(2))
        moved = change(order, sample, slot)
        before, after = steps_of(np.stack([order, moved]), run.batch_size)
        if before[sample] != after[sample]:
            return moved


def judged(hybrid: HybridEstimator, order: Retrained, base: Retrained) -> dict[str, np.ndarray]:
    """Of one pair: what is inside its interval, and the squares that make R²."""
    found = hybrid.difference(order.order, base.order)
    sample = order.final.samples.astype(float) - base.final.samples
    probe = order.final.probes.astype(float) - base.final.probes
    alone = [hybrid.estimate(one.order).interval.samples for one in (order, base)]
    known = [one for one in (found.interval.samples, *alone) if one is not None]  # hybrid has all
    widths = [np.ptp(interval, axis=0).mean() for interval in known]
    return {
        "sample": inside(found.interval.samples, sample),
        "probe": inside(found.interval.probes, probe),
        "held_out": inside(found.held_out_interval, np.array(probe.mean())),
        "error": np.square(sample - found.change.samples).sum(),
        "effect": np.square(sample).sum(),
        "held_out_error": np.square(probe.mean() - found.held_out),
        "held_out_effect": np.square(probe.mean()),
        "width": widths[0] / np.hypot(widths[1], widths[2]),
    }


def inside(interval: np.ndarray, true: np.ndarray) -> np.ndarray:
    """1 where the interval holds it."""
    return ((interval[0] <= true) & (true <= interval[1])).astype(float)


def told(kind: str, knows: str, found: list[dict[str, np.ndarray]]) -> str:
    """A row of the table; brackets: bootstrap over pairs."""
    sum_of = {key: np.array([row[key] for row in found]) for key in found[0]}
    held = sum_of["sample"].mean(1)
    low, high = bootstrap_ci(lambda i: held[i].mean(), len(held), 0)
    r2 = 1 - sum_of["error"].sum() / sum_of["effect"].sum()
    held_out = 1 - sum_of["held_out_error"].sum() / sum_of["held_out_effect"].sum()
    return (
        f"| {kind} | {knows} | {len(found)} | {held.mean():.3f} [{low:.2f}, {high:.2f}] "
        f"| {sum_of['probe'].mean():.3f} | {sum_of['held_out'].mean():.3f} "
        f"| {r2:.2f} | {held_out:.2f} | {np.median(sum_of['width']):.2f} |"
    )


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--pairs", type=int, default=64)
    parser.add_argument("--orders", type=int, default=32, help="of a family to draw pairs from")
    parser.add_argument("--seed", type=int, default=2027)
    parser.add_argument("--knows", default="designed,ledger")
    options = parser.parse_args()
    run = open_run(options.run)
    kinds = dict(pairs_of(run, options.pairs, options.orders, options.seed))
    truth = {
        kind: [(retrain_once(run, a), retrain_once(run, b)) for a, b in pairs]
        for kind, pairs in kinds.items()
    }
    print(f"{run.id}, seed {options.seed}\n")
    print("| pairs | knows | pairs | samples inside | domains inside | held-out mean inside "
          "| R² | R² held-out | width |")  # fmt: skip
    print("|---" * 9 + "|")
    designed = HybridEstimator(run, designed_runs(run))
    for knows in options.knows.split(","):
        for kind, pairs in truth.items():
            found = []
            for order, base in pairs:
                hybrid = designed
                if knows == "ledger":
                    hybrid = designed.taught(informing_runs(run, order.order, base.order))
                assert not hybrid.fitted_on & {run.trains_as(o.order) for o in (order, base)}
                found.append(judged(hybrid, order, base))
            print(told(kind, knows, found), flush=True)


if __name__ == "__main__":
    main()
