"""Maps of moves: which moves, what is known of them, how alike two maps are."""

import numpy as np
import pytest

from reorder_core.errors import OrderError
from reorder_core.judge.heat_map import (
    compare,
    estimated_map,
    measure,
    missing_moves,
    plan_moves,
    true_map,
)
from reorder_core.orders.order import order_hash, slots_of
from reorder_core.store.run import Run, open_run


def test_each_move_puts_its_sample_into_its_step(tiny_run: Run):
    moves = plan_moves(tiny_run, 5, 4, 1)
    assert len(set(moves.samples)) == 5
    assert moves.steps == (0, 1, 2, 3)
    assert moves.home.sum() == 5, "with every step a column, each sample is at home once"
    for i, j, order in moves.cells():
        assert slots_of(order)[moves.samples[i]] // tiny_run.batch_size == moves.steps[j]
    hashes = {order_hash(order) for *_, order in moves.cells()}
    assert order_hash(tiny_run.reference_order) not in hashes
    assert len(hashes) > 10, "moves must differ"


def test_the_same_numbers_give_the_same_moves_and_another_seed_others(tiny_run: Run):
    one, same = plan_moves(tiny_run, 4, 3, 1), plan_moves(open_run(tiny_run.path), 4, 3, 1)
    assert one.samples == same.samples
    for a, b in zip(one.cells(), same.cells(), strict=True):
        assert np.array_equal(a[2], b[2])
    assert any(plan_moves(tiny_run, 4, 3, seed).samples != one.samples for seed in range(2, 6))


def test_every_domain_is_drawn_before_one_is_drawn_twice(tiny_run: Run):
    for seed in range(8):
        chosen = plan_moves(tiny_run, len(tiny_run.domains), 2, seed).samples
        assert {tiny_run.samples[i].domain for i in chosen} == set(tiny_run.domains)


@pytest.mark.parametrize(("samples", "slots"), [(0, 2), (13, 2), (2, 0), (2, 5)])
def test_more_than_the_run_has_is_refused(tiny_run: Run, samples: int, slots: int):
    with pytest.raises(OrderError, match="has 12 samples and 4 steps"):
        plan_moves(tiny_run, samples, slots)


def test_an_unpaid_move_is_missing_and_unknown_until_it_is_retrained(tiny_run: Run, fakes, retrain):
    moves = plan_moves(tiny_run, 3, 4, 1)
    assert len(missing_moves(tiny_run, moves)) == len(moves.cells()) == 9
    assert np.isnan(true_map(tiny_run, moves)[~moves.home]).all()
    i, j, order = moves.cells()[0]
    truth = retrain(tiny_run, order)
    tiny_run.ledger.append(truth)
    assert len(missing_moves(tiny_run, moves)) == 8
    sample = moves.samples[i]
    own = truth.final.samples[sample] - tiny_run.reference.final.samples[sample]
    assert true_map(tiny_run, moves)[i, j] == pytest.approx(float(own), abs=1e-6)
    assert abs(own) > 1e-3, "the move must matter"


def test_measuring_retrains_what_lacks_once_and_ranks_the_better_map_first(tiny_run: Run, fakes):
    moves = plan_moves(tiny_run, 4, 4, 1)
    report = measure(tiny_run, moves, ["hybrid", "reference"])
    assert sorted(fakes) == sorted(order_hash(order) for *_, order in moves.cells())
    again = measure(open_run(tiny_run.path), moves, ["hybrid", "reference"])
    assert len(fakes) == len(moves.cells())
    assert str(again) == str(report)
    good, nothing = report["estimators"]["hybrid"], report["estimators"]["reference"]
    assert good["cells"] == len(moves.cells())
    assert good["mse"] < good["mse_no_change"] / 4
    assert good["spearman"] > 0.8
    assert nothing["mse"] == pytest.approx(nothing["mse_no_change"])
    assert np.isnan(nothing["spearman"]), "a constant map has no ranks"


def test_a_perfect_map_scores_one_and_home_and_fitted_cells_do_not_count(
    tiny_run: Run, fakes, retrain
):
    moves = plan_moves(tiny_run, 4, 4, 1)
    measure(tiny_run, moves, ["reference"])
    true = true_map(tiny_run, moves)
    exact = estimated_map(tiny_run, moves, lambda order: retrain(tiny_run, order).final.samples)
    found = compare(exact, true, moves)
    assert found["spearman"] == pytest.approx(1)
    assert found["mse"] < 1e-12
    fitted = frozenset(tiny_run.trains_as(order) for *_, order in moves.cells()[:3])
    wrong = exact.copy()
    for i, j, _ in moves.cells()[:3]:
        wrong[i, j] += 9
    wrong[moves.home] = 9
    judged = compare(wrong, true, moves, fitted)
    assert (judged["cells"], judged["mse"]) == (len(moves.cells()) - 3, pytest.approx(0, abs=1e-12))
