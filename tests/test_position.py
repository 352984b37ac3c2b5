"""The table behind the previews, against real retrainings of the embedded demo."""

from pathlib import Path

import numpy as np
import pytest

from reorder_core.estimators.learning.retrainings import designed_runs, no_runs
from reorder_core.estimators.position import PositionEstimator, open_position_table
from reorder_core.estimators.replay.error_law import Z90
from reorder_core.judge import measures
from reorder_core.judge.fidelity import fresh_orders, retrain_once
from reorder_core.orders.moves import single_move
from reorder_core.orders.order import insert, make_order, steps_of
from reorder_core.store.run import Run, open_run

DEMO = Path(__file__).parent.parent / "data" / "demo"


@pytest.fixture(scope="module")
def told() -> np.ndarray:
    """(M, 2, 3) of own and held-out loss: previewed change, its standard deviation, the truth."""
    run = open_run(DEMO)
    table, rows = open_position_table(run), []
    for entry in run.ledger.all():
        move = single_move(run.reference_order, entry.order)
        home, steps = steps_of(np.stack([run.reference_order, entry.order]), run.batch_size)
        if move is None or np.array_equal(home, steps):
            continue
        visit = move.samples[0]
        if max(home[visit], steps[visit]) >= run.steps:
            continue  # from or to the bench: not a move in the training
        sample = int(run.visits.sample_of[visit])
        truth = [
            [entry.final.samples[sample] - run.reference.final.samples[sample]],
            [entry.final.probes.mean() - run.reference.final.probes.mean()],
        ]
        rows.append(np.hstack([table.preview(home, steps, visit), truth]))
    return np.array(rows)


@pytest.mark.parametrize(("what", "row"), [("own", 0), ("held-out", 1)])
def test_the_previews_band_holds_what_retraining_gave(told: np.ndarray, what: str, row: int):
    change, sd, truth = told[:, row].T
    assert len(told) >= 40
    inside = np.mean(np.abs(change - truth) <= Z90 * sd)
    assert inside >= 0.8, f"{what}: measured .91 and .98"
    widest = 1.4 if row else 0.4  # a band wider than the effects would hold them all
    assert sd.mean() < widest * truth.std(), "measured .18 and 1.25"
    assert np.corrcoef(change, truth)[0, 1] > 0.85, "measured .986 and .887"
    assert (change - truth).std() < 0.5 * truth.std()


def test_retrainings_refine_the_table_far_from_the_reference_and_leave_it_alone_near(
    real_run: Run,
):
    run, designed = real_run, designed_runs(real_run)
    table, refined = PositionEstimator(run, no_runs(run)), PositionEstimator(run, designed)
    judges = [retrain_once(run, order) for order in fresh_orders(run, "random", 16, 33)]
    true = np.stack([judge.final.samples for judge in judges])
    assert true.std(0).mean() > 0.005
    found = [[one.estimate(judge.order) for judge in judges] for one in (table, refined)]
    before, after = (
        measures.r2(np.stack([e.final.samples for e in estimates]), true,
                   run.reference.final.samples)
        for estimates in found
    )  # fmt: skip
    assert after > before + 0.1, "measured .83 for .66"
    ends = [estimate.interval for estimate in found[1] if estimate.interval is not None]
    low, high = np.array([one.samples for one in ends]).swapaxes(0, 1)
    assert ((low <= true) & (true <= high)).mean() > 0.8
    move = make_order(insert(run.reference_order, 3, 40), run.count)
    near = [one.estimate(move) for one in (table, refined)]
    assert np.array_equal(near[0].final.samples, near[1].final.samples)
    assert near[0].final.samples.std() > 0 and near[1].interval is None
    assert refined.fitted_on == designed.hashes and not table.fitted_on
    assert refined.precompute_rre == pytest.approx(table.precompute_rre + designed.rre)
