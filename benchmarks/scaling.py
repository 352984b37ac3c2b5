"""What precomputation, storage, queries and fidelity become as trainings and models grow.

    ./run python benchmarks/scaling.py --out /somewhere build 16 32 64 128 256 512
    ./run python benchmarks/scaling.py --out /somewhere build --slower 64 128 256 512
    ./run python benchmarks/scaling.py --out /somewhere build --models 1 6
    ./run python benchmarks/scaling.py --out /somewhere queries [RUN …]
    ./run python benchmarks/scaling.py --out /somewhere table

`build` trains and judges one run for each number of steps, or each model of about so many million
parameters; `queries` times all of them in turns, on a quiet machine; `table` prints both. Settings
of the projection are the same for all, so that only what grows differs. `--slower`: at a rate that
is smaller as the steps are more, so that the training goes as far.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from reorder_core.building.build import build_run
from reorder_core.config import RunConfig, read_config
from reorder_core.estimators import open_estimator
from reorder_core.judge.fidelity import fresh_orders, measure
from reorder_core.records.fidelity import FidelityReport
from reorder_core.store.run import Run, open_run

CONFIG = Path(__file__).parents[1] / "data" / "python-docs.yaml"
PROJECTION = {"coordinates": 8192, "anchors": 4, "rank": 512, "kept": 512, "bits": 16}
MODELS = {
    1: {"hidden_size": 128, "layers": 4, "heads": 4, "intermediate_size": 352},
    6: {"hidden_size": 320, "layers": 4, "heads": 4, "intermediate_size": 880},
    20: {"hidden_size": 512, "layers": 6, "heads": 8, "intermediate_size": 1408},
}
"""Million parameters → shape."""
SEED, ORDERS = 616161, 16
"""Of the random orders that judge; nothing was chosen on them."""


def config_of(steps: int, model: dict, slower: bool = False) -> RunConfig:
    """python-docs with so many steps of 8 samples; slower: at a rate of 3e-4 · 32 / steps."""
    value = read_config(CONFIG).model_dump()
    value["name"] = "scaling"
    value["training"]["steps"] = steps
    if slower:
        value["training"]["learning_rate"] *= 32 / steps
    value["corpus"]["samples"] = steps * value["training"]["batch_size"]
    value["model"] |= model
    value["projection"] = PROJECTION
    value["calibration"]["orders"] = 8
    value["position"]["orders"] = 32
    return RunConfig.model_validate(value)


def build(folder: Path, config: RunConfig) -> None:
    """Build and judge; what is there already is kept."""
    began = time.perf_counter()
    run = open_run(build_run(config, folder))
    print(f"{folder.name}: built in {time.perf_counter() - began:.0f} s", flush=True)
    report = measure(run, "random", ORDERS, SEED, ["hybrid", "projected"], lambda *_: None)
    row = told(run, report)
    print(json.dumps(row), flush=True)
    (folder.parent / f"{folder.name}.json").write_text(json.dumps(row))


def told(run: Run, report: FidelityReport) -> dict:
    """What the table says of a run, but for its queries."""
    stages = {k: v for k, v in run.costs.items() if k not in ("corpus", "base", "reference")}
    fields = ("r2", "rho_sample", "rho_heldout", "coverage90")
    return {
        "steps": run.steps,
        "rate": run.config.training.learning_rate,
        "parameters": int(run.metadata("projected")["parameters"]),
        "rre": run.precompute_rre,
        "seconds": sum(stage["seconds"] for stage in stages.values()),
        "reference": run.costs["reference"]["seconds"],
        "bytes": run.bytes,
        "read": open_estimator(run, "hybrid").bytes,
        "spread": report.spread,
        **{name: getattr(report.estimators["hybrid"], name, None) for name in fields},
        **{f"projected_{n}": getattr(report.estimators["projected"], n, None) for n in fields},
    }


def queries(folder: Path, others: list[Path]) -> None:
    """Median seconds of a random order's estimate by `hybrid`, all runs in turns."""
    paths = [*sorted(path.parent for path in folder.glob("*/run.yaml")), *others]
    opened = [(path.name, open_run(path)) for path in paths]
    asked = [(name, open_estimator(run, "hybrid"), fresh_orders(run, "random", 14, 5))
             for name, run in opened]  # fmt: skip
    spent: dict[str, list[float]] = {name: [] for name, *_ in asked}
    for turn in range(14):
        for name, estimator, orders in asked:
            began = time.perf_counter()
            estimator.estimate(orders[turn])
            spent[name].append(time.perf_counter() - began)
    found = {name: 1000 * float(np.median(times[2:])) for name, times in spent.items()}
    (folder / "queries.json").write_text(json.dumps(found))
    print(json.dumps(found, indent=1))


def table(folder: Path) -> None:
    """A Markdown row a run, by steps and size."""
    times = json.loads((folder / "queries.json").read_text())
    rows = [(p.stem, json.loads(p.read_text())) for p in folder.glob("*.json") if p.stem in times]
    for name, row in sorted(rows, key=lambda found: (found[1]["parameters"], found[1]["steps"])):
        print(
            f"| {row['steps']}, {row['rate']:.1e} | {row['parameters'] / 1e6:.2f} M "
            f"| {row['rre']:.1f} "
            f"| {row['seconds']:.0f} s, {row['seconds'] / row['reference']:.0f} × "
            f"| {row['bytes'] / 1e6:.0f} / {row['read'] / 1e6:.0f} MB | {times[name]:.0f} ms "
            f"| {row['spread']:.3f} | {row['r2']:.3f} / {row['rho_sample']:.3f} / "
            f"{row['rho_heldout']:.3f} | {row['projected_r2']:.3f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parts = parser.add_subparsers(dest="part", required=True)
    building = parts.add_parser("build")
    building.add_argument("steps", type=int, nargs="*")
    building.add_argument("--slower", action="store_true")
    building.add_argument("--models", type=int, nargs="*", default=[])
    timing = parts.add_parser("queries")
    timing.add_argument("others", type=Path, nargs="*")
    parts.add_parser("table")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.part == "build":
        for steps in options.steps:
            name = f"steps-{steps}-slower" if options.slower else f"steps-{steps}"
            build(options.out / name, config_of(steps, {}, options.slower))
        for size in options.models:
            build(options.out / f"model-{size}", config_of(32, MODELS[size]))
    elif options.part == "queries":
        queries(options.out, options.others)
    else:
        table(options.out)


if __name__ == "__main__":
    main()
