"""The fidelity page: what it sends without a browser, what it shows and does in one."""

import base64
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sitting
from driving import READY, Served, order_in_address
from driving import state as shown_state
from fabricated import rewritten
from sitting import page
from streamlit.testing.v1 import AppTest

from reorder_core.estimators import ESTIMATORS, open_estimator
from reorder_core.judge.heat_map import usual_moves
from reorder_core.judge.verified import families_of, judges
from reorder_core.orders.order import order_hash
from reorder_core.records.fidelity import FidelityReport, Measured
from reorder_core.store.ledger import Retrained
from reorder_core.store.run import Run, open_run
from ui.app import jobs, state
from ui.pages import fidelity, fidelity_records, fidelity_sentences

DONE = ".ro-fidelity[data-state=ready]"


def page_of(path: Path, monkeypatch: pytest.MonkeyPatch, **address: str) -> AppTest:
    at = page(path, monkeypatch, "fidelity", address)
    assert not at.exception
    return at


def sent(at: AppTest) -> dict[str, Any]:
    return sitting.sent(at, state.FIDELITY)


def judged(at: AppTest) -> dict[str, Any]:
    """What the page says of the ledger, once all estimates are computed."""
    for _ in range(40):
        value = json.loads(at.get_by_key("ro_channel_judged").proto.json)["value"]
        if value["state"] != "working":
            return value
        at.run()
    raise AssertionError("the estimates never came to an end")


def fire(at: AppTest, event: Any) -> AppTest:
    return sitting.fire(at, state.FIDELITY, event)


# --- without a browser ---------------------------------------------------------


