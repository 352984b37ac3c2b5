"""Pages without a browser: what they say, what they send, what they refuse."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sitting
from driving import ROOT
from fabricated import rewritten
from sitting import app, page
from streamlit.testing.v1 import AppTest

from reorder_core.orders.links import encode_order
from reorder_core.orders.order import insert, order_hash
from reorder_core.store.run import open_run
from ui.app import state


def timeline(path: Path, monkeypatch: pytest.MonkeyPatch, **address: str) -> AppTest:
    return page(path, monkeypatch, "timeline", address)


def sent(at: AppTest, key: str = state.TIMELINE) -> dict[str, Any]:
    return sitting.sent(at, key)


def fire(at: AppTest, event: Any) -> AppTest:
    return sitting.fire(at, state.TIMELINE, event)


def test_home_opens_with_the_run_and_its_fidelity(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(demo)
    at = app(demo, monkeypatch).run()
    assert not at.exception
    page = " ".join(element.proto.body for element in at.get("html"))
    assert run.id in page and f"{run.steps} steps × {run.batch_size}" in page
    for saved in run.fidelity:
        choice: Any = at.get("button_group")[0]
        at = choice.select(saved.family).run()
        figure = sitting.figure(at, "trust")
        ours = next(trace for trace in figure["data"] if trace.get("name") == "this estimate")
        measured = saved.estimators["hybrid"]
        three = [measured.r2, measured.r2_heldout, measured.rho_within]
        assert ours["x"][:3] == pytest.approx(three)
        assert ours["customdata"][2] == "Which samples does an order leave poorly learned? ρ"


def test_home_says_why_a_run_deserves_no_trust_and_nothing_of_a_sound_one(
    demo: Path, tiny_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not app(demo, monkeypatch).run().warning
    (told,) = app(tiny_path, monkeypatch).run().warning
    assert "without designed retrainings" in told.value


def test_a_damaged_fidelity_report_is_told_on_home_and_fidelity_and_hangs_neither(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = shutil.copytree(demo, tmp_path / "damaged")
    path = next((damaged / "fidelity").glob("random-*.json"))
    rewritten(path, orders=10_000_000)
    at = app(damaged, monkeypatch).run()
    (told,) = at.warning
    assert path.name in told.value and "10000000 orders" in told.value
    choice: Any = at.get("button_group")[0]
    assert not at.exception and len(choice.options) == len(list(path.parent.glob("*.json"))) - 1
    assert not at.switch_page("pages/fidelity.py").run().exception


def test_a_changed_ledger_entry_is_told_on_home_and_counts_no_longer(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = shutil.copytree(demo, tmp_path / "damaged")
    path = min((damaged / "ledger").glob("*.json"))
    path.write_text(path.read_text().replace('"seconds": ', '"seconds": 1'))
    at = app(damaged, monkeypatch).run()
    (told,) = at.warning
    assert path.name in told.value and "expected" in told.value and "retrain" in told.value
    kept = len(list(path.parent.glob("*.json"))) - 1
    assert any(f"{kept} orders" in element.proto.body for element in at.get("html"))
    assert not at.switch_page("pages/fidelity.py").run().exception


def test_a_file_altered_while_the_app_is_open_is_told_until_it_is_whole_again(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = shutil.copytree(demo, tmp_path / "copied", ignore=shutil.ignore_patterns("cache"))
    refused = "This run cannot be opened"
    at = app(copied, monkeypatch).run()
    assert refused not in [told.value for told in at.subheader]
    path = copied / "curvature.safetensors"
    whole = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(100_000)
        file.write(bytes(4096))
    at.run()
    assert [told.value for told in at.subheader] == [refused]
    assert any("curvature.safetensors was altered" in text.value for text in at.text)
    path.write_bytes(whole)
    at.run()
    assert refused not in [told.value for told in at.subheader] and not at.exception


def test_a_run_without_fidelity_says_which_command_measures_it(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = shutil.copytree(demo, tmp_path / "bare", ignore=shutil.ignore_patterns("fidelity"))
    at = app(bare, monkeypatch).run()
    assert at.code[0].value.startswith(f"python -m reorder_core fidelity {bare}")


def test_the_timeline_sends_the_order_and_its_estimate(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(demo)
    at = timeline(demo, monkeypatch)
    assert not at.exception
    shown = sent(at)
    assert shown["order"] == run.reference_order.tolist()
    assert shown["atReference"] and not shown["canUndo"]
    assert order_hash(run.reference_order) == shown["hash"]


def test_a_drop_changes_the_order_and_the_second_time_is_known_already(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(demo)
    order = insert(run.reference_order, 11, 93)
    drop = {"type": "drop", "seq": 1, "run": run.id, "order": order.tolist()}
    first = sent(fire(timeline(demo, monkeypatch), drop))
    again = sent(fire(timeline(demo, monkeypatch), drop))
    assert first["hash"] == again["hash"] == order_hash(order)
    assert (first["seq"], first["canUndo"]) == (1, True)
    assert again["estimate"]["source"] == "memory"
    for name in ("sampleLoss", "sampleInterval"):
        assert first["estimate"][name] == again["estimate"][name]


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "drop", "seq": 5, "order": []},
        {"type": "drop", "seq": 5, "run": "another", "order": [0, 1]},
        {"type": "nonsense", "seq": 5},
        ["<script>alert(1)</script>"],
        "drop",
        7,
    ],
)
def test_a_malformed_payload_keeps_the_order_and_says_so(
    demo: Path, monkeypatch: pytest.MonkeyPatch, payload: Any
) -> None:
    run = open_run(demo)
    order = insert(run.reference_order, 5, 60)
    at = fire(
        timeline(demo, monkeypatch),
        {"type": "drop", "seq": 1, "run": run.id, "order": order.tolist()},
    )
    at = fire(at, payload)
    assert not at.exception
    shown = sent(at)
    assert shown["order"] == order.tolist()
    assert "the order is unchanged" in shown["notice"]["text"]


def test_a_link_of_another_run_gives_a_message_and_the_reference_order(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(demo)
    code = encode_order(insert(run.reference_order, 5, 60))
    shown = sent(timeline(demo, monkeypatch, run="elsewhere", o=code))
    assert shown["atReference"]
    assert "elsewhere" in shown["notice"]["text"] and run.id in shown["notice"]["text"]


def shown_at(at: AppTest, **address: str) -> dict[str, Any]:
    """What an open page shows when its address changes, as Back and Forward do."""
    for name in ("run", "o", "m"):
        at.query_params.pop(name, None)
    for name, value in address.items():
        at.query_params[name] = value
    at = at.run()
    assert not at.exception
    return sent(at)


def test_a_damaged_link_keeps_the_order_that_is_on_screen(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(demo)
    order, other = insert(run.reference_order, 5, 60), insert(run.reference_order, 9, 200)
    at = timeline(demo, monkeypatch, run=run.id, o=encode_order(order))
    code = encode_order(other)
    for damaged in (code[:-1], code[1:], code.swapcase(), "A" + code[1:], code + "A", "é"):
        shown = shown_at(at, run=run.id, o=damaged)
        assert shown["order"] == order.tolist(), "the order on screen stays"
        assert "damaged" in shown["notice"]["text"]
        assert "order that was on screen" in shown["notice"]["text"]
    shown = shown_at(at, run="elsewhere", o=encode_order(run.reference_order))
    assert shown["order"] == order.tolist() and "elsewhere" in shown["notice"]["text"]
    assert shown_at(at, run=run.id, o=code)["order"] == other.tolist()
    assert sent(at)["notice"] is None


@pytest.mark.parametrize(
    ("moves", "reason"),
    [("i60.6", "another order"), ("i60", "need"), ("x", "damaged"), ("i0.0_" * 400, "too many")],
)
def test_moves_that_do_not_lead_to_a_links_order_are_said_and_the_order_is_shown(
    demo: Path, monkeypatch: pytest.MonkeyPatch, moves: str, reason: str
) -> None:
    run = open_run(demo)
    order = insert(run.reference_order, 5, 60)
    shown = sent(timeline(demo, monkeypatch, run=run.id, o=encode_order(order), m=moves))
    assert shown["order"] == order.tolist()
    assert "left out" in shown["notice"]["text"] and reason in shown["notice"]["text"]
    assert shown["notice"]["kind"] == "info"
    told = sent(timeline(demo, monkeypatch, run=run.id, o=encode_order(order), m="i60.5"))
    assert told["notice"] is None and told["moves"] == 1


def test_no_run_gives_the_command_that_builds_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = app(tmp_path / "nothing", monkeypatch).run()
    assert not at.exception
    assert at.subheader[0].value == "No run here yet"
    assert at.code[0].value.startswith("python -m reorder_core build")


def test_a_tampered_run_is_named_and_not_opened(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = shutil.copytree(demo, tmp_path / "broken")
    with (broken / "reference.safetensors").open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"\x01\x02\x03\x04")
    at = app(broken, monkeypatch).run()
    assert not at.exception
    assert at.subheader[0].value == "This run cannot be opened"
    assert "reference.safetensors" in at.text[0].value


def test_the_app_never_imports_torch(demo: Path) -> None:
    script = (
        "import os, sys; sys.argv = ['app.py']; from streamlit.testing.v1 import AppTest\n"
        "at = AppTest.from_file('app.py', default_timeout=60).run()\n"
        "at.switch_page('pages/timeline.py').run(); assert not at.exception\n"
        "at.switch_page('pages/fidelity.py').run(); assert not at.exception\n"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    environment = {**os.environ, "REORDER_RUN": str(demo)}
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, check=True)
