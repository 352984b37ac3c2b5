"""Read-outs with a value of their own against real retraining, on orders that nothing knew.

    PYTHONPATH=. python benchmarks/read_outs.py RUN --orders 32 --seed 4242

of the quantities that are installed (docs/adding-a-quantity.md has two). Prints R² of the changes
from the reference run, Spearman's ρ over orders, the share of truth inside the 90 % interval, and
what they cost. The retrainings go to the run's ledger; estimates are told before any is learned.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from reorder_core.estimators import DEFAULT, open_estimator
from reorder_core.judge import measures
from reorder_core.judge.fidelity import fresh_orders, retrain_all
from reorder_core.quantities import VALUED
from reorder_core.store.measured import read_out_file
from reorder_core.store.run import open_run


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("run", type=Path)
    asked.add_argument("--orders", type=int, default=32)
    asked.add_argument("--seed", type=int, default=4242)
    asked.add_argument("--family", default="random")
    given = asked.parse_args()
    run = open_run(given.run)
    orders = fresh_orders(run, given.family, given.orders, given.seed)
    estimator = open_estimator(run, DEFAULT)  # as built: it knows the designed retrainings
    estimates, seconds = [], []
    for order in orders:
        estimator.estimate(order)
        began = time.perf_counter()
        estimates.append(estimator.read_outs(order))  # type: ignore[attr-defined]
        seconds.append(time.perf_counter() - began)
    told = retrain_all(run, orders, lambda *_: None)
    kept = [{**run.measured.of(one.order_hash), **one.measured} for one in told]
    for quantity in VALUED:
        arrays = run.arrays(read_out_file(quantity.name))
        file = run.file(read_out_file(quantity.name))
        row: dict[str, object] = {
            "quantity": quantity.name, "orders": len(orders), "family": given.family,
            "seed": given.seed, "rre": run.costs[f"read out {quantity.name}"]["rre"],
            "seconds": run.costs[f"read out {quantity.name}"]["seconds"],
            "bytes": file.stat().st_size,
        }  # fmt: skip
        for part in ("samples", "probes"):
            guess = [getattr(one[quantity.name].values, part) for one in estimates]
            ends = [getattr(one[quantity.name].interval, part) for one in estimates]
            true = np.stack([getattr(one[quantity.name], part) for one in kept])
            known = np.array(arrays[f"end_{part}"], float)
            row[part] = {
                "r2": round(measures.r2(np.stack(guess), true, known), 3),
                "spearman": round(measures.rho_sample(np.stack(guess), true), 3),
                "coverage90": round(measures.coverage90(np.stack(ends), true), 3),
                "sd_of_changes": float(f"{true.std(0).mean():.3g}"),
                "mean_width": float(f"{np.ptp(np.stack(ends), axis=1).mean():.3g}"),
            }
        print(json.dumps(row))
    print(json.dumps({"ms_beyond_the_losses_p50": round(1000 * float(np.median(seconds)), 1)}))


if __name__ == "__main__":
    main()
