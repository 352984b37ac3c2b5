"""Orders that differ only within steps train the same, whatever their hashes say."""

import numpy as np
import pytest

from reorder_core.estimators import informing_runs
from reorder_core.judge.fidelity import retrain_once
from reorder_core.judge.verified import families_of, judges
from reorder_core.orders.order import insert, make_order, order_hash, swap, training_hash
from reorder_core.store.run import Run


def _within_a_step(run: Run, order: np.ndarray) -> np.ndarray:
    return swap(make_order(order, run.count), int(order[0]), 1)


def test_orders_that_differ_only_within_steps_share_a_training_hash() -> None:
    order = make_order(range(8), 8)
    within, across = swap(order, 0, 1), swap(order, 0, 2)
    assert order_hash(within) != order_hash(order)
    assert training_hash(within, 2) == training_hash(order, 2)
    assert training_hash(across, 2) != training_hash(order, 2)


def test_they_really_train_the_same(real_run: Run) -> None:
    order = insert(real_run.reference_order, 0, real_run.count - 1)
    one, other = (retrain_once(real_run, o) for o in (order, _within_a_step(real_run, order)))
    assert one.order_hash != other.order_hash
    effect = np.abs(one.final.samples - real_run.reference.final.samples).max()
    assert effect > 1e-4
    np.testing.assert_allclose(one.final.samples, other.final.samples, atol=effect / 100)


def test_a_retraining_never_informs_the_estimate_of_an_order_that_trains_alike(
    real_run: Run,
) -> None:
    order = insert(real_run.reference_order, 1, real_run.count - 1)
    alike, other = _within_a_step(real_run, order), insert(real_run.reference_order, 2, 0)
    retrain_once(real_run, order)
    digest = real_run.trains_as(order)
    assert digest in informing_runs(real_run, other).hashes
    assert digest not in informing_runs(real_run, alike).hashes


def test_its_retraining_is_the_truth_of_an_order_that_trains_alike(real_run: Run) -> None:
    order = insert(real_run.reference_order, 3, real_run.count - 1)
    alike = _within_a_step(real_run, order)
    assert real_run.ledger.of(alike) is None
    known = retrain_once(real_run, order)
    found = real_run.ledger.of(alike)
    assert found is not None and found.order_hash == known.order_hash
    own = retrain_once(real_run, alike)  # ground truth is trained in the very order asked for
    assert own.order_hash == order_hash(alike)
    assert real_run.ledger.of(alike) is not known


def test_what_trains_as_the_reference_judges_nothing(real_run: Run) -> None:
    alike = _within_a_step(real_run, real_run.reference_order)
    retrain_once(real_run, alike)
    found = judges(real_run, families_of(real_run), frozenset())
    assert order_hash(alike) not in {v.retrained.order_hash for v in found}


@pytest.mark.parametrize("family", ["move", "blocks", "random"])
def test_no_drawn_order_trains_as_the_reference(real_run: Run, family: str) -> None:
    from reorder_core.store.drawn import drawn_orders

    drawn = [real_run.trains_as(o) for o in drawn_orders(real_run, family, 20, 5)]
    assert real_run.trains_as(real_run.reference_order) not in drawn
    assert len(set(drawn)) == len(drawn)