def test_the_table_and_its_words_are_those_of_the_saved_reports(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(demo)
    data = sent(page_of(demo, monkeypatch))
    assert {report["family"] for report in data["reports"]} == {r.family for r in run.fidelity}
    for drawn in data["reports"]:
        saved = next(r for r in run.fidelity if r.family == drawn["family"])
        for row in drawn["rows"]:
            measured = saved.estimators[row["name"]]
            assert row["r2"] == measured.r2 and row["ci"]["r2"] == list(measured.ci["r2"])
            assert row["bytes"] == measured.bytes
        r2 = saved.estimators["hybrid"].r2
        assert r2 is not None and f"{100 * r2:.0f} %" in drawn["headline"]
        assert str(saved.orders) in drawn["headline"]


def test_the_judging_orders_are_those_that_the_estimator_was_not_fitted_on(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(demo)
    estimator = open_estimator(run, "hybrid")
    record = judged(page_of(demo, monkeypatch))
    known = {order["hash"]: order for order in record["orders"]}
    assert not set(known) & estimator.fitted_on
    trained = {run.trains_as(entry.order) for entry in run.ledger.all()}
    assert record["fitted"] == len(estimator.fitted_on & trained)
    assert set(known) == {
        v.retrained.order_hash for v in judges(run, families_of(run), estimator.fitted_on)
    }
    truth = run.ledger.get(record["orders"][0]["hash"])
    assert truth is not None
    gap = estimator.estimate(truth.order).sample_loss - truth.sample_loss
    assert known[truth.order_hash]["error"] == pytest.approx(np.abs(gap).mean(), rel=1e-3)
    assert -1 <= record["ranks"]["distance"]["all"] <= 1
    all_orders = next(row for row in record["coverage"] if row["kind"] == "all")
    assert all_orders["losses"] == len(known) * run.count
    assert all_orders["lo"] <= all_orders["share"] <= all_orders["hi"]


def test_another_estimator_gives_other_points_and_one_without_intervals_no_coverage(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = judged(page_of(demo, monkeypatch, estimator="projected"))
    other = judged(page_of(demo, monkeypatch, estimator="reference"))
    assert one["points"]["retrained"] != "" and other["estimator"] == "reference"
    assert one["points"]["estimated"] != other["points"]["estimated"]
    assert other["coverage"] == [] and one["coverage"]


def test_orders_without_an_interval_count_in_no_coverage(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`position` has one only far from the reference order."""
    run, record = open_run(demo), judged(page_of(demo, monkeypatch, estimator="position"))
    position = open_estimator(run, "position")
    asked = [run.ledger.get(row["hash"]) for row in record["orders"]]
    estimates = [position.estimate(entry.order) for entry in asked if entry is not None]
    with_one = sum(estimate.sample_interval is not None for estimate in estimates)
    assert 0 < with_one < len(estimates)
    all_orders = next(row for row in record["coverage"] if row["kind"] == "all")
    assert all_orders["losses"] == with_one * run.count
    assert all_orders["orders"] == with_one
    families = {row["name"] for row in record["coverage"] if row["kind"] == "family"}
    assert "random" in families and "move" not in families  # never as 0 %


def test_a_link_that_cannot_be_shown_says_what_there_is(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = sent(page_of(demo, monkeypatch, run="elsewhere", estimator="<b>oracle", family="best"))
    assert (data["estimator"], data["family"]) == ("hybrid", "random")
    for words in ("'elsewhere'", "'<b>oracle'", "'best'", *ESTIMATORS):
        assert words in data["notice"]


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "more"},
        {"type": "nonsense", "run": "RUN"},
        ["x"],
        7,
        {"type": "more", "run": "RUN", "family": "best"},
        {"type": "show", "run": "RUN", "estimator": 1},
    ],
)
def test_a_malformed_request_does_nothing_and_says_so(
    demo: Path, monkeypatch: pytest.MonkeyPatch, payload: Any
) -> None:
    if isinstance(payload, dict) and payload.get("run") == "RUN":
        payload = payload | {"run": open_run(demo).id}
    at = fire(page_of(demo, monkeypatch), payload)
    assert not at.exception
    assert sent(at)["notice"].startswith("Not done:")
    assert jobs.queue().active(open_run(demo).id) == []


def test_a_run_without_reports_or_retrainings_gives_the_next_step(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ignored = shutil.ignore_patterns("fidelity", "ledger", "cache")
    bare = shutil.copytree(demo, tmp_path / "bare", ignore=ignored)
    at = page_of(bare, monkeypatch, family="blocks")
    data, record = sent(at), judged(at)
    assert data["reports"] == []
    assert data["command"].startswith(f"python -m reorder_core fidelity {bare} --family blocks")
    assert record["state"] == "empty"
    assert record["heat"]["missing"] == record["heat"]["moves"] > 0


def test_a_run_that_an_estimator_cannot_be_opened_for_is_told_not_raised(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fabricated import build_tiny

    tiny = build_tiny(tmp_path / "tiny").path
    record = judged(page_of(tiny, monkeypatch))
    assert record["state"] == "failed" and "build the run again" in record["message"]


def test_more_orders_extend_the_familys_report_and_keep_its_seed(demo: Path) -> None:
    run = open_run(demo)
    view = fidelity.View("projected", "move")
    report = next(r for r in fidelity_sentences.best_reports(run.fidelity) if r.family == "move")
    _, arguments = fidelity.more(run, view)
    given = dict(zip(arguments[2::2], arguments[3::2], strict=True))
    assert given["--orders"] == str(report.orders + fidelity.MORE)
    assert given["--seed"] == str(report.seed)
    assert given["--estimators"].split(",") == list(report.estimators)


def test_too_many_points_are_thinned_alike_in_every_order(demo: Path) -> None:
    random = np.random.default_rng(1)
    losses = random.normal(size=(100, 300))
    interval = np.stack([losses - 1, losses + 1], axis=1)
    record = fidelity_records.points(losses, losses, interval, losses[0])
    drawn = np.frombuffer(base64.b64decode(record["order"]), "<f4")
    assert record["all"] == 30_000
    assert np.array_equal(np.bincount(drawn.astype(int)), np.full(100, 80))


def measured(r2: float, coverage: float | None = None) -> Measured:
    return Measured(r2=r2, coverage90=coverage, ci={"r2": (r2 - 0.1, r2 + 0.05)})


def reported(family: str, **estimators: Measured) -> FidelityReport:
    return FidelityReport("a-run", family, 9, 7, estimators)


def test_the_words_follow_the_numbers() -> None:
    good = reported("random", projected=measured(0.8, 0.91), replay=measured(0.5, 0.7),
                    reference=measured(0.0))  # fmt: skip
    bad = reported("move", projected=measured(-0.4, 0.99))
    assert "explains 80 % (95 % interval 70 to 85 %)" in fidelity_sentences.headline(
        good, "projected"
    )
    assert "9 random orders" in fidelity_sentences.headline(good, "projected")
    assert "no better than assuming" in fidelity_sentences.headline(bad, "projected")
    assert "has not been measured" in fidelity_sentences.headline(bad, "replay")
    assert "retraining more measures it" in fidelity_sentences.details([bad], "move", "replay")
    words = fidelity_sentences.details([good, bad], "random", "projected")
    assert "close to what they promise" in words and "“replay”, explains 50 %" in words
    assert "weakest on single moves, where it explains nothing" in words
    assert "too narrow" in fidelity_sentences.details([good, bad], "random", "replay")
    assert "wider than they need be" in fidelity_sentences.details([good, bad], "move", "projected")
    assert "no intervals" in fidelity_sentences.details([good, bad], "random", "reference")


# --- in a browser --------------------------------------------------------------


def open_fidelity(page: Any, served: Served, query: str = "") -> None:
    page.goto(f"{served.url}/fidelity{query}")
    page.wait_for_selector(DONE, timeout=60_000)


def drawn_points(page: Any) -> int:
    counts = page.eval_on_selector_all(
        "[data-figure=estimated-against-retrained] [data-points]",
        "paths => paths.map(path => Number(path.dataset.points))",
    )
    return sum(counts)


def test_the_page_shows_table_points_coverage_maps_and_ledger(served: Served, page: Any) -> None:
    run: Run = served.run
    open_fidelity(page, served)
    assert "explains" in page.locator("h1").inner_text()
    assert page.locator(".ro-table-panel [data-measure=r2][data-best]").count() == 1
    orders = page.locator("[data-figure=ledger] [data-order]")
    assert orders.count() >= 16
    assert drawn_points(page) == (fidelity_records.POINTS // orders.count()) * orders.count()
    circles = page.locator("[data-figure=error-against-distance] circle[data-order]").count()
    assert circles == orders.count()
    assert page.locator("[data-coverage=random]").count() == 1
    assert page.locator("[data-map=estimated] [data-cell]").count() > 10
    page.get_by_role("radio", name="Held-out").click()
    assert drawn_points(page) == orders.count() * len(run.probe_domains)


def test_the_estimator_and_the_family_are_chosen_and_kept_in_the_address(
    served: Served, page: Any
) -> None:
    open_fidelity(page, served)
    before = page.locator("[data-coverage=all\\ orders]").get_attribute("data-value")
    page.get_by_label("Estimator", exact=True).select_option("replay")
    page.wait_for_function(
        "before => document.querySelector('[data-coverage=\"all orders\"]')?.dataset.value"
        " !== before && document.querySelector('.ro-fidelity').dataset.state === 'ready'",
        arg=before,
        timeout=30_000,
    )
    page.get_by_role("radio", name="Block orders").click()
    assert "“replay”" in page.locator("h1").inner_text()
    assert "block orders" in page.locator("h1").inner_text()
    page.wait_for_function("location.search.includes('family=blocks')")
    assert "estimator=replay" in page.evaluate("location.search")
    page.reload()
    page.wait_for_selector(DONE, timeout=60_000)
    assert "block orders" in page.locator("h1").inner_text()
    assert page.get_by_label("Estimator", exact=True).input_value() == "replay"


def test_points_are_explained_by_pointer_and_by_keyboard_and_their_text_is_no_markup(
    served: Served, page: Any
) -> None:
    open_fidelity(page, served)
    plot = page.locator("[data-figure=estimated-against-retrained] svg")
    plot.focus()
    page.keyboard.press("ArrowRight")
    tip = page.locator(".ro-point-tip")
    words = tip.inner_text()
    for part in ("sample ", "order ", "estimated ", "retrained "):
        assert part in words
    assert tip.evaluate("element => element.children.length") == 0, "text only"
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    box = plot.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert tip.is_visible()


def test_an_order_of_the_ledger_opens_on_the_timeline(served: Served, page: Any) -> None:
    open_fidelity(page, served)
    link = page.locator("[data-figure=ledger] [data-order]").nth(2)
    wanted = link.get_attribute("data-order")
    link.click()
    page.wait_for_selector(READY, timeout=30_000)
    assert shown_state(page)["hash"] == wanted
    assert order_hash(order_in_address(page, served.run)) == wanted


def test_every_figure_can_be_saved(served: Served, page: Any) -> None:
    open_fidelity(page, served)
    titles = ("Estimated against retrained", "Where trust ends",
              "How often the 90 % intervals hold", "What a sample’s place does to it")  # fmt: skip
    for name in titles:
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Save “{name}” as SVG").click()
        text = download.value.path().read_text()
        assert text.startswith("<svg") and name in text
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the table as CSV").click()
    assert download.value.path().read_text().startswith("family,orders,seed,estimator,r2")


def test_moves_that_lack_are_retrained_from_the_page(served: Served, page: Any) -> None:
    run = served.run
    cells = usual_moves(run).cells()
    for *_, order in cells[:3]:
        (run.ledger.folder / f"{order_hash(order)}.json").unlink(missing_ok=True)
    for *_, order in cells[3:]:
        if run.ledger.get(order_hash(order)) is None:  # a demo built anew: pay for three only
            known = run.reference.sample_loss_at, run.reference.probe_loss_at
            run.ledger.append(Retrained(run.id, order_hash(order), order, *known, 1.0))
    open_fidelity(page, served)
    assert page.locator("[data-map=retrained] .ro-unknown").count() == 3
    page.get_by_role("button", name="Retrain 3 missing moves").click()
    page.locator("[data-figure=heat-maps] .ro-progress").wait_for(timeout=15_000)
    page.wait_for_function(
        "() => document.querySelector('[data-map=retrained]')"
        " && !document.querySelector('[data-map=retrained] .ro-unknown')",
        timeout=90_000,
    )
    known = page.locator("[data-map=retrained] [data-cell]").count()
    assert known == len(cells)
    assert all(run.ledger.get(order_hash(order)) is not None for *_, order in cells)


def test_a_batch_can_be_cancelled_and_what_it_retrained_is_kept(served: Served, page: Any) -> None:
    run = served.run
    before = len(run.ledger)
    open_fidelity(page, served, "?family=curriculum")
    page.get_by_role("button", name="Retrain 8 more curricula").click()
    bar = page.locator(".ro-toolbar .ro-progress")
    bar.wait_for(timeout=15_000)
    page.locator(".ro-toolbar [data-command=cancel]").click()
    bar.wait_for(state="hidden", timeout=15_000)
    assert "what was retrained is kept" in page.locator(".ro-toolbar").inner_text()
    assert before <= len(run.ledger) < before + 8
    assert page.get_by_role("button", name="Retrain 8 more curricula").is_visible()


def test_the_button_retrains_more_orders_and_the_page_follows(served: Served, page: Any) -> None:
    run = served.run
    saved = {path: path.read_text() for path in (run.path / "fidelity").glob("move-*.json")}
    for path, text in saved.items():  # as if two orders had been measured: the job is short
        measured = json.loads(text)["estimators"]
        kept = {name: measured[name] for name in ("reference", "projected")}
        rewritten(path, orders=2, seed=5, estimators=kept)
    try:
        open_fidelity(page, served, "?family=move")
        before = page.locator("[data-figure=ledger] .ro-chosen").count()
        page.get_by_role("button", name="Retrain 8 more single moves").click()
        page.locator(".ro-toolbar .ro-progress").wait_for(timeout=15_000)
        page.wait_for_function(
            "() => document.querySelector('h1').innerText.includes('On 10 single moves')",
            timeout=120_000,
        )
        page.wait_for_function(
            "wanted => document.querySelectorAll('[data-figure=ledger] .ro-chosen').length"
            " === wanted",
            arg=before + 10,
            timeout=20_000,
        )
    finally:
        for path, text in saved.items():
            path.write_text(text)
        (run.path / "fidelity" / "move-10-5.json").unlink(missing_ok=True)
    assert os.listdir(run.path / "fidelity")
