"""What workers save: one build here, by local processes and by Ray, and whether the bits agree.

python benchmarks/executors.py [CONFIG] [--workers 2]
"""

import argparse
import tempfile
import time
from pathlib import Path

from reorder_core.building.build import build_run
from reorder_core.config import read_config
from reorder_core.execution.executor import open_executor
from reorder_core.store.run import open_run

STAGES = ("curvature", "calibration")
"""Those that are divided into tasks."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("config", type=Path, nargs="?", default=Path("data/python-docs.yaml"))
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    config = read_config(options.config)
    seconds: dict[str, dict[str, float]] = {}
    bits = {}
    for name in ("here", "local", "ray"):
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            with open_executor(name, options.workers) as executor:
                run = open_run(build_run(config, Path(folder) / "run", executor=executor))
            whole = time.perf_counter() - began
            assert run.manifest is not None
            costs = run.manifest.costs
            seconds[name] = {stage: costs[stage].seconds for stage in STAGES} | {"build": whole}
            files = run.manifest.files.items()
            bits[name] = {n: f.sha256 for n, f in files if n.endswith(".safetensors")}
        parts = ", ".join(
            f"{stage} {took:.1f} s ({seconds['here'][stage] / took:.2f} times as fast as here)"
            for stage, took in seconds[name].items()
        )
        print(f"{name}: {parts}; same bits as here: {bits[name] == bits['here']}", flush=True)


if __name__ == "__main__":
    main()
