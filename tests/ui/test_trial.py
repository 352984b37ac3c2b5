"""A selected group that the position table cannot price is estimated before it is dragged."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import Served, as_they_stand, centre, open_timeline, pick, state
from sitting import fire, page, sent

from reorder_core.orders.moves import Move, apply
from reorder_core.store.run import open_run
from ui.app import state as keys
from ui.queries import estimates
from ui.timeline import trial

CHANNEL = "ro_channel_trial"


def test_the_dots_are_what_the_estimator_says(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = open_run(demo)
    samples = as_they_stand(run.reference_order, {5, 24, 57, 67})
    at = page(demo, monkeypatch, "timeline", {})
    assert sent(at, CHANNEL)["value"] == {}
    event = {"type": "trial", "samples": list(samples), "kind": "insert", "seq": 0}
    at = fire(at, keys.TIMELINE, event)
    for _ in range(20):  # what one run of the page does not reach, the next one does
        found = sent(at, CHANNEL)["value"]
        if len(found["rows"]) == trial.STEPS:
            break
        at.run()
    steps = [row["step"] for row in found["rows"]]
    assert steps[0] == 0 and steps[-1] == run.steps - 1 and len(steps) == trial.STEPS
    for row in found["rows"]:
        slot = min(row["step"] * run.batch_size, run.visits.trained - len(samples))
        order = apply(run.reference_order, Move("insert", samples, slot))
        known = estimates.difference(run, order, run.reference_order)
        assert row["own"][0] == pytest.approx(
            float(known.change.samples[list(samples)].mean()), abs=1e-6
        )
        assert row["heldOut"][0] == pytest.approx(known.held_out, abs=1e-9)
        assert row["own"][1] < row["own"][0] < row["own"][2]
    assert np.ptp([row["own"][0] for row in found["rows"]]) > 0.5
    at = fire(at, keys.TIMELINE, {"type": "preset", "name": "reversed", "seq": 1})
    assert sent(at.run(), CHANNEL)["value"] == {}  # they were of another order


def test_a_group_with_a_tile_of_the_bench_is_tried_as_it_would_be_dropped(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(demo)
    trained = run.visits.trained
    ids = {int(run.reference_order[slot]) for slot in (40, 90, trained)}
    samples = as_they_stand(run.reference_order, ids)
    at = page(demo, monkeypatch, "timeline", {})
    at = fire(at, keys.TIMELINE, {"type": "trial", "samples": samples, "kind": "insert", "seq": 0})
    for _ in range(20):
        rows = sent(at, CHANNEL)["value"]["rows"]
        if len(rows) == trial.STEPS:
            break
        at.run()
    assert rows[-1]["step"] == run.steps - 1
    slot = (run.steps - 1) * run.batch_size
    order = apply(run.reference_order, Move("swap", samples, slot))
    known = estimates.difference(run, order, run.reference_order)
    inserted = apply(run.reference_order, Move("insert", samples, slot))
    other = estimates.difference(run, inserted, run.reference_order)
    assert rows[-1]["heldOut"][0] == pytest.approx(known.held_out, abs=1e-9)
    assert abs(known.held_out - other.held_out) > 1e-6, "the two differ"


def test_canaries_selected_carry_their_estimates_along(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    before = state(page)
    page.get_by_label("Select a group of samples").select_option(label="all canary samples (8)")
    ids = {s.sample_id for s in run.samples if "canary" in s.flags}
    samples = as_they_stand(run.reference_order, ids)
    page.mouse.move(*centre(page, samples[0]))
    page.mouse.down()
    dots = page.locator("[data-response=own] .ro-trial")
    far = [centre(page, int(run.reference_order[slot])) for slot in (150, 151)]
    for attempt in range(200):  # the estimates come while it is carried about
        page.mouse.move(*far[attempt % 2])
        if dots.count() == trial.STEPS:
            break
        page.wait_for_timeout(100)
    assert dots.count() == trial.STEPS
    values = [float(dot.get_attribute("data-value")) for dot in dots.all()]
    steps = [int(dot.get_attribute("data-step")) for dot in dots.all()]
    told = page.locator("[data-preview=own]").inner_text()
    at = np.interp(150 // run.batch_size, steps, values)
    step = 150 // run.batch_size + 1
    assert told == f"step {step}: about {at:+.2f} nats/token, by the dots"
    assert "dots are estimates" in page.locator(".ro-response-note").inner_text()
    last = dots.last
    slot = run.visits.trained - len(samples)
    order = apply(run.reference_order, Move("insert", samples, slot))
    known = (
        estimates.difference(run, order, run.reference_order).change.samples[list(samples)].mean()
    )
    assert float(last.get_attribute("data-value")) == pytest.approx(float(known), abs=1e-5)
    assert last.get_attribute("data-step") == str(run.steps - 1)
    page.keyboard.press("Escape")
    page.mouse.move(2, 2)
    page.mouse.up()
    assert state(page) == before, "nothing was moved, no number waited"


def test_a_group_that_the_table_can_price_is_not_asked_for(served: Served, page: Any) -> None:
    order = served.run.reference_order
    open_timeline(page, served.url)
    pick(page, order[[10, 60, 130]])
    page.wait_for_timeout(1500)
    page.mouse.move(*centre(page, int(order[10])))
    page.mouse.down()
    page.mouse.move(*centre(page, int(order[200])), steps=4)
    page.locator(".ro-response-note").wait_for(state="visible")
    assert page.locator(".ro-trial").count() == 0
    page.mouse.move(2, 2)
    page.mouse.up()
