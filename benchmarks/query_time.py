"""Query time of `projected` for models of about 0.2 and 5 million parameters.

    ./run python benchmarks/query_time.py data/python-docs.yaml

Builds both runs in a temporary folder (fewer base steps and calibration
orders: they change no query), then asks each the same random orders in turns.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from reorder_core.building.build import build_run
from reorder_core.config import RunConfig, read_config
from reorder_core.estimators import open_estimator
from reorder_core.store.run import open_run

LARGE = {"hidden_size": 320, "layers": 4, "heads": 4, "intermediate_size": 880}


def quick(config: RunConfig, model: dict) -> RunConfig:
    """The configuration with another model and only what a query needs."""
    value = config.model_dump()
    value["model"] |= model
    value["training"]["base"]["steps"] = 16
    value["calibration"]["orders"] = 2
    value["position"]["orders"] = 1
    return RunConfig.model_validate(value)


def main() -> None:
    """Prints both medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--orders", type=int, default=40)
    options = parser.parse_args()
    config = read_config(options.config)
    with tempfile.TemporaryDirectory() as folder:
        runs = []
        for name, model in (("small", {}), ("large", LARGE)):
            run = open_run(build_run(quick(config, model), Path(folder) / name))
            runs.append((run, open_estimator(run, "projected")))
        random, times = np.random.default_rng(0), [[], []]
        for _ in range(options.orders):
            order = random.permutation(runs[0][0].count).astype(np.int32)
            for index, (_, estimator) in enumerate(runs):
                began = time.perf_counter()
                estimator.estimate(order)
                times[index].append(1000 * (time.perf_counter() - began))
        for (run, _), spent in zip(runs, times, strict=True):
            size = run.metadata("projected")["parameters"]
            middle, late = np.percentile(spent, [50, 95])
            print(f"{size} parameters: p50 {middle:.0f} ms, p95 {late:.0f} ms")
        print(f"ratio of medians, large to small: {np.median(times[1]) / np.median(times[0]):.3f}")


if __name__ == "__main__":
    main()
