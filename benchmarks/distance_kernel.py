"""What it is worth that `hybrid`'s errors are alike only between orders about as far away.

    ./run python benchmarks/distance_kernel.py RUN [--seed 60601] [--orders 32]

The same estimator on the same orders, learned from the designed retrainings
alone, with errors alike at any distance and then as they are. Retrains what
the ledger lacks.
"""

import argparse
from pathlib import Path

from reorder_core.estimators import hybrid
from reorder_core.estimators.learning.retrainings import designed_runs
from reorder_core.estimators.projected import ProjectedEstimator
from reorder_core.judge.fidelity import fresh_orders, measure_estimator, retrained_truth
from reorder_core.orders.families import FAMILIES
from reorder_core.store.run import open_run

MEASURES = ("r2", "rho_sample", "rho_heldout", "rel_mae", "coverage90")
ANY = 1e9
"""A scale so wide that distance tells nothing apart."""


def main() -> None:
    """Prints a row a family and scale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--orders", type=int, default=32)
    parser.add_argument("--seed", type=int, default=60601)
    options = parser.parse_args()
    run = open_run(options.run)
    runs, kept = designed_runs(run), hybrid.SCALE
    prior = ProjectedEstimator(run, runs)
    print(f"{run.id}, {options.orders} orders a family, seed {options.seed}\n")
    print("| family | scale | " + " | ".join(MEASURES) + " |\n" + "|---" * 7 + "|")
    for family in FAMILIES:
        orders = fresh_orders(run, family, options.orders, options.seed)
        truth = retrained_truth(run, orders, lambda *_: None)
        for scale in (ANY, kept):
            hybrid.SCALE = scale
            found = measure_estimator(hybrid.HybridEstimator(run, runs, prior), truth, 0)
            shown = " | ".join(f"{getattr(found, name):.3f}" for name in MEASURES)
            print(f"| {family} | {scale:g} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
