"""Retrainings done by an executor's workers, and kept in the ledger by one process, in order."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from reorder_core.execution.executor import Executor, do_in_order
from reorder_core.execution.task import Place, Shards, Workplace, task, unit
from reorder_core.orders.order import Order, order_hash
from reorder_core.records.losses import Losses
from reorder_core.records.values import Values
from reorder_core.store.files import Arrays
from reorder_core.store.ledger import Retrained
from reorder_core.store.leftovers import scratch_folder
from reorder_core.store.run import Run, open_run

_MEASURED = "measured"


def retrain_missing(
    run: Run,
    orders: Sequence[Order],
    on_progress: Callable[[str, int, int], None],
    executor: Executor,
) -> None:
    """Has the orders trained that the ledger lacks, and keeps them there in the order given.

    Whichever worker ends first, so that the ledger is the one that training
    them in turn would have left. Each is kept as soon as those before it are.
    """
    by_hash = {order_hash(order): order for order in orders}
    missing = [order for hashed, order in by_hash.items() if run.ledger.get(hashed) is None]
    tasks = [task(retrained, order=order.tolist()) for order in missing]
    place = Place(run.path, None, run.fingerprint)
    with scratch_folder() as folder:
        do_in_order(
            executor, place, tasks, Shards(folder, run.fingerprint),
            lambda done, total: on_progress("retraining", done, total),
            lambda number, arrays: run.keep(_entry(run, missing[number], arrays)),
        )  # fmt: skip


@unit
def retrained(workplace: Workplace, order: list[int]) -> Mapping[str, Any]:
    """The published run trained in an order: losses (E, N) and (E, D), seconds, quantities."""
    from reorder_core.training.loop import open_trainable, retrain  # imports torch

    run = workplace.once("run", lambda: open_run(workplace.place.folder))
    trainable = workplace.once("trainable", lambda: open_trainable(run))
    found = retrain(run, np.array(order, np.int32), trainable=trainable)
    arrays = {"samples": found.losses_at.samples, "probes": found.losses_at.probes,
              "seconds": np.array([found.seconds])}  # fmt: skip
    for name, values in found.measured.items():
        arrays[f"{_MEASURED} samples {name}"] = np.array(values.samples)
        arrays[f"{_MEASURED} probes {name}"] = np.array(values.probes)
    return arrays


def _entry(run: Run, order: Order, arrays: Arrays) -> Retrained:
    names = [key.split(" ", 2)[2] for key in arrays if key.startswith(f"{_MEASURED} samples ")]
    measured = {
        name: Values(arrays[f"{_MEASURED} samples {name}"], arrays[f"{_MEASURED} probes {name}"])
        for name in names
    }
    losses = Losses(arrays["samples"], arrays["probes"])
    seconds = float(arrays["seconds"][0])
    return Retrained(run.id, order_hash(order), order, losses, seconds, measured=measured)
