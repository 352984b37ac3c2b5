"""The curricula page without a browser: what it asks, what it tells of a real search."""

import json
import shutil
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
import sitting
from streamlit.testing.v1 import AppTest

from reorder_core.curricula.asked import Asked, understand
from reorder_core.curricula.result import best_entry, verdict
from reorder_core.curricula.search_state import SearchState, read_state
from reorder_core.curricula.searching import search
from reorder_core.orders.links import decode_order
from reorder_core.store.run import Run, open_run

ASKED = Asked(("heldout",), budget=4)


@pytest.fixture(scope="module")
def finished(real_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with one real search."""
    path = tmp_path_factory.mktemp("searched") / "run"
    shutil.copytree(real_run.path, path, ignore=shutil.ignore_patterns("ledger", "curricula"))
    search(open_run(path), ASKED)
    return path


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> tuple[Run, SearchState]:
    """A copy of it whose state may be altered."""
    run = open_run(shutil.copytree(finished, tmp_path / "run"))
    (file,) = (run.path / "curricula").glob("*.json")
    return run, read_state(run, file)


def opened(path: Path, monkeypatch: pytest.MonkeyPatch, **address: str) -> AppTest:
    at = sitting.page(path, monkeypatch, "curricula", address)
    assert not at.exception
    return at


def words(at: AppTest) -> str:
    return " ".join(str(each.value).replace("\\", "") for each in
                    [*at.markdown, *at.caption, *at.success, *at.info, *at.warning, *at.error,
                     *at.subheader])  # fmt: skip


def test_without_a_search_the_page_says_what_to_do(real_run, tmp_path, monkeypatch) -> None:
    bare = shutil.copytree(
        real_run.path, tmp_path / "bare", ignore=shutil.ignore_patterns("curricula", "ledger")
    )
    at = opened(bare, monkeypatch)
    assert "No search yet" in words(at)
    assert at.code[0].value.startswith(f"python -m reorder_core curriculum {bare}")
    assert "In words: Lower the loss on held-out text" in words(at)
    assert not at.button(key="ro_curriculum_search").disabled


def test_what_no_order_meets_is_told_before_anything_starts(finished, monkeypatch) -> None:
    at = opened(finished, monkeypatch)
    at.text_input(key="ro_curriculum_early").set_value("0-47").run()
    assert "name at most 24" in words(at)
    assert at.button(key="ro_curriculum_search").disabled
    at.text_input(key="ro_curriculum_early").set_value("")
    at.number_input(key="ro_curriculum_budget").set_value(0.0).run()
    assert "expected a number above 0" in words(at)


def test_aims_constraints_and_budget_are_told_in_words(finished, monkeypatch) -> None:
    at = opened(finished, monkeypatch)
    at.selectbox(key="ro_curriculum_second").set_value("forget").run()
    at.text_input(key="ro_curriculum_second_ids").set_value("canary")
    at.number_input(key="ro_curriculum_moves").set_value(5).run()
    told = words(at)
    assert "flagged canary forgotten most" in told
    assert "at most 5 moves from the reference order" in told
    at.selectbox(key="ro_curriculum_second").set_value("quantity").run()
    listed = at.selectbox(key="ro_curriculum_second_quantity")
    assert not any("accuracy" in option for option in listed.options), "no order is priced by it"
    at = listed.set_value("perplexity").run()
    assert "lower the mean perplexity of held-out text" in words(at)
    at.text_input(key="ro_curriculum_second_quantity_ids").set_value("canary").run()
    assert "lower the mean perplexity of 2 training samples" in words(at)


def test_a_finished_search_shows_its_verdict_truth_and_files(finished, monkeypatch) -> None:
    run = open_run(finished)
    (file,) = (run.path / "curricula").glob("*.json")
    state = read_state(run, file)
    task = understand(run, ASKED)
    at = opened(finished, monkeypatch)
    assert verdict(task, state) in words(at)
    course = sitting.figure(at, "curriculum-progress")
    drawn = next(trace for trace in course["data"] if trace["name"] == "retrained")
    assert drawn["y"] == pytest.approx(
        [entry.realised[0] for entry in state.verified if entry.realised]
    )
    table = at.dataframe[0].value
    assert len(table) == len(state.proposals) + sum(e.round > 0 for e in state.verified)
    best = best_entry(task, state)
    assert best is not None
    link = urlparse(table["open"].iloc[0])
    assert link.path == "timeline"
    order = decode_order(parse_qs(link.query)["o"][0], run.visits.count)
    assert run.trains_as(order) == run.trains_as(best.order)
    shares = sitting.figure(at, "curriculum-domains")["data"]
    assert np.sum([trace["y"] for trace in shares], axis=0) == pytest.approx(1)


def test_where_order_makes_no_difference_the_page_says_so(copied, monkeypatch) -> None:
    run, state = copied
    level = min(entry.realised[0] for entry in state.verified if entry.realised)
    state.random = [(level + 0.001 * np.random.default_rng(0).normal(size=48)).tolist()]
    state.save()
    at = opened(run.path, monkeypatch)
    assert "no order found is clearly better than a random one" in at.warning[0].value
    assert not at.success


def test_a_search_that_was_stopped_offers_to_go_on(copied, monkeypatch) -> None:
    run, state = copied
    state.done = False
    state.save()
    at = opened(run.path, monkeypatch)
    name = state.path.stem
    assert "So far" in at.info[0].value
    assert at.button(key=f"ro_go_{name}").label == "Go on"


def test_the_address_says_which_search_is_shown(copied, monkeypatch) -> None:
    run, state = copied
    record = json.loads(state.path.read_text())
    record["asked"]["seed"] = 9
    other = state.path.with_name("another00000.json")
    other.write_text(json.dumps(record))
    for name, seed in ((state.path.stem, 0), ("another00000", 9)):
        at = opened(run.path, monkeypatch, search=name)
        chosen = next(box for box in at.selectbox if box.label == "Search")
        assert f"seed {seed}" in chosen.options[int(chosen.index or 0)]
