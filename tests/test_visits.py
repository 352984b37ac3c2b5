"""Orders of visits: several epochs, a bench of reserve samples and spare visits."""

import json
from pathlib import Path

import numpy as np
import pytest
from real import visits_config

from reorder_core.building.designed_orders import centre_count, designed_orders
from reorder_core.config import parse_config
from reorder_core.errors import ConfigError, CorpusError, EstimatorError, OrderError
from reorder_core.estimators import open_estimator
from reorder_core.estimators.projected import ProjectedEstimator
from reorder_core.judge.fidelity import retrain_once
from reorder_core.judge.track_record import kind_of
from reorder_core.orders.families import families_of
from reorder_core.orders.links import decode_order, encode_order
from reorder_core.orders.order import order_hash, parse_order, swap
from reorder_core.orders.visits import Visits, plain_visits
from reorder_core.store.drawn import drawn_orders
from reorder_core.store.run import Run, open_run

SAMPLE_OF = np.array([0, 1, 2, 3, 0, 1, 2, 3, 1], np.int32)
"""Four samples in two epochs, the last sample in reserve, a spare visit of sample 1."""
VISITS = Visits(SAMPLE_OF, steps=3, batch_size=2, epochs=2, reserve=1)


@pytest.fixture(scope="session")
def visits_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    from reorder_core.building.build import build_run

    return open_run(build_run(visits_config(), tmp_path_factory.mktemp("visits") / "run"))


# --- without a model -------------------------------------------------------------------


def test_an_order_trains_its_first_slots_and_benches_the_rest():
    order = VISITS.make_order([8, 0, 1, 2, 4, 5, 6, 3, 7])
    assert VISITS.batches(order).tolist() == [[1, 0], [1, 2], [0, 1]]
    assert VISITS.seen_before(order).tolist() == [[0, 0], [1, 0], [1, 2]]
    assert VISITS.times(order[None]).tolist() == [[2, 3, 1, 0]]
    assert VISITS.times(order[None], until=1).tolist() == [[1, 1, 0, 0]]
    at = VISITS.visits_at(order[None])[0]
    assert at.sum() == VISITS.count
    assert at[1].tolist() == [1, 1, 1, 0]  # sample 1 at each step, never on the bench
    assert at[3].tolist() == [0, 0, 0, 2]


def test_visits_of_one_sample_trade_places_without_a_trace():
    order = VISITS.make_order([0, 1, 2, 4, 5, 6, 3, 7, 8])
    alike = swap(swap(order, 5, 1), 8, 4)  # 1, 5 and the spare 8 are all sample 1
    assert order_hash(alike) != order_hash(order)
    assert VISITS.trains_as(alike) == VISITS.trains_as(order)
    assert VISITS.trains_as(swap(order, 3, 0)) != VISITS.trains_as(order)
    assert VISITS.trains_as(swap(order, 3, 7)) == VISITS.trains_as(order)  # on the bench both


def test_trained_visits_alone_are_an_order_too():
    order = VISITS.make_order([5, 4, 3, 2, 1, 0])
    assert order.tolist() == [5, 4, 3, 2, 1, 0, 6, 7, 8]
    assert VISITS.of_samples([1, 0, 3, 2, 1, 0]).tolist() == [1, 0, 3, 2, 5, 4, 6, 7, 8]
    said = json.dumps({"run": "r", "samples": [1, 0, 3, 2, 1, 0]})
    assert VISITS.batches(parse_order(said, "r", VISITS)).tolist() == [[1, 0], [3, 2], [1, 0]]


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7, 7], "visit 7 appears in slots 7 and 8"),
        ([0, 1, 2, 3, 4, 5, 6, 7, 9], r"unknown visit id 9 in slot 8; this run's ids are 0\.\.8"),
        ([0, 1, 2, 3, 4, 5, 6], r"trains 7 visits, but there are 6 slots \(3 steps of 2\)"),
        ([0, 1, 2, 3, 4], "4 of 9 visits are missing"),
        ([0, 1, 2, 3, 4, 4], "visit 4 appears in slots 4 and 5"),
        ([0, 1, 2, 3, 4, 11], "unknown visit id 11 in slot 5"),
    ],
)
def test_an_order_that_does_not_fit_the_visits_says_how(ids: list[int], told: str):
    with pytest.raises(OrderError, match=told):
        VISITS.make_order(ids)


