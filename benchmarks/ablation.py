"""What of a built run its estimates live on: one thing taken away at a time, judged on orders
that its ledger has the retrainings of.

    ./run python benchmarks/ablation.py RUN --family random --orders 16 --seed 45

Nothing is built again, so every row is of the same retrainings. Coordinates: every second of those
sampled, at twice the weight, either half. Rank: the last rows of the factor of the curvature.
Anchors: the first and the last, of runs with three. Bits: the same numbers packed with less.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reorder_core.estimators import open_estimator
from reorder_core.estimators.replay.gradients import BY_DOMAIN
from reorder_core.estimators.replay.packing import pack, unpack
from reorder_core.judge import measures
from reorder_core.judge.fidelity import fresh_orders
from reorder_core.store.entries import Retrained
from reorder_core.store.run import Run, open_run

Arrays = dict[str, NDArray[Any]]
Change = Callable[[str, Arrays], Arrays]
"""From a file's name and its unpacked arrays to others."""
PARTS = (".column", ".row", ".levels")
BY_ANCHOR = {"unseen": [0, 2], "probe_gradients": [0, 2], "gradients": [1]}
"""Rows of the first and the last of three anchors; `gradients` has none of the first."""
FILES = ("projected", "curvature", "centre", "calibration", "reference")
PACKED = ("unseen", "gradients", "probe_gradients", "factor", "end_gradients",
          "end_probe_gradients")  # fmt: skip


def unpacked(arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """All arrays of a file in full precision."""
    names = [name for name in arrays if not name.endswith(PARTS)]
    return {
        name: unpack(name, arrays) if f"{name}.column" in arrays else np.asarray(arrays[name])
        for name in names
    }


def changed(run: Run, change: Change) -> Run:
    """The run as it would be read with other arrays."""
    other = open_run(run.path)
    files = {name: change(name, unpacked(run.arrays(name))) for name in FILES}
    other.arrays = lambda name: files.get(name) or run.arrays(name)
    return other


def every_second(first: int, size: int) -> Change:
    """Half of the `size` coordinates."""

    def change(file: str, arrays: Arrays) -> Arrays:
        if file not in ("projected", "curvature", "centre"):
            return arrays
        halved = {name: value[..., first::2] if value.shape[-1:] == (size,) else value
                  for name, value in arrays.items()}  # fmt: skip
        return halved | ({"weight": 2 * halved["weight"]} if "weight" in halved else {})

    return change


def rank(count: int) -> Change:
    def change(file: str, arrays: Arrays) -> Arrays:
        if file != "curvature":
            return arrays
        kept = {BY_DOMAIN: arrays[BY_DOMAIN][:, -count:]} if BY_DOMAIN in arrays else {}
        return {"factor": arrays["factor"][-count:]} | kept

    return change


def two_anchors(file: str, arrays: Arrays) -> Arrays:
    if file in ("projected", "centre"):
        return {name: value[BY_ANCHOR[name]] if name in BY_ANCHOR else value
                for name, value in arrays.items()}  # fmt: skip
    if file == "calibration":
        return {name: value[:, [0, 2]] if name.endswith("_at") else value
                for name, value in arrays.items()}  # fmt: skip
    if file == "reference":
        return {name: value[[0, 2]] if name.endswith("_at") or name == "eval_steps" else value
                for name, value in arrays.items()}  # fmt: skip
    return arrays


def bits(count: int) -> Change:
    def change(file: str, arrays: Arrays) -> Arrays:
        few = [pack(name, arrays[name], count) for name in PACKED if name in arrays]
        rest = {name: value for name, value in arrays.items() if name not in PACKED}
        return {name: value for part in few for name, value in part.items()} | rest

    return change


def judged(run: Run, estimator: str, entries: Sequence[Retrained]) -> str:
    """R² and ρ_sample."""
    opened = open_estimator(run, estimator)
    estimated = np.array([opened.estimate(entry.order).final.samples for entry in entries])
    retrained = np.array([entry.final.samples for entry in entries])
    reference = run.reference.final.samples
    r2 = measures.r2(estimated, retrained, reference)
    return f"{r2:.3f} / {measures.rho_sample(estimated, retrained):.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--family", default="random")
    parser.add_argument("--orders", type=int, default=16)
    parser.add_argument("--seed", type=int, default=45)
    options = parser.parse_args()
    run = open_run(options.run)
    size, rows = len(run.arrays("projected")["weight"]), run.config.projection.rank
    variants: dict[str, Change] = {
        "as built": lambda _, arrays: arrays,
        "every second coordinate": every_second(0, size),
        "the other half": every_second(1, size),
    }
    variants |= {f"rank {count}": rank(count) for count in (rows // 2, rows // 4, rows // 16)}
    if run.config.projection.anchors == 3:
        variants["2 anchors"] = two_anchors
    variants |= {f"{count} bits": bits(count) for count in (8, 4)}
    orders = fresh_orders(run, options.family, options.orders, options.seed)
    entries = [entry for order in orders if (entry := run.ledger.of(order)) is not None]
    if not entries:
        raise SystemExit(f"the ledger of {run.id} has none of these orders; run `fidelity` first")
    print(f"{len(entries)} orders\n")
    print("| | `hybrid` R² / ρ_sample | `projected` |\n|---|---|---|", flush=True)
    for name, change in variants.items():
        less = changed(run, change)
        told = [judged(less, estimator, entries) for estimator in ("hybrid", "projected")]
        print(f"| {name} | {' | '.join(told)} |", flush=True)


if __name__ == "__main__":
    main()
