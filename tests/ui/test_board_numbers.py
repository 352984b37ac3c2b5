"""What the board says: levels, measured and estimated, of this order and of no other."""

import re
from typing import Any

import numpy as np
import pytest
from driving import (
    READY,
    Served,
    charted,
    chosen,
    drag,
    number_on_page,
    open_timeline,
    order_in_address,
    settled,
    state,
)

from reorder_core.estimators.position import open_position_table
from reorder_core.orders.links import encode_order
from reorder_core.orders.moves import Move, apply
from reorder_core.orders.order import insert


def test_the_reference_order_is_measured_and_never_offers_to_retrain_itself(
    served: Served, page: Any
) -> None:
    open_timeline(page, served.url)
    level = float(served.run.reference.final.probes.mean())
    assert page.locator("[data-kpi=heldout]").inner_text() == f"{level:.3f}"
    assert "measured" in page.locator("[data-kpi-change=heldout]").inner_text()
    assert page.locator("[data-inspect=truth]").inner_text() == "measured"
    assert page.locator("[data-command=verify]").is_disabled()
    assert "not verified" not in page.locator(".ro-timeline").inner_text()
    assert "not yet verified" not in page.locator(".ro-timeline").inner_text()


def test_nothing_of_the_last_order_stays_until_the_estimate_is_there(
    served: Served, page: Any
) -> None:
    run, held, holding = served.run, [], []

    def relay(socket: Any) -> None:
        server = socket.connect_to_server()
        socket.on_message(lambda m: held.append((server, m)) if holding else server.send(m))

    page.route_web_socket(re.compile("_stcore/stream"), relay)
    truth = run.ledger.all()[2]
    open_timeline(page, served.url, f"?o={encode_order(truth.order)}")
    numbers = page.locator(".ro-kpis, .ro-toolbar, .ro-inspect dl")
    assert "retrained" in page.locator("[data-kpi-truth=heldout]").inner_text()
    page.get_by_role("button", name="Verified", exact=True).wait_for()
    holding.append(True)
    before = state(page)["hash"]
    a, b = (page.locator(f'.ro-tile[data-sample="{truth.order[i]}"]') for i in (3, 120))
    a.drag_to(b)
    page.locator(".ro-timeline[data-of=another]").wait_for()
    told = " ".join(numbers.all_inner_texts())
    assert held and "estimating" in told
    for word in ("retrained", "Verified", "off by", "outside the interval"):
        assert word not in told, told
    assert page.locator("[data-kpi=heldout]").inner_text() == "…"
    holding.clear()
    for server, message in held:
        server.send(message)
    settled(page, before)
    assert page.locator("[data-kpi=heldout]").inner_text() != "…"


