"""Query time for models of other sizes, and of runs that are there.

    ./run python benchmarks/query_time.py data/python-docs.yaml
    ./run python benchmarks/query_time.py --run data/smollm2 --run runs/like-it --estimator hybrid

From a config, runs of about 0.2 and 5 million parameters are built in a temporary folder (fewer
base steps and calibration orders: they change no query). All runs are asked random orders in turns.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from reorder_core.building.build import build_run
from reorder_core.config import RunConfig, read_config
from reorder_core.estimators import open_estimator
from reorder_core.judge.fidelity import fresh_orders
from reorder_core.store.run import Run, open_run

LARGE = {"hidden_size": 320, "layers": 4, "heads": 4, "intermediate_size": 880}
UNTIMED = 2
"""Orders asked first, while the machine gets warm."""


def quick(config: RunConfig, model: dict) -> RunConfig:
    """The configuration with another model and only what a query needs."""
    value = config.model_dump()
    value["model"] |= model
    value["training"]["base"]["steps"] = 16
    value["calibration"]["orders"] = 2
    value["position"]["orders"] = 1
    return RunConfig.model_validate(value)


def ask(runs: list[Run], name: str, orders: int) -> None:
    """Prints each run's percentiles, and the ratio of medians to the first."""
    asked = [
        (open_estimator(run, name), fresh_orders(run, "random", orders + UNTIMED, 99))
        for run in runs
    ]
    times: list[list[float]] = [[] for _ in runs]
    for turn in range(orders + UNTIMED):
        for spent, (estimator, drawn) in zip(times, asked, strict=True):
            began = time.perf_counter()
            estimator.estimate(drawn[turn])
            spent.append(1000 * (time.perf_counter() - began))
    first = float(np.median(times[0][UNTIMED:]))
    for run, spent in zip(runs, times, strict=True):
        size = int(run.metadata("projected")["parameters"])
        middle, late = np.percentile(spent[UNTIMED:], [50, 95])
        print(
            f"{run.id}, {size:,} trained parameters: {name} p50 {middle:.0f} ms, "
            f"p95 {late:.0f} ms, {middle / first:.2f} × the first"
        )


def main() -> None:
    """Prints medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path, nargs="?")
    parser.add_argument("--run", type=Path, action="append", default=[])
    parser.add_argument("--estimator", default="projected")
    parser.add_argument("--orders", type=int, default=40)
    options = parser.parse_args()
    if options.run:
        ask([open_run(path) for path in options.run], options.estimator, options.orders)
        return
    config = read_config(options.config)
    with tempfile.TemporaryDirectory() as folder:
        models = (("small", {}), ("large", LARGE))
        runs = [
            open_run(build_run(quick(config, model), Path(folder) / name)) for name, model in models
        ]
        ask(runs, options.estimator, options.orders)


if __name__ == "__main__":
    main()
