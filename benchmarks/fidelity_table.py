"""Fidelity of every estimator against real retraining, as the tables of docs/fidelity.md.

    ./run python benchmarks/fidelity_table.py RUN [--orders 32] [--seed 7] [--families random,move]

Retrains each order that the run's ledger does not hold yet.
"""

import argparse
from pathlib import Path

from reorder_core.judge.fidelity import measure
from reorder_core.records.fidelity import Measured
from reorder_core.store.run import open_run

COLUMNS = ("r2", "rho_sample", "rho_within", "rho_heldout", "rel_mae", "coverage90")


def row(name: str, measured: Measured) -> str:
    """A line of a Markdown table: each measure with its bootstrap 95 % interval."""
    cells = [name]
    for column in COLUMNS:
        value, ends = getattr(measured, column), measured.interval(column)
        shown = "–" if value is None else f"{value:.3f}"
        if value is not None and ends:
            shown += f" [{ends[0]:.2f}, {ends[1]:.2f}]"
        cells.append(shown)
    cells += [f"{measured.query_ms_p50:.1f}", f"{measured.precompute_rre:.1f}"]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Prints one table a family."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--orders", type=int, default=32)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--families", default="random,move,blocks,curriculum")
    parser.add_argument("--estimators", default="hybrid,projected,replay,position,reference")
    options = parser.parse_args()
    run = open_run(options.run)
    for family in options.families.split(","):
        names = options.estimators.split(",")
        report = measure(run, family, options.orders, options.seed, names, lambda *_: None)
        print(f"\n{run.id}, family {family}, {options.orders} orders, seed {options.seed}\n")
        print("| estimator | " + " | ".join(COLUMNS) + " | query ms p50 | RRE |")
        print("|---" * (len(COLUMNS) + 3) + "|")
        for name in names:
            print(row(name, report.estimators[name]), flush=True)


if __name__ == "__main__":
    main()
