"""What the second centre is worth: `hybrid` with and without it, and each prior alone.

    ./run python benchmarks/two_centres.py RUN [--orders 32] [--seed 414243] [--families random]

Both learn from the same designed retrainings. Retrains each judging order that
the run's ledger does not hold yet. Brackets are bootstrap 95 % intervals.
"""

import argparse
from pathlib import Path

from fidelity_table import COLUMNS, row

from reorder_core.estimators.hybrid import HybridEstimator
from reorder_core.estimators.learning.retrainings import designed_runs
from reorder_core.estimators.projected import ProjectedEstimator
from reorder_core.estimators.replay.two_centres import CentredEstimator
from reorder_core.judge.fidelity import fresh_orders, measure_estimator, retrained_truth
from reorder_core.store.run import open_run


def main() -> None:
    """Prints a table a family."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--orders", type=int, default=32)
    parser.add_argument("--seed", type=int, default=414243)
    parser.add_argument("--families", default="random,move,blocks,curriculum")
    options = parser.parse_args()
    run = open_run(options.run)
    runs = designed_runs(run)
    one, two = ProjectedEstimator(run, runs), CentredEstimator(run, runs)
    asked = {
        "`projected`": one,
        "both centres, nothing learned": two,
        "`hybrid` around one": HybridEstimator(run, runs, one),
        "`hybrid` around both": HybridEstimator(run, runs, two),
    }
    for family in options.families.split(","):
        judges = fresh_orders(run, family, options.orders, options.seed)
        assert not runs.hashes & {run.trains_as(order) for order in judges}
        truth = retrained_truth(run, judges, lambda *_: None)
        print(f"\n{run.id}, {family}, {len(judges)} orders, seed {options.seed}\n")
        print("| | " + " | ".join(COLUMNS) + " |")
        print("|---" * (len(COLUMNS) + 1) + "|")
        for name, estimator in asked.items():
            cells = row(name, measure_estimator(estimator, truth, options.seed)).split(" | ")
            # Not the time: an order replayed for one of them is remembered for the next.
            print(" | ".join(cells[:-2]) + " |", flush=True)


if __name__ == "__main__":
    main()