@pytest.mark.parametrize(
    ("samples", "told"),
    [
        ([0, 0, 0, 1, 2, 3], "sample 0 is to be trained again in slot 2, but has 2 visits"),
        ([0, 1, 2, 3, 4, 0], "unknown sample id 4 in slot 4"),
        ([0, 1, 2], "trains 3 samples, but there are 6 slots"),
    ],
)
def test_samples_that_have_too_few_visits_are_refused(samples: list[int], told: str):
    with pytest.raises(OrderError, match=told):
        VISITS.of_samples(samples)


def test_an_old_link_does_not_open_in_a_run_with_visits():
    link = encode_order(plain_visits(6, 2).make_order(range(6)))
    with pytest.raises(OrderError, match="is not for the 9"):
        decode_order(link, VISITS.count)


def test_one_epoch_without_a_bench_is_the_samples_themselves():
    plain = plain_visits(6, 2)
    assert plain.is_plain and not VISITS.is_plain
    assert plain.batches(plain.make_order([5, 4, 3, 2, 1, 0])).tolist() == [[5, 4], [3, 2], [1, 0]]
    with pytest.raises(OrderError, match="a one-epoch order uses each of"):
        plain.make_order([0, 0, 1, 2, 3, 4])


@pytest.mark.parametrize(
    ("yaml", "told"),
    [
        ("training: {steps: 32, batch_size: 8, epochs: 2}",
         r"32 · 8 = 256, but corpus.samples · epochs = 256 · 2 = 512"),
        ("training: {epochs: 0}", "training.epochs.*greater than or equal to 1"),
    ],
)  # fmt: skip
def test_epochs_that_do_not_fit_are_refused(yaml: str, told: str):
    with pytest.raises(ConfigError, match=told):
        parse_config(f"name: x\ncorpus: {{kind: controlled, samples: 256}}\n{yaml}")


@pytest.mark.parametrize(
    ("corpus", "told"),
    [
        ("reserve: -1", "corpus.reserve"),
        ("repetitions: {canary: 0}", "corpus.repetitions"),
        ("samples: 288, reserve: 32", "corpus.reserve counts besides"),
    ],
)
def test_a_bench_that_does_not_fit_is_refused(corpus: str, told: str):
    samples = "" if corpus.startswith("samples") else "samples: 256, "
    with pytest.raises(ConfigError, match=told):
        parse_config(f"name: x\ncorpus: {{kind: controlled, {samples}{corpus}}}")


def test_repetitions_of_nothing_are_refused(tmp_path: Path):
    from reorder_core.building.build import build_run

    corpus = visits_config().corpus.model_copy(update={"repetitions": {"canaries!": 2}})
    config = visits_config().model_copy(update={"corpus": corpus})
    with pytest.raises(CorpusError, match=r"corpus.repetitions names 'canaries!'.*canary"):
        build_run(config, tmp_path / "run")


# --- a run that was really built -------------------------------------------------------


def test_its_reference_order_has_an_epoch_after_the_other(visits_run: Run):
    visits, order = visits_run.visits, visits_run.reference_order
    assert (visits.count, visits.trained, visits.bench, visits.spare) == (59, 48, 11, 3)
    epochs = visits.sample_of[order[:48]].reshape(2, 24)
    assert [sorted(epoch) for epoch in epochs.tolist()] == [list(range(24))] * 2
    assert epochs[0].tolist() != epochs[1].tolist()
    assert set(visits.sample_of[order[48:56]].tolist()) == {24, 25, 26, 27}
    spare = visits.sample_of[-3:]
    assert [visits_run.samples[sample].flags for sample in spare] == [("canary",)] * 3
    assert not any(sample.flags for sample in visits_run.samples[24:])


def test_its_reference_order_retrained_is_the_reference_run(visits_run: Run):
    found = retrain_once(visits_run, visits_run.reference_order)
    np.testing.assert_array_equal(found.losses_at.samples, visits_run.reference.losses_at.samples)


@pytest.mark.parametrize("family", ["random", "move", "blocks", "curriculum", "in-out", "repeat"])
def test_its_families_are_told_by_what_they_train(visits_run: Run, family: str):
    assert family in families_of(visits_run.visits)
    times = visits_run.visits.times
    usual = times(visits_run.reference_order[None])[0]
    for order in drawn_orders(visits_run, family, 6, 3):
        change = times(order[None])[0] - usual
        if family == "in-out":
            assert sorted(change[change != 0].tolist()) == [-2, 2]
            assert change[24:].max() == 2
        elif family == "repeat":
            assert (change > 0).sum() == 1 and change.sum() == 0
        else:
            assert not change.any()
        kind = kind_of(visits_run, order, {})
        assert family not in ("in-out", "repeat") or kind == family


