"""How estimates of orders like one have fared: its kind, and the report that judges it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from reorder_core import estimators
from reorder_core.explore.presets import preset
from reorder_core.judge.fidelity import fresh_orders, retrained_truth
from reorder_core.judge.track_record import kind_of, track_record
from reorder_core.judge.verified import BY_HAND, families_of
from reorder_core.orders.order import Order, swap
from reorder_core.store.run import Run, open_run
from ui.app.words import FAMILY_WORDS, ONE_OF_A_FAMILY
from ui.queries import fared

DEMO = Path(__file__).parents[1] / "data" / "demo"


@pytest.fixture(scope="module")
def demo() -> Run:
    return open_run(DEMO)


@pytest.fixture(scope="module")
def drawn(demo: Run) -> dict[str, str]:
    return families_of(demo)


def several_moves(run: Run) -> Order:
    order = run.reference_order
    for sample, slot in ((3, 200), (9, 17), (40, 100)):
        order = swap(order, sample, slot)
    return order


def test_a_kind_is_told_by_the_draw_or_by_the_form(demo: Run, drawn: dict[str, str]):
    assert kind_of(demo, swap(demo.reference_order, 3, 200), drawn) == "move"
    assert kind_of(demo, preset(demo, "blocks", {})[0], {}) == "blocks"
    steps = demo.reference_order[: demo.visits.trained].reshape(demo.steps, -1)[::-1].reshape(-1)
    steps = demo.visits.with_trained(demo.reference_order, steps)
    assert kind_of(demo, steps, {}) == "blocks"
    for name in ("shortest-first", "hard-to-easy"):
        assert kind_of(demo, preset(demo, name, {})[0], {}) == "curriculum"
    by_chance = fresh_orders(demo, "random", 1, 77001)[0]
    assert kind_of(demo, by_chance, drawn) == "random"
    assert kind_of(demo, by_chance, {}) == BY_HAND
    assert kind_of(demo, several_moves(demo), drawn) == BY_HAND


def test_an_order_by_hand_is_judged_by_those_about_as_far(demo: Run, drawn: dict[str, str]):
    usual = {r.family: r.estimators["hybrid"].distance for r in demo.fidelity}
    far, near = usual["random"], usual["move"]
    assert far and near and far > 2 * near
    assert usual["in-out"] and abs(np.log(usual["in-out"] / near)) < 0.5, "told by what is trained"
    for distance, family in ((far, "random"), (0.9 * near, "move")):
        found = track_record(demo, several_moves(demo), "hybrid", distance, drawn)
        assert found is not None and (found.kind, found.family) == (BY_HAND, family)
    assert track_record(demo, several_moves(demo), "hybrid", float("nan"), drawn) is None
    assert track_record(demo, several_moves(demo), "nobody", far, drawn) is None


def test_errors_are_those_of_the_retrained_orders(demo: Run):
    """The shipped report against estimates and truths worked out here."""
    report = next(r for r in demo.fidelity if r.family == "blocks")
    orders = fresh_orders(demo, "blocks", report.orders, report.seed)
    truth = retrained_truth(demo, orders, lambda *_: None)  # all in the ledger
    estimator = estimators.open_estimator(demo, "hybrid")
    final = [estimator.estimate(order).final for order in orders]
    samples = np.stack([f.samples for f in final]) - truth.final.samples
    probes = np.stack([f.probes for f in final]) - truth.final.probes
    assert np.abs(samples).max() > 0.01
    measured = report.estimators["hybrid"]
    assert measured.mae == pytest.approx(np.abs(samples).mean(), rel=1e-4)
    assert measured.mae_training == pytest.approx(np.abs(samples.mean(1)).mean(), rel=1e-4)
    assert measured.mae_heldout == pytest.approx(np.abs(probes.mean(1)).mean(), rel=1e-4)


@pytest.mark.parametrize("family", ["in-out", "repeat", "move", "random"])
def test_the_page_says_who_judged_an_order_of_any_family(demo: Run, family: str):
    report = next(r for r in demo.fidelity if r.family == family)
    (order,) = fresh_orders(demo, family, 1, report.seed)
    told = fared.record(demo, order, estimators.open_estimator(demo, "hybrid").estimate(order))
    assert told["words"] == f"Judged by 32 {FAMILY_WORDS[family]}, really retrained."
    assert set(ONE_OF_A_FAMILY) == set(FAMILY_WORDS)


def test_the_page_says_who_judged_and_how_it_went(demo: Run):
    order = preset(demo, "blocks", {})[0]
    estimate = estimators.open_estimator(demo, "hybrid").estimate(order)
    told = fared.record(demo, order, estimate)
    blocks, curricula = (
        next(r.estimators["hybrid"] for r in demo.fidelity if r.family == family)
        for family in ("blocks", "curriculum")
    )
    held = [round(100 * (judged.coverage90_heldout or 0)) for judged in (blocks, curricula)]
    assert min(held) > 85
    assert told["words"] == "Judged by 32 block orders, really retrained."
    assert told["heldout"] == f"interval held {held[0]} %, error {blocks.mae_heldout:.4f}"
    assert told["training"] == f"error {blocks.mae_training:.4f}"
    sorted_by_length = preset(demo, "shortest-first", {})[0]
    assert fared.record(demo, sorted_by_length, estimate)["heldout"].startswith(
        f"interval held {held[1]} %"
    )
    assert fared._held(0.69, 0.0036) == "interval held only 69 %, error 0.0036"
    near = dataclasses.replace(estimate, distance=0.02)
    assert (
        "An order by hand: judged by 32 single moves, about as far"
        in (fared.record(demo, several_moves(demo), near)["words"])
    )


def test_a_run_that_nobody_judged_says_what_to_do(tiny_run: Run, fakes):
    order = tiny_run.reference_order[::-1]
    told = fared.record(
        tiny_run, order, estimators.open_estimator(tiny_run, "hybrid").estimate(order)
    )
    assert set(told) == {"words"} and "reorder_core fidelity" in told["words"]
