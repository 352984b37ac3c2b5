from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reorder_core.explore import scenarios as module
from reorder_core.explore.scenarios import (
    Finding,
    Scenario,
    Stop,
    answer,
    contrast_of,
    metric_of,
    scenarios,
)
from reorder_core.orders.order import order_hash, slots_of
from reorder_core.records.estimates import Difference
from reorder_core.records.losses import Losses
from reorder_core.store.run import Run, open_run

DEMO = Path(__file__).parent.parent / "data" / "demo"


@pytest.fixture(scope="module")
def demo() -> Run:
    return open_run(DEMO)


@pytest.fixture(scope="module")
def found(demo: Run) -> dict[str, Scenario]:
    return {scenario.key: scenario for scenario in scenarios(demo)}


def test_the_demo_answers_all_four_questions_from_real_retrainings(demo, found):
    assert list(found) == ["hard", "sequence", "canary", "poison"]
    orders = [stop.order for scenario in found.values() for stop in scenario.stops]
    assert len({order_hash(order) for order in orders}) == len(orders) == 10
    lacking = [order_hash(o) for o in orders if demo.ledger.get(order_hash(o)) is None]
    assert not lacking, "another build of the demo asks other orders: retrain these, too"


def test_the_same_run_gives_the_same_orders(demo, found):
    for again in scenarios(open_run(DEMO)):
        for one, two in zip(again.stops, found[again.key].stops, strict=True):
            np.testing.assert_array_equal(one.order, two.order)


def test_the_hard_domain_comes_first_or_last_and_the_others_keep_their_order(demo, found):
    first, last = (stop.order for stop in found["hard"].stops)
    first, last = (order[: demo.visits.trained] for order in (first, last))
    hard = np.array([s.domain == found["hard"].subject for s in demo.samples])
    reference = demo.reference_order[: demo.visits.trained]
    count = hard[reference].sum()
    assert hard[first[:count]].all() and hard[last[-count:]].all()
    np.testing.assert_array_equal(first[count:], last[:-count])
    np.testing.assert_array_equal(first[count:], reference[~hard[reference]])


def test_the_hard_domain_has_the_highest_loss_at_the_start_of_those_held_out(demo, found):
    starts = {name: module._start_loss(demo, name) for name in demo.probe_domains}
    assert found["hard"].subject == max(starts, key=lambda name: starts[name])


def test_each_domain_is_one_block_in_the_sequences(demo, found):
    assert found["sequence"].compared == 24
    for stop in found["sequence"].stops:
        names = [demo.samples[i].domain for i in stop.order[: demo.visits.trained]]
        blocks = [name for at, name in enumerate(names) if at == 0 or name != names[at - 1]]
        assert " → ".join(blocks) == stop.title


def test_every_question_shows_an_effect_far_larger_than_a_hundredth_of_a_nat(demo, found):
    for one in found.values():
        truths = [demo.ledger.of(stop.order) for stop in one.stops]
        losses = [metric_of(one, demo, t.final) for t in truths]
        assert max(losses) - min(losses) > (0.3 if one.key in ("canary", "poison") else 0.01)


@pytest.mark.parametrize("flag", ["poison", "canary"])
def test_only_the_marked_sample_is_picked_up(demo, found, flag):
    feared = []
    for stop in found[flag].stops:
        (sample,) = stop.samples
        assert (sample,) == found[flag].samples
        assert flag in demo.samples[sample].flags
        assert slots_of(stop.order)[sample] == stop.slot
        rest = stop.order[stop.order != sample]
        np.testing.assert_array_equal(rest, demo.reference_order[demo.reference_order != sample])
        feared.append(stop.slot // demo.batch_size)
    assert feared[0] == 0 and feared[-1] == demo.steps - 1


def test_a_run_without_poison_or_of_one_domain_lacks_the_question(demo, monkeypatch):
    monkeypatch.setattr(module, "open_estimator", pytest.fail)
    plain = tuple(replace(s, domain="arithmetic", flags=()) for s in demo.samples)
    one: Any = SimpleNamespace(
        samples=plain, domains=("arithmetic",), probe_domains=("arithmetic",),
        reference_order=demo.reference_order, reference=demo.reference, count=demo.count,
        visits=demo.visits,
    )  # fmt: skip
    assert scenarios(one) == ()


def scenario(key: str = "hard", metric: str = "maths", samples: tuple[int, ...] = ()) -> Scenario:
    order = np.arange(3, dtype=np.int32)
    return Scenario(key, "", "", "cats", metric, (Stop("A", order), Stop("B", order)), 2, samples)


@pytest.mark.parametrize(
    ("key", "values", "contrast", "words"),
    [
        ("hard", (2.0, 1.5), Finding(0.5, 0.4, 0.6, 0.45),
         "Better with B: held-out loss on maths is really 0.4500 nats/token lower than with A; "
         "estimated: 0.5000 nats/token (90 % interval 0.4000 to 0.6000)."),
        ("hard", (2.0, 1.5), Finding(0.5, -0.1, 0.6, 0.45),
         "Better with B: held-out loss on maths is really 0.4500 nats/token lower than with A; "
         "estimated: 0.5000 nats/token (90 % interval −0.1000 to 0.6000), too close to call."),
        ("poison", (2.0, 1.5), Finding(0.5, 0.4, 0.6, -0.1),
         "It is remembered best with A: held-out loss on maths is really 0.1000 nats/token lower "
         "than with B; the estimate said the other way round, by 0.5000 nats/token (90 % interval "
         "0.4000 to 0.6000)."),
        ("sequence", (1.0, 1.5), Finding(0.5, -0.1, 0.6),
         "Too close to call: with A, held-out loss on maths is 0.5000 nats/token (90 % interval "
         "−0.1000 to 0.6000) lower than with B; not retrained yet."),
    ],
)  # fmt: skip
def test_the_answer_says_which_by_how_much_how_sure_and_what_was_true(key, values, contrast, words):
    assert answer(scenario(key), values, contrast) == words


def test_without_an_interval_the_answer_says_so(demo):
    words = answer(scenario(metric=""), (1.0, 2.0), Finding(1.0))
    assert "its 90 % interval is not known" in words and "mean held-out loss" in words
    probes = np.arange(len(demo.probe_domains), dtype=np.float32)
    losses = Losses(np.arange(5.0), probes)
    assert metric_of(scenario(metric=demo.probe_domains[1]), demo, losses) == 1.0
    assert metric_of(scenario(metric=""), demo, losses) == probes.mean()
    assert metric_of(scenario(samples=(1, 4)), demo, losses) == 2.5


def test_the_loss_that_decides_is_named_and_its_interval_is_its_own(demo):
    ends = np.array([[0.0, 1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0]])
    change, interval = Losses(ends.mean(0), ends.mean(0)[:3]), Losses(ends, ends[:, :3])
    found = Difference("r", "e", "a", "b", change, interval, 9.0, np.array([8.0, 10.0]))
    pair = scenario(samples=(1, 3))
    assert contrast_of(pair, demo, found, 2.0) == Finding(2.5, 2.0, 3.0, 2.0)
    assert "the mean loss of the 2 samples of cats is" in answer(pair, (1.0, 2.0), Finding(1.0))
    assert "its own loss is" in answer(scenario(samples=(1,)), (1.0, 2.0), Finding(1.0))
    assert contrast_of(scenario(metric=""), demo, found, 2.0) == Finding(9.0, 8.0, 10.0, 2.0)
    held = contrast_of(scenario(metric=demo.probe_domains[2]), demo, found, 2.0)
    assert held == Finding(2.5, 2.0, 3.0, 2.0)