def test_the_curve_of_a_selection_is_there_at_once(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    canaries = [s.sample_id for s in run.samples if "canary" in s.flags]
    menu = page.get_by_label("Select a group of samples")
    menu.select_option(label=f"all canary samples ({len(canaries)})")
    heading = page.locator("[data-response=own] h4").inner_text()
    assert heading == f"Final loss of the {len(canaries)} samples, their mean"
    assert f"these {len(canaries)} samples" in page.locator(".ro-response-headline").inner_text()


def on_curve(page: Any, step: int, steps: int) -> tuple[float, float]:
    box = page.locator("[data-response=own] svg").bounding_box()
    gutter, right = 52, 14  # as in ui/web/board/board.js
    return box["x"] + gutter + (step + 0.5) * (box["width"] - gutter - right) / steps, box["y"] + 40


def test_a_curve_is_read_out_under_the_pointer_and_a_click_places_the_sample(
    served: Served, page: Any
) -> None:
    run = served.run
    open_timeline(page, served.url)
    sample = int(run.reference_order[40])
    page.locator(f'.ro-tile[data-sample="{sample}"]').click()
    page.locator("[data-response=own]").scroll_into_view_if_needed()
    page.mouse.move(*on_curve(page, 25, run.steps))
    readout = page.locator("[data-preview=own]")
    assert re.fullmatch(r"step 26: [+−]?[\d.]+ \[.+, .+\] nats/token", readout.inner_text())
    table = open_position_table(run)
    change = float(table.own[sample, 25] - table.own[sample, 40 // run.batch_size])
    assert number_on_page(page, "[data-preview=own]") == pytest.approx(change, abs=1e-6)
    before = state(page)["hash"]
    page.mouse.click(*on_curve(page, 25, run.steps))
    settled(page, before)
    wanted = insert(run.reference_order, sample, 25 * run.batch_size)
    assert np.array_equal(order_in_address(page, run), wanted)


def test_the_learning_rate_is_drawn_under_the_steps(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    path = page.locator(".ro-rate-strip path.ro-rate").get_attribute("d")
    heights = np.array([float(y) for y in re.findall(r",([\d.]+)", path)])
    rate = np.asarray(run.reference.learning_rate)
    assert len(heights) == run.steps and np.ptp(heights) > 5
    shares = (heights.max() - heights) / np.ptp(heights)
    np.testing.assert_allclose(shares, (rate - rate.min()) / np.ptp(rate), atol=1e-2)


def test_the_board_does_not_jump_when_a_retraining_begins(served: Served, page: Any) -> None:
    run = served.run
    page.set_viewport_size({"width": 1440, "height": 1000})
    open_timeline(page, served.url)
    tops = [page.locator(".ro-board").bounding_box()["y"]]
    drag(page, int(run.reference_order[4]), int(run.reference_order[231]))
    tops.append(page.locator(".ro-board").bounding_box()["y"])
    page.get_by_role("button", name="Verify", exact=True).click()
    page.wait_for_selector(".ro-progress", state="visible")
    tops.append(page.locator(".ro-board").bounding_box()["y"])
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Verify", exact=True).wait_for(timeout=15_000)
    tops.append(page.locator(".ro-board").bounding_box()["y"])
    assert len(set(tops)) == 1, tops


def test_a_talk_on_a_projector_shows_all_of_its_chart_and_can_verify(
    served: Served, page: Any
) -> None:
    run = served.run
    page.set_viewport_size({"width": 1280, "height": 720})
    open_timeline(page, served.url)
    drag(page, int(run.reference_order[9]), int(run.reference_order[225]))
    page.locator("[data-command=talk]").click()
    page.wait_for_selector(".ro-talking")
    charted(page)
    verify = page.get_by_role("button", name="Verify", exact=True)
    assert verify.is_visible()
    for retrained in (False, True):
        if retrained:
            verify.click()
            page.get_by_role("button", name="Verified", exact=True).wait_for(timeout=120_000)
            page.locator("[data-figure=generalization]").get_by_text("retrained").first.wait_for()
        page.wait_for_timeout(500)
        box = page.locator("[data-figure=generalization]").bounding_box()
        assert box["y"] + box["height"] <= 720, retrained
        labels = page.locator("[data-figure=generalization] .ytick")
        assert labels.count() == len(run.probe_domains) + 1
        assert all(label.bounding_box()["y"] < 700 for label in labels.all()), retrained
    page.keyboard.press("Escape")


def test_control_y_redoes(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    start = state(page)["hash"]
    moved = drag(page, int(run.reference_order[6]), int(run.reference_order[150]))
    page.keyboard.press("Control+z")
    assert settled(page, moved) == start
    page.keyboard.press("Control+y")
    assert settled(page, start) == moved


def test_a_plain_list_of_ids_is_taken_for_an_order(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    before = state(page)["hash"]
    wanted = apply(run.reference_order, Move("insert", (int(run.reference_order[0]),), 99))
    page.locator("[data-command=orders]").click()
    lines = "\n".join(", ".join(map(str, row)) for row in wanted.reshape(-1, 8).tolist())
    page.get_by_label("Order file", exact=True).fill(lines)
    page.locator("[data-command=paste]").click()
    settled(page, before)
    assert np.array_equal(order_in_address(page, run), wanted)


def test_memorization_is_what_training_changed(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    page.get_by_role("radio", name="Memorization").click()
    known = run.reference.losses_at.samples
    gain = known[0] - known[-1]
    levels = page.evaluate(
        "[...document.querySelectorAll('.ro-tile')].map("
        "t => [+t.dataset.sample, parseFloat(t.style.getPropertyValue('--ro-level'))])"
    )
    shown = np.full(run.visits.count, np.nan)
    for tile, level in levels:
        shown[tile] = level
    of_tile = run.visits.as_visits(gain)
    by_gain = np.argsort(of_tile)
    assert (np.diff(shown[by_gain]) >= 0).all() and shown[by_gain[-1]] == 100
    by_gain = by_gain[np.isin(by_gain, run.reference_order[: run.visits.trained])]
    menu = page.get_by_label("Select a group of samples")
    menu.select_option(label="the 10 best remembered (10)")
    assert chosen(page) == set(by_gain[-10:].tolist())
    best = int(by_gain[-1])
    page.locator(f'.ro-tile[data-sample="{best}"]').hover()
    page.wait_for_selector(READY)
    assert number_on_page(page, "[data-inspect=gain]") == pytest.approx(
        float(of_tile[best]), abs=1e-5
    )
