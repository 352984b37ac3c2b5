"""The fidelity page without a browser: what it draws and says, what it does on request."""

import shutil
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
import sitting
from sitting import page
from streamlit.testing.v1 import AppTest

from reorder_core.estimators import open_estimator
from reorder_core.judge.heat_map import usual_moves
from reorder_core.judge.verified import Verified, families_of, judges
from reorder_core.orders.links import decode_order
from reorder_core.orders.order import order_hash
from reorder_core.records.fidelity import FidelityReport, Measured
from reorder_core.store.run import Run, open_run
from ui.charts import marks
from ui.pages import fidelity_frames, fidelity_jobs, fidelity_sentences
from ui.queries import judged

SMOLLM2 = Path(__file__).parents[2] / "data" / "smollm2"


def page_of(path: Path, monkeypatch: pytest.MonkeyPatch, **address: str) -> AppTest:
    """The page, once all estimates are computed."""
    at = page(path, monkeypatch, "fidelity", address)
    for _ in range(200):
        assert not at.exception
        if not any("estimating" in bar.proto.text for bar in at.get("progress")):
            return at
        at.run()
    raise AssertionError("the estimates never came to an end")


def table(at: AppTest, number: int) -> Any:
    """The estimators' table (0) or the ledger (1)."""
    return at.dataframe[number].value


def judging_orders(run: Run, estimator: str) -> list[Verified]:
    return judges(run, families_of(run), open_estimator(run, estimator).fitted_on)


