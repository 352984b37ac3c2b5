import errno
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fabricated import COUNT, build_tiny, flip_last_byte, tiny_config
from typer.testing import CliRunner, Result

from reorder_core.cli.commands import app
from reorder_core.cli.progress import ProgressReport
from reorder_core.orders.order import make_order, order_hash
from reorder_core.store.files import write_json
from reorder_core.store.run import open_run

ROOT = Path(__file__).parents[1]
REVERSED = list(range(COUNT - 1, -1, -1))


def invoke(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert "Traceback" not in result.stderr
    return result


def answered(*arguments: object) -> dict:
    """The one JSON object on stdout."""
    result = invoke(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def refused(*arguments: object) -> str:
    """The message of a command that ends with exit code 1 and prints nothing."""
    result = invoke(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


@pytest.fixture
def order_file(tmp_path: Path) -> Path:
    path = tmp_path / "order.json"
    path.write_text(json.dumps(REVERSED))
    return path


# --- answers -----------------------------------------------------------------------


def test_estimate_answers_the_agreed_object(tiny_path: Path, order_file: Path, fakes):
    answer = answered("estimate", tiny_path, "--order", order_file)
    run = open_run(tiny_path)
    assert list(answer) == ["run", "order_hash", "estimator", "samples", "probes", "quantities"]
    assert answer["run"] == run.id
    assert answer["estimator"] == "hybrid"
    assert answer["order_hash"] == order_hash(make_order(REVERSED, COUNT))
    assert list(answer["samples"]) == [str(i) for i in range(COUNT)]
    for cell in answer["samples"].values():
        assert cell["lo"] < cell["loss"] < cell["hi"]
    assert list(answer["probes"]) == list(run.probe_domains)
    assert set(answer["probes"]["code"]) == {"loss", "lo", "hi"}
    assert answer["probes"]["code"]["lo"] < answer["probes"]["code"]["hi"]
    assert fakes == []


def test_an_estimator_without_intervals_says_null(tiny_path: Path, order_file: Path, fakes):
    answer = answered("estimate", tiny_path, "--order", order_file, "--estimator", "reference")
    run = open_run(tiny_path)
    assert answer["samples"]["3"]["lo"] is None
    assert np.float32(answer["samples"]["3"]["loss"]) == run.reference.final.samples[3]


def test_retrain_answers_the_truth_once_and_keeps_it(tiny_path: Path, order_file: Path, fakes):
    first = answered("retrain", tiny_path, "--order", order_file)
    assert first["estimator"] == "retrained"
    assert set(first["samples"]["0"]) == {"loss"}
    assert set(first["probes"]["prose"]) == {"loss"}
    assert answered("retrain", tiny_path, "--order", order_file) == first
    assert fakes == [first["order_hash"]]
    assert open_run(tiny_path).ledger.get(first["order_hash"]) is not None


def test_fidelity_takes_all_estimators_or_those_named(tiny_path: Path, fakes):
    few = "fidelity", tiny_path, "--orders", 3, "--seed", 5
    assert set(answered(*few)["estimators"]) == {"reference", "hybrid"}
    report = answered(*few, "--estimators", "hybrid", "--family", "move")
    assert (report["family"], report["orders"], report["seed"]) == ("move", 3, 5)
    assert set(report["estimators"]) == {"hybrid"}


def test_info_tells_what_a_run_holds_and_cost(tiny_path: Path, order_file: Path, fakes):
    answered("fidelity", tiny_path, "--orders", 3)
    facts = answered("info", tiny_path)
    assert facts["run"] == open_run(tiny_path).id
    assert facts["problem"] is None
    assert facts["precompute_rre"] == 0.25
    assert facts["costs"]["reference"]["rre"] == 1.0
    assert facts["bytes"] == open_run(tiny_path).bytes > 0
    assert facts["ledger"] == 3
    assert [report["family"] for report in facts["fidelity"]] == ["random"]


def test_tables_for_a_person_show_the_same_numbers(tiny_path: Path, order_file: Path, fakes):
    shown = invoke("estimate", tiny_path, "--order", order_file).stdout
    answer = answered("estimate", tiny_path, "--order", order_file)
    assert f"{answer['probes']['code']['loss']:.4f}" in shown
    assert "held out: code" in shown
    report = answered("fidelity", tiny_path, "--orders", 3)
    shown = invoke("fidelity", tiny_path, "--orders", 3).stdout
    assert f"{report['estimators']['hybrid']['r2']:.3f}" in shown
    assert "–" in shown  # what the reference has not
    shown = invoke("info", tiny_path).stdout
    assert "controlled, 12 samples" in shown
    assert "3 retrainings" in shown


def test_build_tells_its_cost_and_the_next_command(tmp_path: Path, monkeypatch):
    def build_run(config, out, on_progress, executor):
        on_progress("training", 1, 2)
        return build_tiny(out, config).path

    monkeypatch.setitem(
        sys.modules, "reorder_core.building.build", SimpleNamespace(build_run=build_run)
    )
    config, out = tmp_path / "tiny.yaml", tmp_path / "run"
    config.write_text(json.dumps(tiny_config().model_dump(mode="json")))
    result = invoke("build", config, "--out", out)
    assert result.exit_code == 0
    assert "precompute cost: 0.2 RRE" in result.stdout
    assert f"next: streamlit run app.py -- --run {out}" in result.stdout
    assert result.stderr == "progress 1 2 training\n"
    assert answered("build", config, "--out", out)["run"] == open_run(out).id
    config.write_text(json.dumps(tiny_config("other").model_dump(mode="json")))
    result = invoke("build", config, "--out", out)
    assert result.exit_code == 1
    assert "another configuration" in result.stderr


# --- bad input ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (json.dumps(REVERSED[:-1]), "1 of 12 samples are missing, the first is sample 0"),
        (json.dumps([*REVERSED, 0]), "sample 0 appears in slots 11 and 12"),
        (json.dumps([99, *REVERSED[1:]]), "unknown sample id 99 in slot 0"),
        (json.dumps({"run": "other-1", "order": REVERSED}), "for run 'other-1', the open run is"),
        ("{", "neither a list of sample ids nor JSON"),
    ],
)
@pytest.mark.parametrize("command", ["estimate", "retrain"])
def test_an_impossible_order_is_refused(tiny_path, tmp_path, fakes, command, text, told):
    (tmp_path / "bad.json").write_text(text)
    assert told in refused(command, tiny_path, "--order", tmp_path / "bad.json")
    assert fakes == []
    assert len(open_run(tiny_path).ledger) == 0


def test_a_run_that_is_none_and_an_estimator_that_is_none(tiny_path: Path, order_file: Path, fakes):
    assert "no run at" in refused("info", tiny_path / "none")
    assert "no run at" in refused("estimate", tiny_path / "none", "--order", order_file)
    wrong = "estimate", tiny_path, "--order", order_file, "--estimator", "oracle"
    assert "unknown estimator 'oracle'" in refused(*wrong)
    assert "names none" in refused("fidelity", tiny_path, "--estimators", ", ")
    assert "unknown family 'best'" in refused("fidelity", tiny_path, "--family", "best")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: x", "corpus: Field required"),
        ("name: x\ncorpus: {kind: controlled}\nlearning: 3", "learning: unknown field"),
        ("[1", "is not YAML"),
        ("name: x\ncorpus: {kind: controlled, samples: 7}", "a one-epoch run needs them equal"),
    ],
)
def test_an_impossible_config_is_refused_before_anything_is_written(tmp_path, text, told):
    (tmp_path / "bad.yaml").write_text(text)
    result = invoke("build", tmp_path / "bad.yaml", "--out", tmp_path / "run")
    assert result.exit_code == 1
    assert told in result.stderr
    assert not (tmp_path / "run").exists()


