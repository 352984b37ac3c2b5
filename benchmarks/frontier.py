"""Accuracy against cost: every estimator, the learned ones at several numbers of retrainings.

    ./run python benchmarks/frontier.py [RUN ...] [--orders 32] [--seed 2027] [--figure PATH]
        [--points PATH]

Judges on random orders of `--seed`. `hybrid` learns from the build's own
designed retrainings first, which alone can be its second centre (all of them
or none); the others learn from orders all spread over the training
(`--learn-seed`), which are retrained into the run's ledger, as `hybrid` does
beyond the designed ones. Prints a table a run and draws all of them in one
figure, with those of earlier calls where `--points` keeps them. Costs count
what a method needs: its precomputation, and its retrainings with the
evaluations it uses (at the end; simfluence also along the way).
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from reorder_core.building.designed_orders import spread_orders
from reorder_core.estimators import open_estimator
from reorder_core.estimators.learning.retrainings import (
    TrainingRuns,
    designed_runs,
    no_runs,
    runs_of,
)
from reorder_core.judge.fidelity import (
    fresh_orders,
    measure_estimator,
    retrain_once,
    retrained_truth,
)
from reorder_core.store.run import Run, open_run

STYLES = {
    "hybrid": {"color": "#c2410c", "marker": "o"},
    "projected": {"color": "#1d4ed8", "marker": "s"},
    "retrain-regression": {"color": "#4b5563", "marker": "X"},
    "simfluence": {"color": "#a3a317", "marker": "h"},
    "fut": {"color": "#7c3aed", "marker": "v"},
    "fut++": {"color": "#be185d", "marker": "^"},
    "taylor": {"color": "#111827", "marker": "*"},
    "replay": {"color": "#0e7490", "marker": "D"},
    "position": {"color": "#15803d", "marker": "P"},
    "tracin": {"color": "#9f1239", "marker": "<"},
}
LEARNED = ("retrain-regression", "simfluence")
FIXED = ("projected", "replay", "position", "tracin")
MEASURES = {
    "r2": "R²", "rho_sample": "ρ sample", "rho_within": "ρ within", "rho_heldout": "ρ held-out",
}  # fmt: skip


def taught(run: Run, count: int, seed: int) -> TrainingRuns:
    """`count` retrainings of spread orders, evaluated along the way too."""
    orders = spread_orders(run.reference_order, count, seed)
    return runs_of(run, [retrain_once(run, order) for order in orders])


def designed_first(run: Run, others: TrainingRuns, count: int) -> TrainingRuns:
    """`count` retrainings: the build's designed ones, then `others`."""
    designed = designed_runs(run).first(count)
    more = count - len(designed)
    return designed.joined(others.first(more)) if more else designed


def cost(run: Run, name: str, estimator: Any, runs: TrainingRuns) -> float:
    """RRE; a method that uses only final losses is not charged for the others."""
    along_the_way = (len(run.eval_steps) - 1) * run.evaluation_rre
    later = sum(np.isfinite(row[:-1]).all() for row in runs.losses_at.samples)  # not the designed
    spared = 0.0 if name == "simfluence" else along_the_way * later
    return estimator.precompute_rre - spared


def points(run: Run, options: argparse.Namespace) -> list[dict[str, Any]]:
    """One measurement of an estimator a point, with its cost."""
    judges = fresh_orders(run, "random", options.orders, options.seed)
    truth = retrained_truth(run, judges, lambda *_: None)
    counts = [int(part) for part in options.runs.split(",")]
    runs = taught(run, max(counts), options.learn_seed)
    asked = [(name, 0, no_runs(run)) for name in (*FIXED, *options.slow.split(",")) if name]
    asked += [("hybrid", 0, no_runs(run))]
    asked += [("hybrid", count, designed_first(run, runs, count)) for count in counts]
    asked += [(name, count, runs.first(count)) for name in LEARNED for count in counts]
    found = []
    for name, count, known in asked:
        estimator = open_estimator(run, name, known)
        assert not estimator.fitted_on & {run.trains_as(order) for order in judges}
        values = measure_estimator(estimator, truth, options.seed)
        found.append(
            {"name": name, "runs": count, "rre": cost(run, name, estimator, known)} | asdict(values)
        )
        print(line(found[-1]), flush=True)
    return found


def line(point: dict[str, Any]) -> str:
    """A row of the Markdown table."""
    cells = [point["name"], str(point["runs"] or "–"), f"{point['rre']:.1f}"]
    cells += ["–" if point[key] is None else f"{point[key]:.3f}" for key in MEASURES]
    return f"| {' | '.join(cells)} | {point['rel_mae']:.3f} | {point['query_ms_p50']:.0f} |"


def draw(settings: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """All settings side by side, a row a measure."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    rows = ("r2", "rho_sample", "rho_heldout")
    figure, axes = plt.subplots(
        len(rows), len(settings), figsize=(4.2 * len(settings), 8), squeeze=False, sharex="col"
    )
    for column, (title, found) in enumerate(settings.items()):
        for row, key in enumerate(rows):
            axis = axes[row][column]
            for name, style in STYLES.items():
                line = sorted((p["rre"], p[key]) for p in found if p["name"] == name)
                if not line:
                    continue
                xs, ys = zip(*line, strict=True)
                drawn = [max(y, -0.25) for y in ys]
                axis.plot(xs, drawn, label=name, linewidth=1.2, markersize=5, **style)
            axis.set(xscale="log", ylim=(-0.3, 1.02), ylabel=MEASURES[key] if not column else "")
            axis.grid(alpha=0.25)
        axes[0][column].set_title(title)
        axes[-1][column].set_xlabel("cost in reference trainings (RRE)")
    shown = {}
    for axis in axes[0]:
        shown |= dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
    figure.legend(shown.values(), shown.keys(), ncols=5, loc="lower center", frameon=False)
    figure.tight_layout(rect=(0, 0.07, 1, 1))
    figure.savefig(path)


def main() -> None:
    """Prints the tables, then draws the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, nargs="*")
    parser.add_argument("--orders", type=int, default=32)
    parser.add_argument("--seed", type=int, default=2027)
    parser.add_argument("--learn-seed", type=int, default=90_001)
    parser.add_argument("--runs", default="4,8,16,32,64")
    parser.add_argument("--slow", default="fut,fut++", help="slower ones to measure as well")
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--points", type=Path, help="JSON of what is measured, by the run's name")
    options = parser.parse_args()
    kept = options.points is not None and options.points.is_file()
    settings = json.loads(options.points.read_text()) if kept else {}
    for path in options.run:
        run = open_run(path)
        print(f"\n{run.id}, {options.orders} random orders, seed {options.seed}\n")
        print("| estimator | retrainings | RRE | " + " | ".join(MEASURES.values())
              + " | rel. MAE | query ms p50 |")  # fmt: skip
        print("|" + "---|" * (len(MEASURES) + 5))
        settings[run.name] = points(run, options)
        if options.points:
            options.points.write_text(json.dumps(settings, default=float))
    if options.figure:
        draw(settings, options.figure)


if __name__ == "__main__":
    main()
