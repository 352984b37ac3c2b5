"""The fidelity page in a browser: figures with their data, clicks, retraining more."""

import json
from typing import Any

import numpy as np
from driving import FIDELITY, READY, Served, chart_trace, click_point, order_in_address
from driving import state as shown_state
from fabricated import rewritten

from reorder_core.judge.heat_map import usual_moves
from reorder_core.orders.order import order_hash
from reorder_core.store.drawn import drawn_orders
from reorder_core.store.ledger import Retrained
from ui.pages import fidelity_frames


def open_fidelity(page: Any, served: Served, query: str = "") -> None:
    page.goto(f"{served.url}/fidelity{query}")
    page.wait_for_selector(FIDELITY, timeout=90_000)


def test_a_click_on_a_point_opens_its_order_on_the_timeline(served: Served, page: Any) -> None:
    open_fidelity(page, served)
    found = chart_trace(page, "trust-ends", "curriculum")
    far = int(
        np.argmax([float(text.split("error ")[1].split(" ")[0]) for text in found["hovertext"]])
    )
    wanted = found["hovertext"][far].split("order ")[1][:8]
    click_point(page, "trust-ends", "curriculum", far)
    page.wait_for_selector(READY, timeout=30_000)
    assert shown_state(page)["hash"][:8] == wanted
    assert order_hash(order_in_address(page, served.run))[:8] == wanted


def test_a_click_on_a_cell_opens_its_move_on_the_timeline(served: Served, page: Any) -> None:
    open_fidelity(page, served)
    wanted = chart_trace(page, "heat-retrained", "cells")["customdata"][1]
    click_point(page, "heat-retrained", "cells", 1)
    page.wait_for_selector(READY, timeout=30_000)
    assert shown_state(page)["hash"] == wanted


def test_zoom_and_hidden_families_survive_a_rerun(served: Served, page: Any) -> None:
    open_fidelity(page, served)
    state = """() => {
      const gd = document.querySelector('.st-key-ro_chart_points .js-plotly-plot');
      const { xaxis, yaxis } = gd._fullLayout;
      return [...xaxis.range, ...yaxis.range].map((value) => value.toFixed(3));
    }"""
    box = page.locator(".st-key-ro_chart_points .nsewdrag").bounding_box()
    before = page.evaluate(state)
    page.mouse.move(box["x"] + 120, box["y"] + 120)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 240, steps=5)
    page.mouse.up()
    page.wait_for_function(
        f"before => JSON.stringify(({state})()) !== before", arg=json.dumps(before)
    )
    zoomed = page.evaluate(state)
    page.get_by_role("radio", name="against expected error").click()  # a rerun of the figures
    page.locator(".st-key-ro_chart_trust-ends").get_by_text("as expected").wait_for()
    page.wait_for_timeout(500)
    assert page.evaluate(state) == zoomed


def test_the_estimator_and_the_family_are_chosen_and_kept_in_the_address(
    served: Served, page: Any
) -> None:
    open_fidelity(page, served)
    page.locator(".st-key-reorder_fidelity_estimator input").click()
    page.get_by_role("option", name="replay – baseline").click()
    page.wait_for_function("location.search.includes('estimator=replay')", timeout=30_000)
    page.get_by_role("radio", name="block orders").click()
    page.wait_for_function("location.search.includes('family=blocks')", timeout=30_000)
    words = """() => {
      const said = document.querySelector('h1')?.innerText ?? '';
      return said.includes('“replay”') && said.includes('block orders');
    }"""
    page.wait_for_function(words, timeout=30_000)
    page.reload()
    page.wait_for_function(words, timeout=60_000)


