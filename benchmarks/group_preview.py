"""What the curve of a group under the board is worth: samples moved together, really retrained.

    ./run python benchmarks/group_preview.py RUN [--seed 5]

Retrains in a temporary copy of the run: every pair of copies, all samples with
copies, four random groups of eight and every domain, each put side by side at
the first step, the middle one and the last. `own steps` adds to each sample what its own step
does, as the curve was drawn before; `copies together` adds what the steps of
its copies in the group do, as it is drawn now. The estimate knows the designed
retrainings alone.
"""

import argparse
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from reorder_core.estimators.hybrid import HybridEstimator
from reorder_core.estimators.learning.retrainings import designed_runs
from reorder_core.estimators.position import PositionTable, open_position_table
from reorder_core.judge.fidelity import retrain_once
from reorder_core.orders.moves import Move, apply
from reorder_core.orders.order import Order, steps_of
from reorder_core.store.run import Run, open_run

Group = tuple[int, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "run"
        shutil.copytree(options.run, copy, ignore=shutil.ignore_patterns("cache"))
        report(open_run(copy), np.random.default_rng(options.seed))


def report(run: Run, random: np.random.Generator) -> None:
    table, hybrid = open_position_table(run), HybridEstimator(run, designed_runs(run))
    print("group | samples | step | own steps | copies together | estimated | retrained")
    told: dict[str, list[list[float]]] = defaultdict(list)
    for name, group in groups(run, random):
        for step in (0, run.steps // 2, run.steps - 1):
            slot = min(step * run.batch_size, run.count - len(group))
            order = apply(run.reference_order, Move("insert", group, slot))
            estimate = hybrid.difference(order, run.reference_order).sample[list(group)].mean()
            row = [*previews(run, table, group, order), float(estimate), truth(run, group, order)]
            told[name].append(row)
            figures = " | ".join(f"{value:+.3f}" for value in row)
            print(f"{name} | {len(group)} | {step + 1} | {figures}", flush=True)
    for name, rows in told.items():
        errors = np.abs(np.array(rows)[:, :3] - np.array(rows)[:, 3:]).mean(0)
        print(f"{name}: mean absolute errors " + " | ".join(f"{e:.3f}" for e in errors))


def groups(run: Run, random: np.random.Generator) -> Iterator[tuple[str, Group]]:
    """Of ids as they stand in the reference order."""
    copies = list(copies_of(run).values())
    for pair in copies:
        yield "copies", as_they_stand(run, pair)
    yield "all copies", as_they_stand(run, [i for pair in copies for i in pair])
    for _ in range(4):
        yield "random", as_they_stand(run, random.choice(run.count, 8, replace=False).tolist())
    for domain in run.domains:
        inside = [s.sample_id for s in run.samples if s.domain == domain]
        if sorted(inside) == sorted(i for pair in copies for i in pair):
            continue  # had above
        yield f"all of {domain}", as_they_stand(run, inside)


def copies_of(run: Run) -> dict[str, list[int]]:
    """Samples by their text, where several have it."""
    found: dict[str, list[int]] = defaultdict(list)
    for sample in run.samples:
        found[sample.text].append(sample.sample_id)
    return {text: ids for text, ids in found.items() if len(ids) > 1}


def as_they_stand(run: Run, ids: list[int]) -> Group:
    return tuple(int(i) for i in run.reference_order if int(i) in set(ids))


def previews(run: Run, table: PositionTable, group: Group, order: Order) -> tuple[float, float]:
    """Mean change of the group's own losses, without and with what copies do to each other."""
    home, to = steps_of(np.stack([run.reference_order, order]), run.batch_size)
    change = {i: float(table.own[i, to[i]] - table.own[i, home[i]]) for i in group}
    together = copies_of(run)
    summed = [
        sum(change[c] for c in together.get(run.samples[i].text, [i]) if c in change) for i in group
    ]
    return float(np.mean(list(change.values()))), float(np.mean(summed))


def truth(run: Run, group: Group, order: Order) -> float:
    change = retrain_once(run, order).final.samples - run.reference.final.samples
    return float(change[list(group)].mean())


if __name__ == "__main__":
    main()
