"""The table of all samples: its numbers, its filters, and the board that it is linked with."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from driving import Served, chosen, open_timeline, pick
from sitting import fire, page, sent
from streamlit.testing.v1 import AppTest

from reorder_core.cache.estimates import ResultCache
from reorder_core.cache.service import EstimateService
from reorder_core.orders.links import encode_order
from reorder_core.orders.order import insert
from reorder_core.store.run import open_run
from ui.app import state
from ui.timeline.tables import samples as samples_table


def table_of(at: AppTest) -> pd.DataFrame:
    assert not at.exception
    (shown,) = at.dataframe
    return shown.value


def test_every_row_holds_the_samples_losses_and_its_change_under_the_order_on_screen(
    demo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = open_run(demo)
    order = insert(run.reference_order, 31, 200)
    at = page(demo, monkeypatch, "timeline", {"run": run.id, "o": encode_order(order)})
    assert not at.dataframe, "closed, it costs a drop nothing"
    table = table_of(at.toggle(key=state.TABLE).set_value(True).run())
    service = EstimateService(run, ResultCache(tmp_path / "c.duckdb", run.fingerprint))
    estimate, at_ends = service.now().answer(order).estimate, run.reference.losses_at.samples
    assert estimate.interval is not None
    np.testing.assert_allclose(table.change, estimate.final.samples - at_ends[-1], atol=2e-6)
    np.testing.assert_allclose(table.low_90, estimate.interval.samples[0] - at_ends[-1], atol=2e-6)
    np.testing.assert_allclose(table.gain, at_ends[0] - at_ends[-1], atol=1e-6)
    steps = run.visits.first_steps(order[None])[0]
    known = table.step.dropna()  # a reserve sample has none
    assert known.index.tolist() == np.flatnonzero(steps < run.steps).tolist()
    assert known.tolist() == (steps[steps < run.steps] + 1).tolist()
    assert np.abs(table.change).max() > 0.01, "the move does something"
    shown = [caption.value for caption in at.caption]
    assert any(
        f"{run.count} of {run.count} samples" in told and "retrainings" in told for told in shown
    )


def test_search_domain_and_flag_narrow_the_rows(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(demo)
    at = page(demo, monkeypatch, "timeline", {})
    at = at.toggle(key=state.TABLE).set_value(True).run()
    canaries = {s.sample_id for s in run.samples if "canary" in s.flags}
    narrowed = table_of(at.multiselect(key=f"{state.TABLE}_flags").set_value(["canary"]).run())
    assert set(narrowed.sample_id) == canaries and canaries
    domain = run.samples[min(canaries)].domain
    narrowed = table_of(at.multiselect(key=f"{state.TABLE}_domains").set_value([domain]).run())
    assert set(narrowed.sample_id) == {i for i in canaries if run.samples[i].domain == domain}
    at.multiselect(key=f"{state.TABLE}_flags").set_value([])
    at.multiselect(key=f"{state.TABLE}_domains").set_value([])
    words = run.samples[5].text[:12].upper()
    found = table_of(at.text_input(key=f"{state.TABLE}_search").set_value(words).run())
    assert 5 in set(found.sample_id) and len(found) < run.count
    assert all(words.casefold() in run.samples[i].text.casefold() for i in found.sample_id)


def test_the_boards_selection_narrows_the_table_and_bad_ids_are_left_out(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = page(demo, monkeypatch, "timeline", {})
    at = at.toggle(key=state.TABLE).set_value(True).run()
    at = fire(at, state.TIMELINE, {"type": "picked", "seq": 0, "samples": [9, 3, 10**8]})
    at = at.toggle(key=f"{state.TABLE}_only").set_value(True).run()
    assert set(table_of(at).sample_id) == {3, 9}
    at = fire(at, state.TIMELINE, {"type": "picked", "seq": 0, "samples": [-1]})
    assert "damaged" in sent(at, state.TIMELINE)["notice"]["text"]


def test_filters_take_any_words_literally() -> None:
    table = pd.DataFrame({"sample_id": [1, 12], "domain": ["a", "b"], "flags": ["", "canary"],
                          "text": ["a.b(c", "plain"]})  # fmt: skip
    found = samples_table.filtered
    assert found(table, ".b(", [], []).sample_id.tolist() == [1]
    assert found(table, "12", [], []).sample_id.tolist() == [12]
    assert found(table, "", ["a"], ["canary"]).empty


def test_rows_and_tiles_are_one_selection(served: Served, page: Any) -> None:
    run = served.run
    open_timeline(page, served.url)
    page.get_by_text("Table of all samples").click()
    canvas = page.locator("[data-testid=stDataFrame] canvas").first
    canvas.wait_for()
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    for row in (0, 2):  # the boxes at the left choose rows; samples stand by id
        page.mouse.click(box["x"] + 14, box["y"] + 35 * (row + 1) + 17)
        page.wait_for_timeout(600)
    page.wait_for_function("document.querySelectorAll('.ro-chosen').length === 2", timeout=15_000)
    assert chosen(page) == {0, 2}
    others = [int(i) for i in run.reference_order[:3]]
    page.locator(".ro-tile").first.scroll_into_view_if_needed()
    pick(page, others)
    expected = len({0, 2} ^ set(others))
    page.get_by_text(f"Only the {expected} tiles selected").wait_for(timeout=15_000)
