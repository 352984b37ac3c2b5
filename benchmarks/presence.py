"""What a sample's presence does, estimated against real retraining: left out, trained instead.

    python benchmarks/presence.py RUN [--orders 32] [--seed 61] [--estimator hybrid]

RUN has a reserve (`corpus.reserve`). Each order leaves another sample out and trains a reserve one
in its slots. Prints, over orders: Spearman of the own loss of what is left out and of what is
trained instead, of the mean held-out loss, coverage of the 90 % intervals, and how large the
effects are.
"""

import argparse
from pathlib import Path

import numpy as np

from reorder_core.estimators import open_estimator
from reorder_core.judge.fidelity import fresh_orders, retrain_once
from reorder_core.judge.measures import spearman
from reorder_core.store.run import Run, open_run


def measured(run: Run, orders: int, seed: int, name: str) -> dict[str, np.ndarray]:
    """Estimated and retrained changes against the reference, one value an order."""
    estimator, usual = open_estimator(run, name), run.reference.final
    times = run.visits.times(run.reference_order[None])[0]
    found: dict[str, list[float]] = {}
    for order in fresh_orders(run, "in-out", orders, seed):
        change = run.visits.times(order[None])[0] - times
        out, taken = int(change.argmin()), int(change.argmax())
        told, true = estimator.estimate(order), retrain_once(run, order).final
        ends = told.interval
        for what, value, real, base, low, high in (
            *(
                (key, told.final.samples[i], true.samples[i], usual.samples[i],
                 ends and ends.samples[0, i], ends and ends.samples[1, i])
                for key, i in (("left out", out), ("trained instead", taken))
            ),
            ("mean held-out", told.final.held_out, true.held_out, usual.held_out, None, None),
        ):  # fmt: skip
            held = np.nan if low is None or high is None else float(low <= real <= high)
            for key, number in (("told", value - base), ("true", real - base), ("held", held)):
                found.setdefault(f"{what} {key}", []).append(float(number))
    return {key: np.array(values) for key, values in found.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--orders", type=int, default=32)
    parser.add_argument("--seed", type=int, default=61)
    parser.add_argument("--estimator", default="hybrid")
    asked = parser.parse_args()
    found = measured(open_run(asked.run), asked.orders, asked.seed, asked.estimator)
    print(
        "| loss | Spearman | mean effect, nats | R² | 90 % interval holds |\n|---|---|---|---|---|"
    )
    for what in ("left out", "trained instead", "mean held-out"):
        told, true, held = (found[f"{what} {key}"] for key in ("told", "true", "held"))
        r2 = 1 - np.square(told - true).sum() / np.square(true).sum()
        print(f"| {what} | {spearman(told, true):.2f} | {true.mean():+.4f} | {r2:.2f} | "
              f"{held.mean():.0%} |")  # fmt: skip


if __name__ == "__main__":
    main()