def test_every_figure_can_be_saved_with_run_and_estimator_in_name_and_footer(
    served: Served, page: Any
) -> None:
    open_fidelity(page, served)
    figures = {
        "points": "Estimated against retrained",
        "trust-ends": "Where trust ends",
        "coverage": "How often the 90 % intervals hold",
        "heat-estimated": "What a sample’s place does to it: estimated",
    }
    for name, title in figures.items():
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Save “{title}” as SVG").click()
        assert download.value.suggested_filename == f"{name}_{served.run.id}_hybrid.svg"
        text = download.value.path().read_text()
        assert text.startswith("<svg") and title in text
        assert f"run {served.run.id} · hybrid, 16 retrainings" in text
    with page.expect_download() as download:
        page.locator(".st-key-ro_chart_points_csv button").first.click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0].startswith("row,family,order,name,estimated,retrained,lo,hi")
    assert len(lines) > 0.9 * fidelity_frames.POINTS


def test_moves_that_lack_are_retrained_from_the_page(served_alone: Served, page: Any) -> None:
    run = served_alone.run
    cells = usual_moves(run).cells()
    for *_, order in cells[:3]:
        (run.ledger.folder / f"{order_hash(order)}.json").unlink(missing_ok=True)
    for *_, order in cells[3:]:
        if run.ledger.get(order_hash(order)) is None:  # a demo built anew: pay for three only
            known = run.reference.losses_at
            run.ledger.append(Retrained(run.id, order_hash(order), order, known, 1.0))
    open_fidelity(page, served_alone)
    assert chart_trace(page, "heat-retrained", "not yet retrained")["points"] == 3
    page.get_by_role("button", name="Retrain 3 missing moves").click()
    page.locator(".st-key-ro_job_heat_map [role=progressbar]").wait_for(timeout=30_000)
    page.wait_for_function(
        """() => {
          const gd = document.querySelector('.st-key-ro_chart_heat-retrained .js-plotly-plot');
          return gd?._fullData && !gd._fullData.some(({ name }) => name === 'not yet retrained');
        }""",
        timeout=150_000,
    )
    assert all(run.ledger.get(order_hash(order)) is not None for *_, order in cells)


def test_a_batch_can_be_cancelled_and_what_it_retrained_is_kept(
    served_alone: Served, page: Any
) -> None:
    run = served_alone.run
    before = len(run.ledger)
    open_fidelity(page, served_alone, "?family=curriculum")
    page.get_by_role("button", name="Retrain 8 more curricula").click()
    job = page.locator(".st-key-ro_job_more_curriculum")
    job.locator("[role=progressbar]").wait_for(timeout=30_000)
    job.get_by_role("button", name="Cancel").click()
    job.get_by_text("what was retrained is kept").wait_for(timeout=30_000)
    assert before <= len(run.ledger) < before + 8
    assert page.get_by_role("button", name="Retrain 8 more curricula").is_visible()


def test_the_button_retrains_more_orders_and_the_page_follows(
    served_alone: Served, page: Any
) -> None:
    run = served_alone.run
    for path in (run.path / "fidelity").glob("move-*.json"):  # as if two had been measured
        seed = json.loads(path.read_text())["seed"]
        for order in drawn_orders(run, "move", 10, seed)[2:]:
            (run.ledger.folder / f"{order_hash(order)}.json").unlink()
        measured = json.loads(path.read_text())["estimators"]
        rewritten(path, orders=2, estimators={n: measured[n] for n in ("reference", "projected")})
    open_fidelity(page, served_alone, "?family=move")
    before = chart_trace(page, "trust-ends", "move")["points"]
    page.get_by_role("button", name="Retrain 8 more single moves").click()
    page.locator(".st-key-ro_job_more_move [role=progressbar]").wait_for(timeout=30_000)
    page.wait_for_function(
        "() => document.querySelector('h1').innerText.includes('On 10 single moves')",
        timeout=240_000,
    )
    page.wait_for_function(
        """wanted => {
          const gd = document.querySelector('.st-key-ro_chart_trust-ends .js-plotly-plot');
          const found = gd?._fullData?.find(({ name }) => name === 'move');
          return found?.x.length === wanted;
        }""",
        arg=before + 8,
        timeout=120_000,
    )
