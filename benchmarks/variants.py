"""What each setting of a build is worth: estimates against retraining, variant by variant.

    ./run python benchmarks/variants.py data/python-docs.yaml projection.rank=128 projection.bits=8

Each argument is one variant: settings that differ from the config, joined by
commas; "-" is the config itself. Runs are built in a temporary folder.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import yaml

from reorder_core.building.build import build_run
from reorder_core.config import RunConfig
from reorder_core.judge.fidelity import measure
from reorder_core.records.fidelity import Measured
from reorder_core.store.run import open_run


def changed(config: dict[str, Any], variant: str) -> RunConfig:
    """The configuration with `a.b=value` settings; few simulated orders, as none are read."""
    config = json.loads(json.dumps(config)) | {"position": {"orders": 16}}
    for setting in variant.split(",") if variant != "-" else ():
        name, value = setting.split("=")
        *parts, last = name.split(".")
        place = config
        for part in parts:
            place = place.setdefault(part, {})
        place[last] = yaml.safe_load(value)
    return RunConfig.model_validate(config)


def main() -> None:
    """Prints a row of a Markdown table a variant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("variants", nargs="+")
    parser.add_argument("--orders", type=int, default=16)
    parser.add_argument("--seed", type=int, default=4242)
    options = parser.parse_args()
    config = yaml.safe_load(options.config.read_text(encoding="utf-8"))
    print(
        "| variant | estimator | spread | r2 | rho_sample | rho_within "
        "| rho_heldout | ms p50 | RRE |"
    )
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for variant in options.variants:
        with tempfile.TemporaryDirectory() as folder:
            run = open_run(build_run(changed(config, variant), Path(folder) / "run"))
            report = measure(
                run,
                "random",
                options.orders,
                options.seed,
                ["hybrid", "projected"],
                lambda *_: None,
            )
            for estimator, found in report.estimators.items():
                print(row(variant, estimator, report.spread, found), flush=True)


def row(variant: str, estimator: str, spread: float | None, found: Measured) -> str:
    """A line of the table."""
    names = ("r2", "rho_sample", "rho_within", "rho_heldout")
    cells = [
        variant,
        estimator,
        f"{spread:.3f}",
        *(f"{getattr(found, name):.3f}" for name in names),
    ]
    cells += [f"{found.query_ms_p50:.0f}", f"{found.precompute_rre:.0f}"]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
