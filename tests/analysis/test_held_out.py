"""Held-out loss against where training text sits; planted samples; learning curves."""

import dataclasses

import numpy as np
import pytest
from fabricated import build_tiny, tiny_config
from tables import random_table

from reorder_core.analysis import held_out, learning, planted
from reorder_core.analysis.retrained_orders import RetrainedOrders
from reorder_core.orders.moves import apply
from reorder_core.orders.order import insert, slots_of, swap
from reorder_core.records.losses import Losses
from reorder_core.store.run import Run

WITH_BENCH = tiny_config().model_copy(
    update={"corpus": tiny_config().corpus.model_copy(update={"samples": 10, "reserve": 2}),
            "training": tiny_config().training.model_copy(update={"steps": 5, "batch_size": 2})}
)  # fmt: skip
"""Ten samples in five steps of two, two in reserve."""


def test_influence_is_the_mean_over_a_domains_samples(tiny_run: Run):
    table = random_table(tiny_run)
    found = held_out.influence(tiny_run, table)
    for d in range(2):
        for k, domain in enumerate(tiny_run.domains):
            members = [s.sample_id for s in tiny_run.samples if s.domain == domain]
            assert found.count[k] == len(members)
            assert found.sd[d, k] == pytest.approx(0.3 * 2**0.5 / len(members) ** 0.5)
            for step in range(4):
                changes = [float(table.probe[d, i, step]) - float(table.probe[d, i, i // 3])
                           for i in members]  # fmt: skip
                assert found.change[d, k, step] == pytest.approx(sum(changes) / len(changes))
    assert found.judged_by == 0


def test_the_error_is_measured_where_the_ledger_has_enough_near_moves(tiny_run: Run, retrain):
    table = random_table(tiny_run)
    near = [swap(tiny_run.reference_order, i, j) for i in (0, 1, 2) for j in (3, 6, 9)]
    truths = [retrain(tiny_run, order) for order in near]
    for truth in truths[:4]:
        tiny_run.ledger.append(truth)
    guess, judged_by = held_out.probe_sd(tiny_run, table)
    assert (guess.tolist(), judged_by) == (pytest.approx([0.3 * 2**0.5] * 2), 0)
    for truth in truths:
        tiny_run.ledger.append(truth)
    squares = []
    for truth in tiny_run.ledger.all():
        step = slots_of(truth.order) // 3
        moved = [i for i in range(12) if step[i] != i // 3]
        if moved:
            says = [sum(float(table.probe[d, i, step[i]] - table.probe[d, i, i // 3])
                        for i in moved) for d in range(2)]  # fmt: skip
            true = truth.final.probes - tiny_run.reference.final.probes
            squares.append([(says[d] - true[d]) ** 2 / len(moved) for d in range(2)])
    measured, judged_by = held_out.probe_sd(tiny_run, table)
    assert judged_by == len(squares)
    assert np.allclose(measured, np.sqrt(np.mean(squares, axis=0)), rtol=1e-5)


def test_needs_compare_the_halves_of_training(tiny_run: Run):
    table = random_table(tiny_run)
    frame = held_out.needs(tiny_run, table)
    assert len(frame) == 24
    for line in frame.to_dict("records"):
        row = table.probe[tiny_run.probe_domains.index(line["held_out"]), line["sample"]]
        assert line["late"] == pytest.approx((row[2] + row[3] - row[0] - row[1]) / 2, abs=1e-6)
        assert line["lo"] < line["late"] < line["hi"]


def test_the_shortlist_begins_with_the_best_of_all_inserts(tiny_run: Run):
    table, reference = random_table(tiny_run), tiny_run.reference_order
    lists = held_out.shortlists(tiny_run, table)
    for d, domain in enumerate(tiny_run.probe_domains):

        def total(order, d=d) -> float:
            step = slots_of(order) // 3
            return float(table.probe[d, np.arange(12), step].astype(float).sum())

        priced = {(i, s): total(insert(reference, i, s * 3 + i % 3)) for i in range(12)
                  for s in range(4)}  # fmt: skip
        for name, pick in (("best", min), ("worst", max)):
            first = apply(reference, lists[domain, name][0])
            assert total(first) == pytest.approx(pick(priced.values()), abs=1e-5)


def test_planted_samples_are_grouped_by_flag_and_by_how_often_they_come(tiny_run: Run):
    found = planted.groups(tiny_run)
    assert list(found) == ["canary × 1", planted.ORDINARY]
    assert found["canary × 1"] == [1]
    samples = list(tiny_run.samples)
    samples[4] = dataclasses.replace(samples[4], text=samples[1].text, flags=("canary",))
    object.__setattr__(tiny_run._texts, "samples", tuple(samples))
    assert planted.groups(tiny_run)["canary × 2"] == [1, 4]


def test_late_against_early_compares_each_sample_with_itself(tiny_run: Run):
    random = np.random.default_rng(1)
    steps = np.stack([random.permutation(12) // 3 for _ in range(16)])
    final = 2 + np.arange(12.0) + np.where(steps >= 2, 0.5, 0.0)  # levels differ, late costs .5
    losses = np.stack([np.full_like(final, 20), final, final], axis=1)
    orders = RetrainedOrders(steps, Losses(losses, np.zeros((16, 3, 2))))
    frame = planted.late_against_early(tiny_run, orders)
    for key in ("late", "lo", "hi"):
        assert np.allclose(frame[key], 0.5)
    one = tiny_run.reference.losses_at.samples[:, 1]
    assert frame["gain"].tolist()[0] == pytest.approx(float(one[0] - one[-1]), abs=1e-6)
    nothing = RetrainedOrders(steps[:0], Losses(losses[:0], losses[:0]))
    none = planted.late_against_early(tiny_run, nothing)
    assert none["late"].isna().tolist() == [True, True]


def test_response_curves_estimated_and_retrained_have_one_zero(tiny_run: Run):
    table = random_table(tiny_run)
    random = np.random.default_rng(1)
    steps = np.stack([random.permutation(12) // 3 for _ in range(2000)])
    final = table.own[np.arange(12), steps].astype(float) + 7 * np.arange(12)
    losses = Losses(np.stack([final.astype(float)] * 3, axis=1), np.zeros((2000, 3, 2)))
    orders = RetrainedOrders(steps, losses)
    frame = planted.response_curves(tiny_run, table, orders)
    for name in planted.groups(tiny_run):
        estimated, retrained = (frame[(frame["group"] == name) & (frame["kind"] == kind)]
                                for kind in ("estimated", "retrained"))  # fmt: skip
        assert estimated["step"].tolist() == retrained["step"].tolist() == [0, 1, 2, 3]
        assert np.mean(estimated["value"]) == pytest.approx(0, abs=1e-6)
        assert np.allclose(estimated["value"], retrained["value"], atol=0.03)
        assert np.ptp(estimated["value"]) > 0.15, "the curve must not be flat"


def test_the_gap_is_held_out_minus_trained_without_what_was_planted(tiny_run: Run):
    reference = tiny_run.reference
    frame = learning.gaps(tiny_run, reference.losses_at)
    means = []
    for step, place in ((0, 0), (2, 1), (4, 2)):
        values = []
        for d, domain in enumerate(tiny_run.probe_domains):
            trained = [float(reference.losses_at.samples[place, s.sample_id])
                       for s in tiny_run.samples if s.domain == domain and not s.flags]  # fmt: skip
            values.append(float(reference.losses_at.probes[place, d]) - sum(trained) / len(trained))
            line = frame[(frame["domain"] == domain) & (frame["step"] == step)]
            assert line["loss"].item() == pytest.approx(values[-1], abs=1e-6)
        means.append(sum(values) / 2)
    assert np.allclose(frame[frame["domain"] == learning.ALL]["loss"], means)
    assert len([s for s in tiny_run.samples if s.flags]) == 1


def test_the_spread_is_where_nine_orders_in_ten_lay(tiny_run: Run):
    random = np.random.default_rng(1)
    probe = random.normal(size=(2000, 3, 2))
    losses = Losses(np.zeros((2000, 3, 12)), probe)
    orders = RetrainedOrders(np.zeros((2000, 12), int), losses)
    frame = learning.spread(tiny_run, orders).set_index(["domain", "step"])
    for d, domain in enumerate(tiny_run.probe_domains):
        line = frame.loc[(domain, 4)]
        inside = (line["lo"] <= probe[:, 2, d]) & (probe[:, 2, d] <= line["hi"])
        assert inside.mean() == pytest.approx(0.9, abs=0.002)
    curve = learning.curves(tiny_run, probe[0])
    mean = curve[(curve["domain"] == learning.ALL) & (curve["step"] == 2)]["loss"].item()
    assert mean == pytest.approx((probe[0, 1, 0] + probe[0, 1, 1]) / 2)


def test_a_domain_needs_what_it_loses_when_all_visits_lie_on_the_bench(tmp_path):
    """Two epochs, a reserve and spare visits: sums over the trained visits, by hand."""
    run = build_tiny(tmp_path / "run", WITH_BENCH)
    visits, random = run.visits, np.random.default_rng(3)
    shape = (2, visits.count, visits.places)
    probe = random.normal(size=shape).astype(np.float32)
    table = dataclasses.replace(random_table(run), probe=probe)
    found = held_out.without(run, table)
    step_of = {int(v): slot // run.batch_size for slot, v in enumerate(run.reference_order)}
    assert len(found) == 2 * run.count and False in set(found["trained"])
    for line in found.to_dict("records"):
        d, own = run.probe_domains.index(line["held_out"]), visits.of_sample[line["sample"]]
        trained = [v for v in own if step_of[int(v)] < run.steps]
        if trained:
            expected = sum(probe[d, v, run.steps] - probe[d, v, step_of[int(v)]] for v in trained)
        else:
            rows = probe[d, line["sample"]]
            expected = rows[run.steps] - rows[: run.steps].mean()
        assert line["trained"] == bool(trained)
        assert line["change"] == pytest.approx(float(expected), abs=1e-5)
        assert line["lo"] < line["change"] < line["hi"]


def test_without_a_bench_nothing_says_what_absence_does(tiny_run: Run):
    assert not len(held_out.without(tiny_run, random_table(tiny_run)))