def test_the_table_and_its_words_are_those_of_the_saved_reports(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(demo)
    for saved in run.fidelity:
        at = page_of(demo, monkeypatch, family=saved.family)
        drawn = table(at, 0).set_index("estimator")
        for name, measured in saved.estimators.items():
            assert drawn.loc[name, "r2"] == measured.r2
            assert drawn.loc[name, "bytes"] == pytest.approx((measured.bytes or 0) / 1e6)
        share = f"{100 * (saved.estimators['hybrid'].r2 or 0):.0f} %"
        assert share in at.title[0].value and str(saved.orders) in at.title[0].value


def test_the_judging_orders_are_those_that_the_estimator_was_not_fitted_on(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(demo)
    estimator = open_estimator(run, "hybrid")
    known = {v.retrained.order_hash: v.retrained for v in judging_orders(run, "hybrid")}
    assert not {run.trains_as(truth.order) for truth in known.values()} & estimator.fitted_on
    at = page_of(demo, monkeypatch)
    ledger = table(at, 1)
    assert len(ledger) == len(known)
    for link, error in zip(ledger["order"][:3], ledger["error"][:3], strict=True):
        code = parse_qs(urlparse(link).query)["o"][0]
        truth = known[order_hash(decode_order(code, run.visits.count))]
        gap = estimator.estimate(truth.order).final.samples - truth.final.samples
        assert error == pytest.approx(np.abs(gap).mean(), rel=1e-3)
    held = next(t for t in sitting.figure(at, "coverage")["data"]
                if t.get("name") == fidelity_frames.SAMPLES)  # fmt: skip
    row = held["customdata"].index("all orders")
    assert f"{len(known) * run.count:,} losses in {len(known)} orders" in held["hovertext"][row]


def test_held_out_losses_are_judged_as_samples_are(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, estimator = open_run(demo), open_estimator(open_run(demo), "hybrid")
    found = [v.retrained for v in judging_orders(run, "hybrid") if v.family == "random"]
    estimated = np.stack([estimator.estimate(truth.order).final.probes for truth in found])
    retrained = np.stack([truth.final.probes for truth in found]).astype(np.float64)
    error = np.square(estimated - retrained).sum()
    r2 = 1 - error / np.square(run.reference.final.probes - retrained).sum()
    at = page_of(demo, monkeypatch, estimator="hybrid")
    said = next(c.value for c in at.caption if "held-out losses it" in c.value)
    assert f"explains {100 * r2:.0f} %, as the random orders of the ledger judge it" in said
    traces = {t.get("name"): t for t in sitting.figure(at, "coverage")["data"]}
    assert 0 < traces[fidelity_frames.HELD_OUT]["x"][0] < 100


def test_another_estimator_gives_other_points_and_one_without_intervals_no_coverage(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = page_of(demo, monkeypatch, estimator="projected")
    other = page_of(demo, monkeypatch, estimator="reference")
    first, second = (
        [t for t in sitting.figure(at, "points")["data"] if t.get("legendgroup") == "random"]
        for at in (one, other)
    )
    retrained, estimated = (
        [sorted(value for trace in shown for value in trace[axis]) for shown in (first, second)]
        for axis in "xy"
    )
    assert retrained[0] == retrained[1] and estimated[0] != estimated[1]
    outside = [{t.get("name") for t in sitting.figure(at, "points")["data"]} & {"random, outside"}
               for at in (one, other)]  # fmt: skip
    assert outside[0] and not outside[1]
    names = [chart["layout"]["meta"]["name"] for chart in sitting.figures(other)]
    assert "coverage" not in names
    assert any("gives no intervals" in m.value for m in other.markdown)


def test_orders_without_an_interval_count_in_no_coverage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`position` has one only far from the reference order, in a run without a bench."""
    plain = shutil.copytree(SMOLLM2, tmp_path / "run", ignore=shutil.ignore_patterns("cache"))
    run = open_run(plain)
    position = open_estimator(run, "position")
    judging = judging_orders(run, "position")
    estimates = [position.estimate(v.retrained.order) for v in judging]
    with_one = sum(estimate.interval is not None for estimate in estimates)
    assert 0 < with_one < len(estimates)
    at = page_of(plain, monkeypatch, estimator="position")
    held = next(t for t in sitting.figure(at, "coverage")["data"]
                if t.get("name") == fidelity_frames.SAMPLES)  # fmt: skip
    assert f"{with_one * run.count:,} losses in {with_one} orders" in held["hovertext"][0]
    assert "random orders" in held["customdata"]
    assert "single moves" not in held["customdata"], "never as 0 %"


def test_a_link_that_cannot_be_shown_says_what_there_is(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = {"run": "elsewhere", "estimator": "<b>oracle", "family": "best"}
    at = page_of(demo, monkeypatch, **address)
    (told,) = at.warning
    for words in ("'elsewhere'", "\\<b\\>oracle'", "'best'", *judged.CHOICES):
        assert words in told.value
    assert "“hybrid”" in at.title[0].value and "random orders" in at.title[0].value


def test_a_run_without_reports_or_retrainings_gives_the_next_step(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ignored = shutil.ignore_patterns("fidelity", "ledger", "cache")
    bare = shutil.copytree(demo, tmp_path / "bare", ignore=ignored)
    at = page_of(bare, monkeypatch, family="blocks")
    assert "Not yet measured on block orders" in at.title[0].value
    command = f"python -m reorder_core fidelity {bare} --family blocks"
    assert at.code[0].value.startswith(command)
    assert "No order was retrained yet" in at.info[0].value
    unknown = [t for t in sitting.figure(at, "heat-retrained")["data"]
               if t.get("name") == "not yet retrained"]  # fmt: skip
    assert len(unknown[0]["x"]) > 10
    (label,) = (button.label for button in at.button if "missing moves" in button.label)
    assert label.startswith(
        f"Retrain {int((~usual_moves(open_run(bare)).home).sum())} missing moves"
    )


def test_a_run_that_an_estimator_cannot_be_opened_for_is_told_not_raised(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fabricated import build_tiny

    tiny = build_tiny(tmp_path / "tiny").path
    at = page_of(tiny, monkeypatch)
    assert "build the run again" in at.info[0].value


def test_more_orders_extend_the_familys_report_and_keep_its_seed(demo: Path) -> None:
    run = open_run(demo)
    report = next(r for r in fidelity_sentences.best_reports(run.fidelity) if r.family == "move")
    _, arguments = fidelity_jobs.more(run, "move", "projected")
    given = dict(zip(arguments[2::2], arguments[3::2], strict=True))
    assert given["--orders"] == str(report.orders + fidelity_jobs.MORE)
    assert given["--seed"] == str(report.seed)
    assert given["--estimators"].split(",") == list(report.estimators)


def test_too_many_points_are_thinned_alike_in_every_order(demo: Path) -> None:
    run = open_run(demo)
    judging = judging_orders(run, "reference")[:100]
    losses = np.random.default_rng(1).normal(size=(len(judging), 300))
    interval = np.stack([losses - 1, losses + 1], axis=1)
    names = [str(i) for i in range(300)]
    frame = fidelity_frames.points(judging, (losses, losses, interval), losses[0], names)
    each = fidelity_frames.POINTS // len(judging)
    assert np.array_equal(np.bincount(frame["row"]), np.full(len(judging), each))
    assert not marks.outside(frame["retrained"], frame["lo"], frame["hi"]).any()


def test_a_rank_that_tells_nothing_is_not_called_good() -> None:
    ranks = {"all": 0.85, "random": -0.46}
    said = fidelity_sentences.trust_verdict("distance", ranks, "random")
    assert "tells well which estimates to trust: its Spearman with the error, over all" in said
    assert said.endswith("Among random orders alone it is only −0.46.")
    assert "does not tell" in fidelity_sentences.trust_verdict("expected", {"all": -0.46}, "move")


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
    assert "“projected” is weakest on single moves, where it explains nothing" in words
    assert words.index("weakest") < words.index("best of the others"), "its own first"
    told = fidelity_sentences.held_out(0.9, 0.84)
    assert "held-out losses it explains 90 %; the 90 % intervals of these held 84 %" in told
    assert fidelity_sentences.held_out(None, None) == ""
    assert "too narrow" in fidelity_sentences.details([good, bad], "random", "replay")
    assert "wider than they need be" in fidelity_sentences.details([good, bad], "move", "projected")
    assert "no intervals" in fidelity_sentences.details([good, bad], "random", "reference")
