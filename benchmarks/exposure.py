"""Canaries' exposure, estimated against real retraining, by step and by how often they are trained.

    python benchmarks/exposure.py RUN [--known 24] [--orders 16] [--seed 977] [--known-seed 7]

Orders are random; in a run with spare visits of its canaries each trains every canary once or more,
at random steps. `known` orders are retrained and recalled and correct the forecast, `orders` others
of another seed judge it. Everything is kept in RUN's ledger and recalls: give it a copy.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from reorder_core.analysis.exposures import bits_of, dose, features, make_forecast, z_scores
from reorder_core.estimators import open_estimator
from reorder_core.judge.fidelity import retrain_once
from reorder_core.judge.measures import spearman
from reorder_core.judge.recalling import recall_orders
from reorder_core.orders.order import Order
from reorder_core.recall.secrets import canary_texts
from reorder_core.store.run import Run, open_run


def drawn(run: Run, count: int, seed: int) -> list[Order]:
    """Random orders; canaries' spare visits in others' slots, none to all of them."""
    random, visits = np.random.default_rng([seed, 14]), run.visits
    canaries = [i for ids in canary_texts(run) for i in ids]
    planted = np.isin(visits.sample_of, canaries)
    orders = []
    for _ in range(count):
        order = np.array(run.reference_order)
        order[: visits.trained] = random.permutation(order[: visits.trained])
        for sample in canaries:
            spare = [v for v in visits.of_sample[sample] if v in order[visits.trained :]]
            for visit in random.permutation(spare)[: int(random.integers(len(spare) + 1))]:
                slot = int(random.choice(np.flatnonzero(~planted[order[: visits.trained]])))
                at = int(np.flatnonzero(order == visit)[0])
                order[[slot, at]] = order[[at, slot]]
        orders.append(visits.make_order(order))
    return orders


def rho(a: Any, b: Any) -> float:
    """Spearman."""
    return float(spearman(np.ravel(a), np.ravel(b)))


def main() -> None:
    """Print what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--known", type=int, default=24)
    parser.add_argument("--orders", type=int, default=16)
    parser.add_argument("--seed", type=int, default=977)
    parser.add_argument("--known-seed", type=int, default=7)
    asked = parser.parse_args()
    run, began = open_run(asked.run), time.perf_counter()
    known, fresh = drawn(run, asked.known, asked.known_seed), drawn(run, asked.orders, asked.seed)
    for order in [*known, *fresh]:
        retrain_once(run, order)
    reference, *recalls = recall_orders(run, [run.reference_order, *known, *fresh])
    learned, judges = recalls[: len(known)], recalls[len(known) :]
    print(f"{len(recalls)} orders retrained and recalled in {time.perf_counter() - began:.0f} s")
    projected: Any = open_estimator(run, "projected")
    forecast = make_forecast(run, projected, reference, learned, known)
    true = np.stack([bits_of(reference, z_scores(one)) for one in judges])
    value, half = forecast.of(fresh)
    low, high = bits_of(reference, value + half), bits_of(reference, value - half)
    told = {
        "corrected by retrainings": bits_of(reference, value),
        "replay alone": bits_of(reference, features(run, reference, projected, fresh)[..., 0]),
        "no change": np.repeat(bits_of(reference, z_scores(reference)[None]), len(fresh), 0),
        "mean of the retrainings": np.repeat(
            bits_of(reference, forecast.truth.mean(0)[None]), len(fresh), 0
        ),
    }
    print("| forecast | Spearman, all | within a canary | mean error, bits |\n|---|---|---|---|")
    for name, bits in told.items():
        within = [rho(bits[:, c], true[:, c]) for c in range(true.shape[1])]
        error = np.abs(bits - true).mean()
        print(f"| {name} | {rho(bits, true):.2f} | {np.mean(within):.2f} | {error:.2f} |")
    print(f"the 90 % interval holds {100 * ((low <= true) & (true <= high)).mean():.0f} %")
    print(f"true: {true.mean():.2f} bits on average, {true.min():.2f} to {true.max():.2f}")
    # Canaries differ more than doses do, so each is compared with itself, over all orders.
    every = bits_of(reference, np.stack([z_scores(one) for one in recalls]))
    given, at = dose(run, reference, [*known, *fresh])
    for name, x in (("repetitions", given), ("mean step", at)):
        found = [rho(x[:, c], every[:, c]) for c in range(every.shape[1]) if np.ptp(x[:, c])]
        if found:
            print(f"{name}: Spearman within a canary {np.mean(found):+.2f} on average, "
                  f"{min(found):+.2f} to {max(found):+.2f}, {len(recalls)} orders")  # fmt: skip
    apart = every - every.mean(0)
    for count in np.unique(given):
        print(f"trained {count}×: {apart[given == count].mean():+.2f} bits against the canary's "
              f"own mean, {(given == count).sum()} cases")  # fmt: skip


if __name__ == "__main__":
    main()
