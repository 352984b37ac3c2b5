"""Difference in differences over retrained orders: against loops, and where the truth is known."""

import numpy as np
import pytest

from reorder_core.analysis.cohorts import (
    HELD_OUT,
    NONE,
    NOT_YET,
    bands,
    comparable,
    event_study,
    excess,
    profile,
)
from reorder_core.analysis.half_life import half_life, half_lives
from reorder_core.analysis.retrained_orders import RetrainedOrders, random_orders, stacked
from reorder_core.records.losses import Losses
from reorder_core.store.drawn import drawn_orders
from reorder_core.store.run import Run


def orders_of(run: Run, count: int = 24, seed: int = 4) -> RetrainedOrders:
    """Random steps, random losses."""
    random = np.random.default_rng(seed)
    steps = np.stack([random.permutation(12) // 3 for _ in range(count)])
    return RetrainedOrders(
        steps, Losses(random.uniform(2, 4, (count, 3, 12)), random.uniform(2, 4, (count, 3, 2)))
    )


def known_effect(run: Run, effect, trend: float = 0.3) -> RetrainedOrders:
    """Losses that fall alike for all text, and by `effect(steps since)` for what was trained."""
    orders = orders_of(run)
    at = run.eval_steps.astype(float)
    sample = np.full(orders.losses_at.samples.shape, 4.0) - trend * at[None, :, None]
    for place, checkpoint in enumerate(run.eval_steps.tolist()):
        since = checkpoint - 1 - orders.step_of
        sample[:, place] -= np.where(since >= 0, effect(np.maximum(since, 0)), 0)
    probe = np.full(orders.losses_at.probes.shape, 3.0) - trend * at[None, :, None]
    return RetrainedOrders(orders.step_of, Losses(sample, probe))


def test_the_effect_of_training_is_found_and_what_falls_for_all_is_not(tiny_run: Run):
    found = excess(tiny_run, known_effect(tiny_run, lambda since: 0.1 * (since + 1)))
    middle, end = (event_study(found, c) for c in (2, 4))
    assert set(middle["control"]) == {NOT_YET}
    assert set(end["control"]) == {HELD_OUT}
    for frame in (middle, end):
        treated = frame[frame["first"] >= 0]
        assert np.allclose(treated["value"], 0.1 * (treated["first"] + 1))
    assert np.allclose(middle[middle["first"] < 0]["value"], 0), "nothing before training"
    cells = profile(found)
    at_end = cells[cells["checkpoint"] == 4]
    assert np.allclose(at_end["value"], 0.1 * (4 - at_end["first"]))
    assert cells["treated"].tolist() == [True, True, False, False, True, True, True, True]


def test_every_cell_is_what_loops_over_orders_and_samples_give(tiny_run: Run):
    orders = orders_of(tiny_run)
    cells = profile(excess(tiny_run, orders)).set_index(["checkpoint", "first"])
    names = [s.domain for s in tiny_run.samples]
    for place, checkpoint in ((1, 2), (2, 4)):
        gathered: dict[int, list[float]] = {step: [] for step in range(4)}
        for m in range(len(orders)):
            at = orders.losses_at
            fall = at.samples[m, 0] - at.samples[m, place]
            for i in range(12):
                peers = [j for j in range(12) if names[j] == names[i] and j != i
                         and orders.step_of[m, j] >= checkpoint]  # fmt: skip
                unseen = len(peers) + (orders.step_of[m, i] >= checkpoint)
                if checkpoint == 4:
                    d = tiny_run.probe_domains.index(names[i])
                    control = at.probes[m, 0, d] - at.probes[m, place, d]
                elif unseen >= 2:
                    control = np.mean([fall[j] for j in peers])
                else:
                    continue
                gathered[int(orders.step_of[m, i])].append(fall[i] - control)
        for step, values in gathered.items():
            cell = cells.loc[(checkpoint, step)]
            assert cell["samples"] == len(values)
            assert cell["value"] == pytest.approx(np.mean(values))
            assert cell["lo"] < cell["value"] < cell["hi"]


def test_dividing_by_the_rate_scales_what_was_trained_and_nothing_else(tiny_run: Run):
    orders = orders_of(tiny_run)
    rates = np.array([1.0, 2.0, 4.0, 1.0])
    plain = excess(tiny_run, orders).of
    reference = tiny_run.reference
    object.__setattr__(reference, "learning_rate", rates)
    scaled = excess(tiny_run, orders, per_rate=True).of
    for place, checkpoint in ((1, 2), (2, 4)):
        seen = orders.step_of < checkpoint
        factor = np.where(seen, 2.0 / rates[orders.step_of], 1)
        assert np.allclose(scaled[:, place], plain[:, place] * factor, equal_nan=True)


def test_a_domain_without_control_has_no_effect_at_the_end_and_says_so(tiny_run: Run):
    tiny_run.__dict__["domains"] = ("code", "prose")
    texts = tiny_run._texts
    object.__setattr__(texts, "probe_domains", ("code", "verse"))
    found = excess(tiny_run, orders_of(tiny_run))
    assert found.control[2] == (HELD_OUT, NONE)
    assert set(event_study(found, 4)["domain"]) == {"code"}
    assert comparable(found) == ("code",)
    only = found.of[:, 1][:, found.domain_of == 0]
    cells = profile(found)
    assert np.nansum(cells[cells["checkpoint"] == 2]["samples"]) == np.isfinite(only).sum()


def test_bands_are_those_of_a_mean_over_orders():
    random = np.random.default_rng(0)
    sums = random.normal(2, 1, (400, 3))
    mean, low, high = bands(sums, np.ones((400, 3)))
    assert np.allclose(mean, sums.mean(0))
    for end, sign in ((low, -1), (high, 1)):
        assert np.allclose(end, mean + sign * 1.645 * sums.std(0) / 20, atol=0.02)
    alone = bands(sums[:1], np.ones((1, 3)))
    assert np.allclose(alone[0], sums[0])
    assert np.isnan(alone[1:]).all(), "one order has no interval"
    assert np.isnan(bands(sums[:0], np.ones((0, 3)))).all()


def test_an_exponential_decay_has_its_half_life():
    at = np.arange(0, 20, 2.0)
    value, peak, seen = half_life(3 * 0.5 ** (at / 4), at)
    assert (value, peak, seen) == (pytest.approx(4), 3, 18)
    # between two times in a straight line: 1 at 0, 0 at 2
    assert half_life(np.array([1.0, 0.0]), np.array([0.0, 2.0]))[0] == 1
    # an effect that grows first is counted from its top
    assert half_life(np.array([1.0, 4.0, 2.0]), np.array([0.0, 3.0, 5.0]))[0] == 2


def test_what_stays_is_not_reached_and_what_never_was_has_none():
    at = np.arange(5.0)
    assert half_life(np.array([1, 0.9, 0.8, 0.7, 0.6]), at)[0] == float("inf")
    assert np.isnan(half_life(np.array([-1.0, -2, -1, -1, -1]), at)[0])
    assert np.isnan(half_life(np.full(5, np.nan), at)[0])


def test_half_lives_by_domain(tiny_run: Run):
    lasting = excess(tiny_run, known_effect(tiny_run, lambda since: 0.2 + 0 * since))
    fading = excess(tiny_run, known_effect(tiny_run, lambda since: 0.2 * 0.5**since))
    assert np.isposinf(half_lives(lasting, 4)["half_life"]).all()
    found = half_lives(fading, 4)
    assert np.allclose(found["half_life"], 1)
    assert np.allclose(found[["lo", "hi"]], 1), "each order tells the same"
    assert found["told"].tolist() == [True, True]


def test_only_orders_drawn_at_random_count_and_diverged_ones_do_not(tiny_run: Run, retrain):
    chosen = drawn_orders(tiny_run, "random", 3, 7)
    for order in chosen:
        tiny_run.ledger.append(retrain(tiny_run, order))
    tiny_run.ledger.append(retrain(tiny_run, tiny_run.reference_order[::-1].astype(np.int32)))
    assert len(random_orders(tiny_run)) == 3
    entries = tiny_run.ledger.all()
    assert len(stacked(tiny_run, entries)) == 4
    broken = entries[0].losses_at.samples.copy()
    broken[-1, 0] = np.nan
    diverged = Losses(broken, entries[0].losses_at.probes)
    object.__setattr__(entries[0], "losses_at", diverged)
    assert len(stacked(tiny_run, entries)) == 3
    assert len(stacked(tiny_run, [])) == 0
