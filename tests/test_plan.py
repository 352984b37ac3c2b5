"""What `plan` foretells, against what a real build paid and wrote."""

import json
from pathlib import Path

import pytest
from real import tiny_real_config
from typer.testing import CliRunner

from reorder_core.building.foretelling import MEASURED, expected, warnings
from reorder_core.building.plan import Plan, make_plan
from reorder_core.cli.commands import app
from reorder_core.config import PRESETS, RunConfig, read_config
from reorder_core.store.run import Run, open_run

ROOT = Path(__file__).parents[1]
HEADERS = 1500
"""Bytes of a file that its shapes do not tell."""


def assert_as_built(plan: Plan, run: Run) -> None:
    built = {name: cost["rre"] for name, cost in run.costs.items()}
    assert plan.rre == pytest.approx({name: built.pop(name) for name in plan.rre}, rel=1e-9)
    assert not any(built.values())  # the other steps train nothing
    for name, foretold in plan.bytes.items():
        if name == "results.duckdb":  # in blocks of 256 KiB
            assert 0 < (run.path / name).stat().st_size < 4 * foretold
            continue
        path = run.path / {"checkpoints": "checkpoints/anchors"}.get(name, name)
        written = path if path.is_file() else path.with_suffix(".safetensors")
        assert written.stat().st_size == pytest.approx(foretold, rel=0.01, abs=HEADERS), name


def test_a_plan_foretells_cost_and_files_of_a_real_build(real_run: Run) -> None:
    plan = make_plan(real_run.config)
    assert_as_built(plan, real_run)
    assert plan.seconds is not None and plan.seconds > 0
    assert plan.memory is not None and plan.memory > 100e6  # PyTorch itself takes more
    stored = {path.name for path in real_run.path.rglob("*.safetensors")}
    assert {f"{name}.safetensors" for name in plan.bytes} >= stored - {"anchors.safetensors"}


def test_a_plan_foretells_the_demo_which_is_kept_at_8_bits() -> None:
    demo = open_run(ROOT / "data" / "demo")
    assert demo.config.projection.bits == 8
    plan = make_plan(demo.config)
    # Spare visits come on top, which the text decides and a plan has not read.
    table = (demo.path / "position.safetensors").stat().st_size
    assert 1 < table / plan.bytes.pop("position") < demo.visits.count**2 / demo.count**2 + 0.01
    assert_as_built(plan, demo)
    assert "checkpoints" not in plan.bytes
    assert plan.parameters == int(demo.metadata("projected")["parameters"])


@pytest.mark.parametrize(
    "changes",
    [
        {"projection": {"bits": 32, "coordinates": 500, "rank": 31}, "calibration": {"orders": 0}},
        {"projection": {"coordinates": 500, "rank": 40, "kept": 30}},
        {"projection": {"coordinates": 500, "rank": 40, "adjoint": False}},
        {"projection": {"anchors": 4, "bits": 8}, "model": {"family": "gpt2"}},
    ],
)
def test_a_plan_foretells_other_settings(changes: dict, tmp_path: Path) -> None:
    from reorder_core.building.build import build_run

    config = tiny_real_config(**changes, position={"orders": 16})
    assert_as_built(make_plan(config), open_run(build_run(config, tmp_path / "run")))


def test_256_steps_of_200_million_parameters_take_under_4_gigabytes() -> None:
    plan = make_plan(read_config(ROOT / "benchmarks" / "plan-200m.yaml"))
    assert 195e6 < plan.parameters < 210e6
    assert plan.config.training.steps == 256
    assert plan.query_bytes < 2e9
    assert sum(plan.bytes.values()) < 4e9 < plan.paper_bytes / 1000
    assert plan.seconds is None  # never allocated, so never timed


