"""`curriculum` on the command line: the agreed object, and one message for bad input."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from reorder_core.cli.commands import app
from reorder_core.cli.curriculum import print_curriculum
from reorder_core.orders.order import make_order, order_hash


def invoke(*arguments: object):
    result = CliRunner().invoke(app, ["curriculum", *map(str, arguments)])
    assert "Traceback" not in result.stderr
    return result


def refused(*arguments: object) -> str:
    result = invoke(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1].startswith("error: ")
    return result.stderr


def test_the_agreed_object_and_the_same_again_from_what_is_kept(searched) -> None:
    name = searched.probe_domains[0]
    asked = (searched.path, "--objective", f"domain:{name}", "--budget", 2, "--json")
    first = invoke(*asked)
    assert first.exit_code == 0, first.stderr
    found = json.loads(first.stdout)
    assert {"run", "objective", "order", "estimated", "realised", "proposals", "rre"} <= set(found)
    assert (found["run"], found["objective"]) == (searched.id, f"domain:{name}")
    make_order(found["order"], searched.count)
    assert set(found["estimated"]) == {"value", "lo", "hi"}
    assert found["estimated"]["lo"] < found["estimated"]["value"] < found["estimated"]["hi"]
    assert isinstance(found["realised"], float) and found["rre"] <= 2
    assert {"random", "short first", "interleaved", "clean last"} <= set(found["proposals"])
    for proposal in found["proposals"].values():
        assert {"estimated", "realised"} <= set(proposal)
    trained = len(searched.ledger)
    assert json.loads(invoke(*asked).stdout) == found
    assert len(searched.ledger) == trained
    told = invoke(*asked[:-1]).stdout
    assert f"{found['realised']:.4f}" in told and "RRE beyond the build" in told


def test_a_quantity_is_searched_for_and_what_is_told_of_the_find_is_its_training(searched) -> None:
    asked = (searched.path, "--objective", "quantity:perplexity", "--budget", 5, "--json")
    done = invoke(*asked)
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    truth = searched.ledger.get(order_hash(make_order(found["order"], searched.count)))
    assert truth is not None
    assert found["realised"] == pytest.approx(np.exp(truth.final.probes.astype(float)).mean())
    values = [one["realised"] for one in found["verified"]]
    assert found["realised"] == min(values) and found["better"] == "lower" and len(values) > 1
    known = np.exp(searched.reference.final.probes.astype(float)).mean()
    assert found["reference"] == pytest.approx(known)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--objective", "joy"], "unknown objective 'joy'"),
        (["--objective", "domain:joy"], "no held-out text of domain 'joy'"),
        (["--objective", "remember:99999"], "there is no sample 99999"),
        (["--objective", "forget:joy"], "no sample id, flag or domain"),
        (["--budget", "0"], "expected a number above 0"),
        (["--budget", "-4"], "expected a number above 0"),
        (["--within-first-half", "0-30"], "name at most 24"),
        (["--keep-domains-whole", "--max-moves", "1"], "moves from the reference order"),
    ],
)
def test_bad_input_is_one_message(searched, arguments: list[str], told: str) -> None:
    assert told in refused(searched.path, *arguments)
    assert not list(searched.path.glob("curricula/*"))


def test_a_run_without_position_table_and_a_run_that_is_none(tiny_path, tmp_path) -> None:
    assert "build the run again" in refused(tiny_path, "--budget", 2)
    assert "no run at" in refused(tmp_path / "none")


def test_words_of_the_text_move_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    said = {
        "verdict": "Loss of \x1b[2J\u202etext: none.", "source": "by \x9b31m", "knows": "hybrid",
        "retrainings": 1, "rre": 1.0, "objective": "heldout", "verified": [], "proposals": {},
    }  # fmt: skip
    print_curriculum(said, "here")
    shown = capsys.readouterr().out
    assert "Loss of �[2J�text" in shown and not {"\x1b", "\x9b", "\u202e"} & set(shown)