def test_a_family_that_needs_a_bench_says_so(real_run: Run):
    with pytest.raises(OrderError, match=r"no reserve; build one with corpus\.reserve"):
        drawn_orders(real_run, "in-out", 1, 0)
    with pytest.raises(OrderError, match=r"corpus\.repetitions, such as"):
        drawn_orders(real_run, "repeat", 1, 0)


def test_a_quarter_of_its_designed_orders_use_the_bench(visits_run: Run):
    orders = np.stack(designed_orders(visits_run, 8))
    benched = set(visits_run.reference_order[48:].tolist())
    used = [len(benched & set(order[:48].tolist())) for order in orders]
    assert used == [0] * 4 + [6] * 2 + [0] * 2  # one spread, one in a sequence of domains
    assert centre_count(8, visits_run.visits) == 4


@pytest.mark.parametrize("name", ["hybrid", "projected", "replay", "position"])
def test_the_reference_order_is_exact(visits_run: Run, name: str):
    found = open_estimator(visits_run, name).estimate(visits_run.reference_order)
    np.testing.assert_allclose(found.final.samples, visits_run.reference.final.samples, atol=1e-5)


@pytest.mark.parametrize("name", ["hybrid", "projected", "position", "tracin", "simfluence"])
def test_orders_that_train_alike_are_estimated_alike(visits_run: Run, name: str):
    estimator = open_estimator(visits_run, name)
    order = drawn_orders(visits_run, "random", 1, 5)[0]
    alike = swap(order, 0, int(np.flatnonzero(order == visits_run.count)[0]))
    assert order_hash(alike) != order_hash(order)
    np.testing.assert_allclose(
        estimator.estimate(alike).final.samples, estimator.estimate(order).final.samples, atol=1e-5
    )


def test_side_by_side_is_one_by_one(visits_run: Run):
    estimator: ProjectedEstimator = open_estimator(visits_run, "projected")  # type: ignore[assignment]
    orders = [*drawn_orders(visits_run, "random", 2, 5), *drawn_orders(visits_run, "in-out", 2, 5)]
    ends = estimator.simulate(np.stack(orders))
    for row, order in enumerate(orders):
        alone = estimator.estimate(order).final.samples
        np.testing.assert_allclose(ends.losses.samples[row], alone, atol=2e-5)


def test_absence_is_told_of_trained_samples_and_of_the_reserve(visits_run: Run):
    from reorder_core.analysis.remembered import presence
    from reorder_core.estimators.position import open_position_table

    table = open_position_table(visits_run)
    found = presence(visits_run, table).set_index("sample")
    assert len(found) == visits_run.count
    home = visits_run.visits.steps_of(visits_run.reference_order[None])[0]
    both = visits_run.visits.of_sample[3]  # by hand, both of its visits
    by_hand = sum(float(table.own[v, visits_run.steps] - table.own[v, home[v]]) for v in both)
    memorized = found["memorized"].to_numpy(np.float64)
    assert memorized[3] == pytest.approx(by_hand, abs=1e-6)
    assert np.mean(memorized > 0) > 0.9
    assert np.all(found["memorized_lo"].to_numpy(np.float64) < memorized)


def test_regression_says_what_it_cannot(visits_run: Run):
    with pytest.raises(EstimatorError, match="knows each sample by its one step"):
        open_estimator(visits_run, "retrain-regression")


def test_a_run_without_a_bench_says_nothing_of_absence(real_run: Run):
    from reorder_core.analysis.remembered import presence
    from reorder_core.estimators.position import open_position_table

    assert presence(real_run, open_position_table(real_run)).empty


def test_what_a_sample_loses_without_training_is_estimated(visits_run: Run):
    """In-out: the own loss of what is left out, and of what is trained instead."""
    estimator, usual = open_estimator(visits_run, "hybrid"), visits_run.reference.final.samples
    told, true = [], []
    for order in drawn_orders(visits_run, "in-out", 12, 9):
        change = visits_run.visits.times(order[None])[0]
        change = change - visits_run.visits.times(visits_run.reference_order[None])[0]
        of = np.flatnonzero(change)
        told.append((estimator.estimate(order).final.samples - usual)[of])
        true.append((retrain_once(visits_run, order).final.samples - usual)[of])
    told, true = np.concatenate(told), np.concatenate(true)
    assert np.abs(true).mean() > 0.02
    # When written: see docs/fidelity.md for the figures on real text.
    assert np.abs(told - true).mean() < 0.35 * np.abs(true).mean()
