"""What the curves under the board are worth: a move's preview against its real retraining.

Usage: PYTHONPATH=. python benchmarks/preview.py RUN …

Judged by every retraining in the ledger that is one move away from the
reference order; the position table was fitted on none of them.
"""

import sys
from pathlib import Path

import numpy as np

from reorder_core.estimators.position import open_position_table
from reorder_core.estimators.replay.error_law import Z90
from reorder_core.orders.moves import single_move
from reorder_core.orders.order import steps_of
from reorder_core.store.run import open_run


def report(path: Path) -> None:
    run = open_run(path)
    table, rows = open_position_table(run), []
    for entry in run.ledger.all():
        move = single_move(run.reference_order, entry.order)
        home, steps = steps_of(np.stack([run.reference_order, entry.order]), run.batch_size)
        if move is None or np.array_equal(home, steps):
            continue
        visit = move.samples[0]
        if max(home[visit], steps[visit]) >= run.steps:
            continue  # from or to the bench: no move in the training
        sample = run.visits.sample_of[visit]
        own = entry.final.samples[sample] - run.reference.final.samples[sample]
        held_out = entry.final.probes.mean() - run.reference.final.probes.mean()
        truth = np.array([own, held_out])[:, None]
        rows.append(np.hstack([table.preview(home, steps, visit), truth]))
    told = np.array(rows)  # (M, 2, 3)
    for what, (change, sd, truth) in zip(("own", "held-out"), told.transpose(1, 2, 0), strict=True):
        inside = np.abs(change - truth) <= Z90 * sd
        print(
            f"{run.id} | {what} | {len(told)} | {np.corrcoef(change, truth)[0, 1]:.3f} | "
            f"{(change - truth).std():.5f} | {truth.std():.5f} | {inside.mean():.0%}"
        )


if __name__ == "__main__":
    print("run | preview | moves | correlation | error sd | effect sd | in the 90 % band")
    for name in sys.argv[1:]:
        report(Path(name))
