"""Heat maps of moves, estimated against real retraining, as the table of docs/fidelity.md.

    ./run python benchmarks/heat_map.py RUN [--samples 6] [--slots 8] [--seed 7]

Retrains each move that the run's ledger does not hold yet.
"""

import argparse
from pathlib import Path

from reorder_core.estimators import ESTIMATORS
from reorder_core.judge.heat_map import SAMPLES, SEED, SLOTS, measure, plan_moves
from reorder_core.store.run import open_run

HEAD = "| estimator | moves | Spearman | within a sample | MSE | MSE of no change |"


def main() -> None:
    """Prints a Markdown table, one row an estimator; errors in nats²."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--slots", type=int, default=SLOTS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--estimators", default=",".join(ESTIMATORS))
    options = parser.parse_args()
    run = open_run(options.run)
    moves = plan_moves(run, options.samples, options.slots, options.seed)
    report = measure(run, moves, options.estimators.split(","))
    print(f"\n{run.id}, {options.samples} samples x {options.slots} slots, seed {options.seed}\n")
    print(HEAD + "\n" + "|---" * 6 + "|")
    for name, found in report["estimators"].items():
        ranks = f"{found['spearman']:.3f} | {found['spearman_rows']:.3f}".replace("nan", "–")
        errors = f"{found['mse']:.2e} | {found['mse_no_change']:.2e}"
        print(f"| {name} | {found['cells']} | {ranks} | {errors} |")


if __name__ == "__main__":
    main()