def test_the_command_prints_tables_or_one_object(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    config: RunConfig = tiny_real_config()
    path.write_text(json.dumps(config.model_dump(mode="json")))
    found = CliRunner().invoke(app, ["plan", str(path), "--json"])
    assert found.exit_code == 0, found.stderr
    answer = json.loads(found.stdout)
    assert answer["rre"]["total"] == pytest.approx(sum(list(answer["rre"].values())[:-1]))
    assert answer["bytes"]["total"] == sum(list(answer["bytes"].values())[:-1])
    assert {"config", "parameters", "seconds", "memory", "query_bytes", "paper_bytes"} <= set(
        answer
    )
    shown = CliRunner().invoke(app, ["plan", str(path)]).stdout
    assert "RRE" in shown and "calibration" in shown and "about" in shown


def test_a_wrong_configuration_is_told_without_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("name: x\ncorpus: {kind: folder, samples: 256}\n")
    found = CliRunner().invoke(app, ["plan", str(path)])
    assert found.exit_code == 1 and found.stdout == ""
    assert "corpus.path: Field required" in found.stderr and "Traceback" not in found.stderr


# --- what to expect, what to beware of, what a budget buys ----------------------------------


def small_model(**changes: object) -> RunConfig:
    return tiny_real_config(training={"learning_rate": 0.001}, **changes)


@pytest.mark.parametrize("preset", ["quick", "standard", "precise"])
def test_expected_fidelity_is_what_the_preset_was_measured_to_have(preset: str) -> None:
    fields = PRESETS[preset]
    found = expected(small_model(**{k: dict(v) for k, v in fields.items()}))
    assert found is not None and found == MEASURED[preset]
    assert "seed 616263" in found.source and 0.5 < found.r2 < 1


def test_nothing_is_expected_where_nothing_was_measured() -> None:
    assert expected(small_model(calibration={"orders": 0})) is None
    assert expected(tiny_real_config(training={"learning_rate": 0.01})) is None
    pretrained = RunConfig.model_validate(
        {"name": "x", "corpus": {"kind": "controlled", "samples": 16},
         "model": {"from": "a/b"}, "training": {"steps": 4, "batch_size": 4}}
    )  # fmt: skip
    assert expected(pretrained) is None


def test_an_adapted_pretrained_model_may_expect_what_the_embedded_one_has():
    config = read_config(ROOT / "data" / "smollm2.yaml")
    report = json.loads((ROOT / "data" / "smollm2" / "fidelity" / "random-16-46.json").read_text())
    found = expected(config)
    assert found is not None and found.r2 == round(report["estimators"]["hybrid"]["r2"], 3)
    assert not warnings(config)
    fresh = config.training.model_copy(
        update={"base": config.training.base.model_copy(update={"steps": 0})}
    )
    without = config.model_copy(update={"training": fresh})
    assert expected(without) is None
    assert any("a short base phase helps" in told for told in warnings(without))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"training": {"learning_rate": 0.0}}, "no order has an effect"),
        ({"training": {"learning_rate": 0.01}}, "past 0.015 the expansion told little"),
        ({"calibration": {"orders": 0}}, "nothing will say how far"),
        ({"projection": {"rank": 0}}, "worse than assuming"),
        ({"training": {"optimizer_state": "fresh"}}, "Adam's moments begin at 0"),
    ],
)
def test_settings_that_make_noise_are_warned_of(changes: dict, told: str) -> None:
    assert any(told in warning for warning in warnings(tiny_real_config(**changes)))


def test_a_sound_configuration_is_not_warned_of() -> None:
    assert warnings(small_model()) == []


@pytest.mark.parametrize("budget", [20.0, 45.0, 80.0, 150.0])
def test_a_proposal_costs_no_more_than_the_budget_and_spends_it(budget: float) -> None:
    plan = make_plan(read_config(ROOT / "data" / "python-docs.yaml"), budget)
    assert plan.proposal is not None
    again = make_plan(plan.proposal.config)
    assert again.precompute_rre == pytest.approx(plan.proposal.rre)
    if plan.proposal.preset == "less than quick":
        assert budget < make_plan(read_config(ROOT / "data" / "python-docs.yaml")).precompute_rre
        return
    assert plan.proposal.rre <= budget
    assert budget - plan.proposal.rre < 2 or plan.proposal.config.calibration.orders == 64


def test_the_command_proposes_and_warns(tmp_path: Path) -> None:
    config = tmp_path / "x.yaml"
    config.write_text((ROOT / "data" / "python-docs.yaml").read_text())
    done = CliRunner().invoke(app, ["plan", str(config), "--budget", "50", "--json"])
    told = json.loads(done.stdout)
    assert told["proposal"]["rre"] <= 50
    assert set(told["proposal"]["projection"]) == {"anchors", "rank", "coordinates"}
    assert told["expected"]["source"].startswith("python-docs")
    assert told["warnings"] == []
    said = CliRunner().invoke(app, ["plan", str(config), "--budget", "50"]).stdout
    assert "for that budget" in said and "fidelity to expect of hybrid" in said
