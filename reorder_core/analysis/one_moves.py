"""Retrainings of one move: the truth for single cells of a position map."""

import numpy as np
import pandas as pd

from reorder_core.analysis.position_effects import visit_steps
from reorder_core.estimators.position import PositionTable
from reorder_core.judge import measures
from reorder_core.orders.moves import single_move
from reorder_core.orders.order import slots_of
from reorder_core.store.run import Run


def one_moves(run: Run, table: PositionTable) -> pd.DataFrame:
    """One line for each sample that a retrained insert or swap put at another step.

    sample, step, home, estimated and retrained (final own loss minus the
    reference's, nats), sd of the estimate's error, order_hash. The samples that
    an insert merely shifts over a step's end are not among them.
    """
    home, reference = visit_steps(run), run.reference_order
    of = run.visits.sample_of
    own, loss = table.own.astype(np.float64), run.reference.final.samples
    lines = []
    for entry in run.ledger.all():
        move = single_move(reference, entry.order)
        if move is None or not np.isfinite(entry.final.samples).all():
            continue
        moved = list(move.samples) + ([int(reference[move.slot])] if move.kind == "swap" else [])
        step = slots_of(entry.order) // run.batch_size
        for i in moved:
            if step[i] != home[i] and max(step[i], home[i]) < run.steps:
                estimated = own[i, step[i]] - own[i, home[i]]
                retrained = float(entry.final.samples[of[i]]) - float(loss[of[i]])
                lines.append((of[i], step[i], home[i], estimated, retrained, table.own_sd[i],
                              entry.order_hash))  # fmt: skip
    names = ["sample", "step", "home", "estimated", "retrained", "sd", "order_hash"]
    return pd.DataFrame(lines, columns=names)


def agreement(moves: pd.DataFrame) -> dict[str, float]:
    """How alike estimated and retrained cells are: cells, mse (nats²), mse_no_change, spearman."""
    estimated, retrained = (moves[k].to_numpy(np.float64) for k in ("estimated", "retrained"))
    unknown = float("nan")
    return {
        "cells": len(moves),
        "mse": float(np.square(estimated - retrained).mean()) if len(moves) else unknown,
        "mse_no_change": float(np.square(retrained).mean()) if len(moves) else unknown,
        "spearman": float(measures.spearman(estimated, retrained)),
    }


def farthest(moves: pd.DataFrame) -> int:
    """Over how many steps a retrained move went at most; 0 without any."""
    step, home = (moves[name].to_numpy(np.int64) for name in ("step", "home"))
    return int(np.abs(step - home).max()) if len(moves) else 0