def test_info_on_a_damaged_run_shows_what_it_can_and_fails(tiny_path: Path):
    flip_last_byte(tiny_path / "start.safetensors")  # one that opening only measures
    result = invoke("info", tiny_path)
    assert result.exit_code == 1
    assert "start.safetensors was altered" in result.stderr
    assert "controlled, 12 samples" in result.stdout
    result = invoke("info", tiny_path, "--json")
    assert result.exit_code == 1
    assert "altered" in json.loads(result.stdout)["problem"]


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["estimate", "x"], ["fidelity", "x", "--orders", "0"]]
)
def test_a_wrong_command_line_is_exit_code_2(arguments):
    assert invoke(*arguments).exit_code == 2


def test_without_torch_the_commands_that_train_say_so(tiny_path, order_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "reorder_core.training.loop", None)
    monkeypatch.delitem(sys.modules, "torch", raising=False)

    def missing(*_):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr("reorder_core.judge.fidelity.retrain_once", missing)
    told = refused("retrain", tiny_path, "--order", order_file)
    assert "torch is not installed: pip install torch" in told


# --- as a process ------------------------------------------------------------------


def test_ctrl_c_is_one_message_and_exit_code_130(tiny_path: Path, order_file: Path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("reorder_core.judge.fidelity.retrain_once", interrupted)
    result = invoke("retrain", tiny_path, "--order", order_file)
    assert result.exit_code == 130
    assert result.stderr == (
        "error: interrupted; what is done is kept, the same command goes on from there\n"
    )


def test_a_reader_that_leaves_early_leaves_no_traceback(tiny_path: Path):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "reorder_core", "info", str(tiny_path), "--json"]
    done = subprocess.run(command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert done.returncode == 1
    assert done.stderr == ""


def test_the_module_runs_and_errors_go_to_stderr(tmp_path: Path):
    command = [sys.executable, "-m", "reorder_core", "info", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"error: .* is no run folder: .*\n", done.stderr)


# --- progress ----------------------------------------------------------------------


def test_progress_for_a_program_is_at_most_a_line_a_second():
    stream, now = io.StringIO(), [0.0]
    with ProgressReport(stream, clock=lambda: now[0]) as on_progress:
        for done in range(31):
            on_progress("training the reference", done, 30)
            now[0] += 0.125
    assert stream.getvalue().splitlines() == [
        f"progress {done} 30 training the reference" for done in (0, 8, 16, 24)
    ]


def test_progress_on_a_terminal_is_a_bar_with_the_time_left():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    with ProgressReport(stream) as on_progress:
        on_progress("training [bold]", 1, 4)
        on_progress("training [bold]", 4, 4)
    assert "training [bold]" in stream.getvalue()
    assert "4/4" in stream.getvalue()
    assert "progress 1 4" not in stream.getvalue()


def test_info_prints_no_terminal_escapes(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("fabricated.DOMAINS", ("co\x1b[31mde\x07", "prose"))
    path = build_tiny(tmp_path / "run").path
    monkeypatch.setattr("reorder_core.cli.printing.cautions", lambda run: ["\x1b]0;title\x07"])
    result = invoke("info", path)
    assert "co\ufffd[31mde\ufffd" in result.stdout and "caution: \ufffd]0;" in result.stdout
    assert not set(result.stdout + result.stderr) & {"\x1b", "\x07", "\x9b"}


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.ENOSPC, "make room"), (errno.EROFS, "somewhere writable"), (errno.EIO, "look at")],
)
def test_a_disk_that_refuses_is_one_message(
    tiny_path: Path, order_file: Path, fakes, monkeypatch, number: int, advice: str
):
    def refusing(*_):
        raise OSError(number, os.strerror(number), str(tiny_path / "somewhere"))

    monkeypatch.setattr("reorder_core.judge.fidelity.write_report", refusing)
    result = invoke("fidelity", tiny_path, "--orders", "2")
    told = result.stderr.splitlines()[-1]
    assert result.exit_code == 1 and told.startswith("error: ")
    assert os.strerror(number) in told and "somewhere" in told and advice in told
    assert len(open_run(tiny_path).ledger) == 2, "what was retrained is kept"


def test_a_full_disk_leaves_the_old_file_and_no_part(tmp_path: Path, monkeypatch):
    path = tmp_path / "report.json"
    write_json(path, {"old": 1})

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_json(path, {"new": 2})
    assert json.loads(path.read_text()) == {"old": 1}
    assert os.listdir(tmp_path) == ["report.json"]
