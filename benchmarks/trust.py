"""Does what an estimate expects of itself rank its errors?

    ./run python benchmarks/trust.py RUN [--orders 32] [--seed 2027]

Spearman across orders between `expected_error` (and, beside it, the distance
alone) and the mean absolute error of the samples' final losses.
"""

import argparse
from pathlib import Path

import numpy as np

from reorder_core.estimators import open_estimator
from reorder_core.judge.fidelity import fresh_orders, retrained_truth
from reorder_core.judge.measures import spearman
from reorder_core.orders.families import families_of
from reorder_core.store.run import open_run


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--orders", type=int, default=32)
    parser.add_argument("--seed", type=int, default=2027)
    options = parser.parse_args()
    run = open_run(options.run)
    print(f"{run.id}, {options.orders} orders a family, seed {options.seed}\n")
    print("| estimator | family | orders | expected error | distance |\n|---|---|---|---|---|")
    for name in ("hybrid", "projected"):
        estimator = open_estimator(run, name)
        rows = {}
        for family in families_of(run.visits):
            orders = fresh_orders(run, family, options.orders, options.seed)
            truth = retrained_truth(run, orders, lambda *_: None)
            found = [estimator.estimate(order) for order in orders]
            rows[family] = [
                (one.expected_error, one.distance, np.abs(one.final.samples - true).mean())
                for one, true in zip(found, truth.final.samples, strict=True)
            ]
        far = [row for family in rows if family != "move" for row in rows[family]]
        groups = {"all": far + rows["move"], "all but moves": far, **rows}
        for family, values in groups.items():
            expected, distance, error = np.array(values).T
            print(
                f"| {name} | {family} | {len(values)} | {spearman(expected, error):.2f} "
                f"| {spearman(distance, error):.2f} |"
            )


if __name__ == "__main__":
    main()
