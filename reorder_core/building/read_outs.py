"""Stages that take what a read-out with a value of its own needs: values and gradients at θ_T.

One file a quantity, `read_outs/NAME.safetensors`: losses depend on none of them, and a run
gains one when a quantity is registered after it was built.
"""

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import torch
from torch import Tensor

from reorder_core.building.anchor_gradients import domain_rows
from reorder_core.building.reference_run import CHECKPOINTS, trainable_of
from reorder_core.building.stages import BuildContext, BuildStage, Progress, gain
from reorder_core.errors import ReorderError, StoreError
from reorder_core.estimators.replay.packing import pack
from reorder_core.orders.order import order_hash
from reorder_core.quantities import VALUED, ReadOut
from reorder_core.records.losses import Losses
from reorder_core.store import costs
from reorder_core.store.lock import BuildLock
from reorder_core.store.measured import read_out_file, refuse_others
from reorder_core.store.run import Run
from reorder_core.training.loop import Trainable, open_trainable, retrain
from reorder_core.training.measuring import measure, told_of

End = Callable[[], tuple[Trainable, Tensor, float]]
"""The run's training side, θ_T of its reference order, and what that took in RRE."""


def read_out_stages(end: End | None = None) -> tuple[BuildStage, ...]:
    """One for each registered quantity that is read out by a value of its own; mostly none."""
    return tuple(
        BuildStage(
            f"read out {quantity.name}", (f"{read_out_file(quantity.name)}.safetensors",),
            partial(_take, quantity, end), gained=True, optional=True,
        )
        for quantity in VALUED
    )  # fmt: skip


def gain_read_outs(run: Run, on_progress: Progress = lambda *_: None) -> None:
    """A published run with the read-outs that it lacks; its reference order is trained once more.

    What that tells of all measured quantities is kept as well. Raises RunBusy while another
    process builds there, StoreError where the training does not end with the losses known of it.
    """
    assert run.manifest is not None, "a run that is being built has stages for that"

    @cache
    def end() -> tuple[Trainable, Tensor, float]:
        trainable = open_trainable(run)
        theta = _trained_again(trainable, run, on_progress)
        told = measure(trainable, theta, VALUED)
        run.measured.keep(order_hash(run.reference_order), told)
        return trainable, theta, 1.0

    with BuildLock(run.path):
        gain(read_out_stages(end), BuildContext(run.config, run.path, on_progress))


def measure_designed(run: Run, on_progress: Progress = lambda *_: None) -> int:
    """How many designed retrainings were trained once more, for what is read out of their ends.

    Of a run that was built before a quantity was registered: its estimates are corrected by
    what these tell. Raises StoreError as `gain_read_outs`.
    """
    if not run.file("calibration").is_file():
        return 0
    arrays, trainable, done = run.arrays("calibration"), None, 0
    for number, row in enumerate(np.array(arrays["orders"])):
        order = run.visits.make_order(row)
        known = run.measured.of(order_hash(order))
        lacking = [quantity for quantity in VALUED if quantity.name not in known]
        final = Losses(arrays["sample_loss_at"][number, -1], arrays["probe_loss_at"][number, -1])
        if not lacking or not final.finite:
            continue
        on_progress("designed retrainings", number, len(arrays["orders"]))
        trainable = trainable or open_trainable(run)
        found = retrain(run, order, trainable=trainable, evaluate_at=(run.steps,), wanted=lacking)
        refuse_others(run.path, final, found.final)
        run.measured.keep(found.order_hash, found.measured)
        done += 1
    return done


def _take(quantity: ReadOut, end: End | None, context: BuildContext) -> float:
    """The quantity's file: values (N,) and (D,) at θ_0 and θ_T, gradients at θ_T on coordinates."""
    trainable, theta, paid = end() if end else _end(context)
    context.on_progress(f"read out {quantity.name}", 0, 1)
    try:
        arrays = read_out(trainable, theta, _index(context), quantity, context)
    except ReorderError:
        raise
    except Exception as error:  # another package's fault must not take the build down
        raise ReorderError(
            f"quantity {quantity.name} cannot be read out: {type(error).__name__}: {error}; its "
            "value must be differentiable by θ, one text at a time under torch.func.vmap"
        ) from error
    name = read_out_file(quantity.name)
    context.file(name).parent.mkdir(exist_ok=True)
    context.save(name, arrays)
    sizes = len(trainable.samples), len(trainable.probes), trainable.visits.trained
    return paid + costs.read_out_rre(quantity, *sizes)


def read_out(
    trainable: Trainable, theta: Tensor, index: Tensor, quantity: ReadOut, context: BuildContext
) -> dict[str, np.ndarray]:
    """The arrays of its file, gradients at the configuration's bits a number."""
    arrays: dict[str, np.ndarray] = {}
    for moment, at in (("start", trainable.start.theta), ("end", theta)):
        told = told_of(trainable, at, quantity)
        arrays[f"{moment}_samples"] = told.samples.astype(np.float32)
        arrays[f"{moment}_probes"] = told.probes.astype(np.float32)
    bits, model = context.config.projection.bits, trainable.model
    parts = {"samples": trainable.samples, "held_out": trainable.probes}
    for kind in quantity.of:
        rows = model.sample_gradients(theta, parts[kind], lambda g: g[:, index], quantity.value)
        if kind == "held_out":
            rows = domain_rows(trainable, rows)
        found = rows.float().numpy()
        if not np.isfinite(found).all():
            raise ReorderError(
                f"quantity {quantity.name} has gradients that are no numbers at the end of the "
                "reference run; expected a value that is smooth there"
            )
        arrays |= pack("gradients" if kind == "samples" else "probe_gradients", found, bits)
    return arrays


def _index(context: BuildContext) -> Tensor:
    return torch.tensor(np.array(context.load("projected")["coordinates"]))


def _end(context: BuildContext) -> tuple[Trainable, Tensor, float]:
    trainable = trainable_of(context)
    if context.file(CHECKPOINTS).is_file():
        return trainable, torch.tensor(np.array(context.load(CHECKPOINTS)["theta"][-1])), 0.0
    return trainable, _trained_again(trainable, context.run(), context.on_progress), 1.0


def _trained_again(trainable: Trainable, run: Run, on_progress: Progress) -> Tensor:
    """θ_T, refused where its losses are not those of the run."""
    ends: list[Tensor] = []

    def on_step(step: int, theta: Tensor) -> None:
        if step == run.steps:
            ends.append(theta.clone())
        on_progress("training", step, run.steps)

    trainable.train(trainable.reference_order, on_step)
    if not torch.isfinite(ends[0]).all():
        raise StoreError(f"{run.path}: the reference run diverged, so nothing is read out of it")
    refuse_others(run.path, run.reference.final, trainable.evaluate(ends[0]))
    return ends[0]
