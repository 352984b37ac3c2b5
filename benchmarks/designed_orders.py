"""What other mixes of designed retrainings would teach, as in the note on designed orders.

    PYTHONPATH=. python benchmarks/designed_orders.py RUN [--mixes 12,0,0,0 8,5,1,2]
                                                          [--seed 5150] [--orders 32]

A mix says how many are spread, sequences of domains, of whole steps and by length. Its orders are
really retrained, `hybrid` learns from them alone, on the run's own replay, and the ledger's orders
of the seed judge it. RUN is only read; what the mixes share is retrained once.
"""

import argparse
from pathlib import Path

import numpy as np

from reorder_core.building import designed_orders as design
from reorder_core.estimators import DEFAULT, open_estimator
from reorder_core.estimators.hybrid import HybridEstimator
from reorder_core.estimators.learning.retrainings import TrainingRuns, runs_of
from reorder_core.judge.measures import coverage90, r2, rho_heldout
from reorder_core.orders.families import families_of
from reorder_core.store.drawn import drawn_orders
from reorder_core.store.ledger import Retrained
from reorder_core.store.run import Run, open_run
from reorder_core.training.loop import open_trainable, retrain


def main() -> None:
    """Prints a row a mix and family."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--mixes", nargs="+", default=["12,0,0,0", "8,5,1,2"])
    parser.add_argument("--seed", type=int, default=5150)
    parser.add_argument("--orders", type=int, default=32)
    asked = parser.parse_args()
    run, known = open_run(asked.run), {}
    judges = {
        family: [found for order in drawn_orders(run, family, asked.orders, asked.seed)
                 if (found := run.ledger.of(order)) is not None]
        for family in families_of(run.visits)
    }  # fmt: skip
    print("| mix | family | orders | R² | R² held out | ρ held out | domains inside 90 % |")
    print("|---|---|---|---|---|---|---|")
    for mix in asked.mixes:
        runs = retrained(run, tuple(map(int, mix.split(","))), known)
        hybrid = HybridEstimator(run, runs, open_estimator(run, DEFAULT).prior)
        for family, found in judges.items():
            unseen = [one for one in found if run.trains_as(one.order) not in runs.hashes]
            if len(unseen) > 1:
                print(f"| {mix} | {family} | {len(unseen)} | {judged(run, hybrid, unseen)} |")


def retrained(run: Run, mix: tuple[int, ...], known: dict[str, Retrained]) -> TrainingRuns:
    """The designed orders of that mix, those not yet `known` trained now."""
    count = sum(mix)
    design.SEQUENCES, design.STEPS, design.LENGTHS = ((n + 0.5) / count for n in mix[1:])
    trainable = None
    for order in design.designed_orders(run, count):
        if (name := run.trains_as(order)) not in known:
            trainable = trainable or open_trainable(run)
            known[name] = retrain(run, order, trainable=trainable)
    return runs_of(run, [known[run.trains_as(o)] for o in design.designed_orders(run, count)])


def judged(run: Run, hybrid: HybridEstimator, found: list[Retrained]) -> str:
    """R² of samples and of domains, the rank of their mean, coverage of domains."""
    estimates = [hybrid.estimate(one.order) for one in found]
    reference = run.reference.final
    samples, probes = (
        (np.stack([getattr(e.final, part) for e in estimates]),
         np.stack([getattr(one.final, part) for one in found]))
        for part in ("samples", "probes")
    )  # fmt: skip
    ends = np.stack([e.interval.probes for e in estimates if e.interval is not None])
    return (f"{r2(*samples, reference.samples):.3f} | {r2(*probes, reference.probes):.3f} | "
            f"{rho_heldout(*probes):.3f} | {coverage90(ends, probes[1]):.0%}")  # fmt: skip


if __name__ == "__main__":
    main()
