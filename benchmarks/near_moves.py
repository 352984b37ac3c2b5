"""What `hybrid` makes of single moves once it has learned from a few of them.

    ./run python benchmarks/near_moves.py RUN [--judge-seed 31337] [--learn-seed 2027]

Moves of one seed judge; the designed retrainings, and then 4, 8 … moves of
another seed beside them, teach. Retrains what the ledger lacks.
"""

import argparse
from pathlib import Path

from reorder_core.estimators import open_estimator
from reorder_core.estimators.learning.retrainings import TrainingRuns, designed_runs, runs_of
from reorder_core.judge.fidelity import Truth, measure_estimator, retrain_all, retrained_truth
from reorder_core.store.drawn import drawn_orders
from reorder_core.store.run import Run, open_run


def told(run: Run, name: str, runs: TrainingRuns, truth: Truth, label: str) -> str:
    """A row of the table."""
    estimator = open_estimator(run, name, runs)
    assert not estimator.fitted_on & {run.trains_as(order) for order in truth.orders}
    found = measure_estimator(estimator, truth, 0)
    low, high = found.interval("r2") or (float("nan"), float("nan"))
    return (
        f"| {name} | {label} | {found.r2:.3f} [{low:.2f}, {high:.2f}] | {found.rel_mae:.3f} "
        f"| {found.coverage90:.3f} |"
    )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--orders", type=int, default=32)
    parser.add_argument("--judge-seed", type=int, default=31337)
    parser.add_argument("--learn-seed", type=int, default=2027)
    options = parser.parse_args()
    run = open_run(options.run)
    judging = drawn_orders(run, "move", options.orders, options.judge_seed)
    known = {run.trains_as(order) for order in judging}
    teaching = [
        order for order in drawn_orders(run, "move", 32, options.learn_seed)
        if run.trains_as(order) not in known
    ]  # fmt: skip
    truth = retrained_truth(run, judging, lambda *_: None)
    taught, designed = retrain_all(run, teaching, lambda *_: None), designed_runs(run)
    print(f"{run.id}, {options.orders} single moves of seed {options.judge_seed}\n")
    print("| estimator | knows | R² | rel. MAE | in the 90 % interval |\n|---|---|---|---|---|")
    print(told(run, "projected", designed, truth, "–"))
    print(told(run, "hybrid", designed, truth, f"{len(designed)} designed"), flush=True)
    for count in (4, 8, 16, 32):
        runs = designed.joined(runs_of(run, taught[:count]))
        print(told(run, "hybrid", runs, truth, f"and {len(taught[:count])} moves"), flush=True)


if __name__ == "__main__":
    main()
