"""Stages that retrain: the designed orders, and the second centre that they measure."""

import numpy as np
import torch

from reorder_core.building.anchor_gradients import read_gradients
from reorder_core.building.designed_orders import centre_count, designed_orders
from reorder_core.building.mean_path import Measuring, Told, train_designed
from reorder_core.building.reference_run import trainable_of
from reorder_core.building.stages import BuildContext
from reorder_core.estimators.replay.gradients import open_stored, with_curvature
from reorder_core.estimators.replay.packing import pack, unpack
from reorder_core.estimators.replay.two_centres import centre_replayer, mean_updates
from reorder_core.execution.task import Workplace, task, unit
from reorder_core.orders.order import order_hash
from reorder_core.quantities import VALUED
from reorder_core.records.losses import Losses
from reorder_core.records.values import Values
from reorder_core.store import costs
from reorder_core.store.files import Arrays
from reorder_core.training.measuring import measure

MEASURED = "measured"
"""What the designed retrainings told; serves the build only."""
_PARTS = ("samples", "probes")


def train_calibration(context: BuildContext) -> float:
    """calibration.safetensors: the designed retrainings that `hybrid` learns from; and what
    they measure on their way, for `take_centre`.

    Evaluated at the end only: losses along the way would cost as much again.
    """
    run = context.run()
    orders = designed_orders(run, context.config.calibration.orders)
    projected = context.load("projected")
    own = unpack("own", projected) if "own" in projected else None
    at_start, centre = unpack("unseen", projected)[0], centre_count(len(orders), run.visits)
    measuring = Measuring(context.config, run.visits, at_start, centre, own)
    shape = (len(orders), len(run.eval_steps))
    samples = np.full((*shape, run.count), np.nan, np.float32)
    probes = np.full((*shape, len(run.probe_domains)), np.nan, np.float32)
    # Not the ledger's copies: the same bits, however often the build was interrupted.
    tasks = [task(designed, order=order.tolist()) for order in orders]

    def take(number: int, arrays: Arrays) -> None:
        final = Losses(arrays["samples"], arrays["probes"])
        read = {
            quantity.name: Values(*(arrays[f"{quantity.name} {part}"] for part in _PARTS))
            for quantity in VALUED
            if f"{quantity.name} {_PARTS[0]}" in arrays
        }
        if read:
            run.measured.keep(order_hash(orders[number]), read)
        measuring.add(number, orders[number], Told(arrays["own"], arrays["theta"], final))
        samples[number, -1], probes[number, -1] = final.samples, final.probes

    context.each("designed retrainings", tasks, take)
    context.save(
        "calibration",
        {
            "orders": np.array(orders, np.int32).reshape(
                len(orders), run.visits.count
            ),
            "sample_loss_at": samples, "probe_loss_at": probes,
        },
    )  # fmt: skip
    measured = measuring.measured()
    context.save(MEASURED, measured.arrays() if measured else {"end": np.empty(0, np.float32)})
    return costs.calibration_rre(len(orders), run.count, len(run.probes), run.visits.trained)


@unit
def designed(workplace: Workplace, order: list[int]) -> dict[str, np.ndarray]:
    """What one designed retraining told: own (T, b, s), theta (n,), samples (N,), probes (D,)."""
    context = BuildContext.at(workplace)
    trainable = workplace.once("trainable", lambda: trainable_of(context))
    index = torch.tensor(np.array(context.load("projected")["coordinates"]))
    told = train_designed(trainable, index, np.array(order, np.int32))
    read = measure(trainable, torch.tensor(told.theta), VALUED) if VALUED else {}
    return {"own": told.own, "theta": told.theta,
            "samples": told.losses.samples, "probes": told.losses.probes,
            **{f"{name} {part}": np.array(getattr(values, part))
               for name, values in read.items() for part in _PARTS}}  # fmt: skip


def take_centre(context: BuildContext) -> float:
    """centre.safetensors: the expansion around the mean of the designed retrainings."""
    measured, projection = context.load(MEASURED), context.config.projection
    if "gradients" not in measured:
        context.save("centre", {"mean_update": np.empty((0, 0), np.float32)})
        return 0.0
    run, trainable = context.run(), trainable_of(context)
    index = torch.tensor(np.array(context.load("projected")["coordinates"]))
    context.on_progress("second centre", 0, 1)
    theta = torch.tensor(np.array(measured["end"]))
    samples, probes = read_gradients(trainable, theta, index)
    arrays = {
        **pack("gradients", np.array(measured["gradients"]), projection.bits),
        **pack("end_gradients", samples, projection.bits),
        **pack("end_probe_gradients", probes, projection.bits),
        **({"times": np.array(measured["times"])} if "times" in measured else {}),
    }
    orders = np.array(context.load("calibration")["orders"])
    around_reference = with_curvature(open_stored(run).replayer, run)
    replayer = centre_replayer(around_reference, arrays)
    # From the packed arrays: what a query replays must be centred as it is read.
    mean = mean_updates(replayer, orders[: centre_count(len(orders), run.visits)])
    context.save("centre", {**arrays, **pack("mean_update", mean, max(8, projection.bits))})
    return costs.centre_rre(run.count, len(run.probes), run.visits.trained)
