"""Several runs in one app: picked on Home, named in the address, kept from page to page."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from driving import ROOT
from sitting import app
from streamlit.testing.v1 import AppTest

from reorder_core.orders.links import encode_order
from reorder_core.orders.order import insert, order_hash
from reorder_core.store.run import Run, open_run
from ui.app import known_runs, state


@pytest.fixture
def runs(real_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a second run beside the one that the app is started on."""
    shutil.copytree(real_run.path, tmp_path / "runs" / "tiny")
    monkeypatch.setenv("REORDER_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def picker(at: AppTest) -> Any:
    return at.selectbox(key="ro_run_picker")


def test_the_apps_own_run_comes_first_and_others_can_be_picked(
    demo: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = open_run(runs / "tiny")
    at = app(demo, monkeypatch).run()
    assert picker(at).value == open_run(demo).id == picker(at).options[0].split("(")[-1][:-1]
    at = picker(at).set_value(other.id).run()
    assert not at.exception
    assert at.query_params["run"] == other.id
    assert picker(at).value == other.id


def test_a_picked_run_is_kept_on_the_next_page_and_its_links_open_it(
    demo: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = open_run(runs / "tiny")
    at = picker(app(demo, monkeypatch).run()).set_value(other.id).run()
    at.switch_page(str(ROOT / "pages" / "timeline.py"))
    at.query_params.clear()
    at = at.run()
    assert not at.exception
    assert at.query_params["run"] == other.id
    order = insert(other.reference_order, 0, other.count - 1)
    fresh = app(demo, monkeypatch).run()
    fresh.switch_page(str(ROOT / "pages" / "timeline.py"))
    fresh.query_params["run"], fresh.query_params["o"] = other.id, encode_order(order)
    shown = fresh.run()
    assert not shown.exception
    history = shown.session_state[state.HISTORY][other.id]
    assert history.entries[history.place].hash == order_hash(order)


def test_an_address_cannot_open_a_path(
    demo: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = app(demo, monkeypatch)
    at.query_params["run"] = str(runs / "tiny")
    assert picker(at.run()).value == open_run(demo).id


def test_a_folder_that_is_no_run_is_left_out(runs: Path, demo: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("REORDER_RUN", str(demo))
    (runs / "broken").mkdir()
    (runs / "broken" / "run.yaml").write_text("format: [", encoding="utf-8")
    found = [run.path for run in known_runs.known_runs()]
    assert runs / "tiny" in found
    assert runs / "broken" not in found


def test_every_document_can_be_read_in_the_app(demo: Path, monkeypatch: Any) -> None:
    from ui.pages import help

    at = app(demo, monkeypatch).run()
    for name, file in help.documents().items():
        at.switch_page(str(ROOT / "pages" / "help.py"))
        at.query_params["page"] = name
        at = at.run()
        assert not at.exception
        assert help.title(file) in at.markdown[1].value, "below the list of quantities"


def test_links_between_documents_stay_in_the_app() -> None:
    from ui.pages.help import linked

    text = "[a](fidelity.md#sensitivity) [b](notes/2026-11-24-projection.md) [c](../x.py)"
    assert linked(text) == (
        "[a](/help?page=fidelity#sensitivity) [b](/help?page=2026-11-24-projection) c"
    )
