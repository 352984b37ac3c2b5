"""Cells of position maps: their values, which are told from zero, rows and columns."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import false_discovery_control, norm
from tables import random_table

from reorder_core.analysis import position_effects as effects_of
from reorder_core.analysis.false_discovery import discoveries, p_values, told_apart
from reorder_core.store.run import Run


def with_rates(run: Run, rates: list[float]) -> Run:
    run.__dict__["reference"] = dataclasses.replace(run.reference, learning_rate=np.array(rates))
    return run


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3])
def test_discoveries_are_those_of_scipys_adjusted_p_values(rate: float):
    random = np.random.default_rng(0)
    p = np.concatenate([random.uniform(size=80), random.uniform(0, 0.001, size=20)])
    found = discoveries(p.reshape(10, 10), rate)
    assert np.array_equal(found.ravel(), false_discovery_control(p) <= rate)
    assert 0 < found.sum() < 60


def test_what_is_unknown_is_no_discovery_and_does_not_count():
    p = np.array([0.001, np.nan, 0.04, 0.9])
    assert discoveries(p, 0.05).tolist() == [True, False, False, False]
    assert discoveries(p[[0, 2]], 0.05).tolist() == [True, True], "the family is smaller"
    assert not discoveries(np.full(3, np.nan)).any()


def test_pure_noise_is_told_from_zero_in_about_one_map_of_twenty():
    random = np.random.default_rng(1)
    maps = random.normal(size=(400, 50))
    assert 0.02 < np.mean([told_apart(one, np.ones(50)).any() for one in maps]) < 0.09


def test_p_is_twice_the_normal_tail():
    assert p_values(np.array([-2.0]), np.array([1.0]))[0] == pytest.approx(2 * norm.sf(2))
    assert p_values(np.array([0.0, 1.0]), np.array([0.0, 0.0])).tolist() == [1, 0]


def test_a_cell_is_its_entry_minus_the_one_at_home(tiny_run: Run):
    table = random_table(tiny_run)
    found = effects_of.own_effects(tiny_run, table)
    for slot, sample in enumerate(tiny_run.reference_order.tolist()):
        home = slot // tiny_run.batch_size
        assert found.home[sample] == home
        for step in range(tiny_run.steps):
            expected = float(table.own[sample, step]) - float(table.own[sample, home])
            assert found.change[sample, step] == pytest.approx(expected, abs=1e-12)
            error = 0 if step == home else table.own_sd[sample]
            assert found.sd[sample, step] == pytest.approx(error)
        assert not found.told[sample, home]
    assert np.allclose(found.high - found.low, 2 * norm.ppf(0.95) * found.sd, rtol=1e-4)


def test_an_effect_that_only_the_schedule_makes_vanishes_when_it_is_divided_out(tiny_run: Run):
    rates = np.array([1e-4, 4e-4, 3e-4, 5e-5])
    run, table = with_rates(tiny_run, rates.tolist()), random_table(tiny_run)
    level, pull = np.arange(12.0)[:, None], 300 + 50 * np.arange(12.0)[:, None]
    table = dataclasses.replace(table, own=level - pull * rates)
    assert np.allclose(effects_of.untrained_level(table.own, rates), level.ravel())
    assert np.abs(effects_of.own_effects(run, table).change).max() > 0.01
    assert np.abs(effects_of.own_effects(run, table, per_rate=True).change).max() < 1e-9
    # with twice the pull at one step, what is left is that step's, at the mean rate
    table = dataclasses.replace(table, own=-pull * rates * np.array([1, 1, 2, 1]))
    line = np.array([np.polyfit(rates, row, 1)[1] for row in table.own])
    assert np.allclose(effects_of.untrained_level(table.own, rates), line)


def test_one_rate_for_all_steps_leaves_nothing_to_divide_out(tiny_run: Run):
    run, table = with_rates(tiny_run, [2e-4] * 4), random_table(tiny_run)
    plain, divided = (effects_of.own_effects(run, table, per_rate=p) for p in (False, True))
    assert np.allclose(plain.change, divided.change, atol=1e-12)
    assert np.allclose(plain.sd, divided.sd)


def test_a_domains_row_is_the_mean_of_its_samples(tiny_run: Run):
    found = effects_of.own_effects(tiny_run, random_table(tiny_run))
    rows = effects_of.by_domain(tiny_run, found)
    assert rows.rows == tiny_run.domains
    for row, domain in enumerate(tiny_run.domains):
        members = [s.sample_id for s in tiny_run.samples if s.domain == domain]
        for step in range(tiny_run.steps):
            mean = sum(found.change[i, step] for i in members) / len(members)
            assert rows.change[row, step] == pytest.approx(mean)


def test_columns_are_means_over_neighbouring_steps(tiny_run: Run):
    found = effects_of.own_effects(tiny_run, random_table(tiny_run))
    few, edges = effects_of.binned(found, 2)
    assert edges.tolist() == [0, 2, 4]
    assert np.allclose(few.change[:, 1], found.change[:, 2:].mean(1))
    assert np.allclose(few.sd[:, 0], found.sd[:, :2].mean(1))
    same, edges = effects_of.binned(found, 64)
    assert same is found
    assert edges.tolist() == [0, 1, 2, 3, 4]


def test_rows_of_one_shape_stand_together(tiny_run: Run):
    random = np.random.default_rng(3)
    shapes = random.normal(size=(3, 4))
    kind = np.arange(12) % 3
    change = shapes[kind] * random.uniform(1, 5, (12, 1))
    found = effects_of.Effects(tuple(range(12)), change, np.ones((12, 4)), np.zeros(12, int))
    sorted_kinds = kind[effects_of.clustered(found)]
    assert (np.diff(sorted_kinds) != 0).sum() == 2, "three shapes, three blocks"
    assert found.only(np.array([5, 2])).rows == (5, 2)
