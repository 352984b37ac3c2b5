"""Quantities of another package, those of the document, from a build to the pages."""

import json
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest
import yaml
from test_sources import ROOT, run_reorder, small

PAGES = """
import json, sys
from pathlib import Path
from streamlit.testing.v1 import AppTest
root, sys.argv = Path(sys.argv[1]), ["app.py"]
app = AppTest.from_file(str(root / "app.py"), default_timeout=60).run()
app.switch_page(str(root / "pages" / "timeline.py")).run()
app.toggle(key="reorder_quantities").set_value(True)
app.toggle(key="reorder_table").set_value(True).run()
short, samples = (shown.value for shown in app.dataframe)
app.switch_page(str(root / "pages" / "memorization.py")).run()
(who,) = [t.value for t in app.dataframe if "quantity top_five" in t.value]
app.switch_page(str(root / "pages" / "help.py")).run()
print(json.dumps({
    "short": short[["quantity", "here"]].values.tolist(),
    "samples": {n: samples[n].tolist() for n in ("bits", "top_five", "text_loss", "margin")},
    "who": who.sort_values("sample")["quantity bits"].tolist(),
    "help": app.markdown[0].value.replace(chr(92), ""),
    "faults": [str(fault.value) for fault in app.exception],
}))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The document's examples, in a folder as pip would leave it."""
    folder = tmp_path_factory.mktemp("plugins")
    text = (ROOT / "docs" / "adding-a-quantity.md").read_text(encoding="utf-8")
    (toml,) = re.findall(r"```toml\n\[project.entry-points.\"(.*?)\"\]\n(.*?)```", text, re.S)
    modules = re.findall(r'"mypackage\.(\w+):', toml[1])
    (folder / "mypackage").mkdir()
    (folder / "mypackage" / "__init__.py").touch()
    examples = re.findall(r"```python\n(.*?)```", text, re.S)
    for name, example in zip(modules, examples, strict=True):
        (folder / "mypackage" / f"{name}.py").write_text(example)
    about = folder / "mypackage-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: mypackage\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[{toml[0]}]\n" + toml[1].replace('"', ""))
    (folder / "small.yaml").write_text(small({"kind": "controlled", "sequence_length": 48}))
    (folder / "order.json").write_text(json.dumps(list(range(31, -1, -1))))
    answered(folder, "build", "small.yaml", "--out", "run")
    return folder


def answered(folder: Path, *arguments: object) -> dict:
    done = run_reorder(folder, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def numbers(cells: dict, key: str = "value") -> np.ndarray:
    return np.array([cell[key] for cell in cells.values()], float)


def test_a_new_quantity_is_estimated_or_measured_on_the_command_line(package: Path) -> None:
    ask = "run", "--order", "order.json"
    guess, truth = answered(package, "estimate", *ask), answered(package, "retrain", *ask)
    bits, five = guess["quantities"]["bits"], guess["quantities"]["top_five"]
    for key, ours in (("value", "loss"), ("lo", "lo"), ("hi", "hi")):
        for part in ("samples", "probes"):
            np.testing.assert_allclose(
                numbers(bits[part], key), numbers(guess[part], ours) / np.log(2), rtol=1e-6
            )
    assert (bits["unit"], bits["better"], bits["how"]) == ("bits per token", "lower", "derived")
    assert five["reason"].startswith("not estimated: measured on real parameters only")
    assert np.isnan(numbers(five["samples"])).all() and bits["reason"] is None
    five, accuracy = (truth["quantities"][name] for name in ("top_five", "accuracy"))
    more = numbers(five["samples"]) - numbers(accuracy["samples"])
    assert (more >= 0).all() and more.mean() > 0.02 and numbers(five["samples"]).max() <= 1
    assert "lo" not in five["samples"]["0"] and five["reason"] is None
    again = answered(package, "retrain", *ask)
    assert again == truth, "read back from what the run keeps"
    for shown in ("estimate", "retrain"):
        told = run_reorder(package, shown, *ask).stdout
        assert "Bits" in told and "Top-five accuracy" in told and "higher is better" in told


def test_one_that_is_read_out_is_estimated_with_intervals_and_searched_by(package: Path) -> None:
    ask = "run", "--order", "order.json"
    guess, truth = answered(package, "estimate", *ask), answered(package, "retrain", *ask)
    read, real = (found["quantities"]["text_loss"] for found in (guess, truth))
    assert read["how"] == "read out" and read["reason"] is real["reason"] is None
    for part in ("samples", "probes"):
        for key, ours in (("value", "loss"), ("lo", "lo"), ("hi", "hi")):
            np.testing.assert_allclose(numbers(read[part], key), numbers(guess[part], ours))
        np.testing.assert_allclose(numbers(real[part]), numbers(truth[part], "loss"))
        assert np.abs(numbers(read[part]) - numbers(real[part])).mean() < 0.2
    found = answered(
        package, "curriculum", "run", "--objective", "quantity:text_loss", "--budget", "2"
    )
    assert found["better"] == "lower" and np.isfinite(found["realised"])
    tried = package / "best.json"
    tried.write_text(json.dumps(found["order"]))
    known = answered(package, "retrain", "run", "--order", "best.json")
    losses = numbers(known["quantities"]["text_loss"]["probes"])
    assert found["realised"] == pytest.approx(losses.mean(), abs=1e-5)


def test_the_run_lists_it_and_its_tables_hold_it(package: Path) -> None:
    listed = answered(package, "info", "run")["quantities"]
    assert listed["bits"]["sentence"] == "The loss after the last step, to the base two."
    assert listed["top_five"]["reference"]["samples, mean"] > 0.02, "the build measured it"
    with duckdb.connect(package / "run" / "results.duckdb", read_only=True) as tables:
        rows = tables.execute(
            "SELECT b.value, l.value FROM quantity_values b JOIN quantity_values l "
            "USING (sample_id) WHERE b.quantity = 'bits' AND l.quantity = 'loss'"
        ).fetchall()
        known = tables.execute(
            "SELECT count(value) FROM quantity_values WHERE quantity = 'top_five'"
        ).fetchall()
    assert len(rows) == 32
    np.testing.assert_allclose(*np.array(rows).T * [[1], [1 / np.log(2)]])
    assert known[0][0] > 32
    alone = package.parent / "alone"
    alone.mkdir(exist_ok=True)
    without = answered(alone, "info", package / "run")["quantities"]
    assert "accuracy" in without and not {"bits", "top_five", "text_loss", *VALUED} & set(without)


VALUED = ("margin", "true_probability")


@pytest.fixture(scope="module")
def plain(package: Path) -> Path:
    """A folder without the package, and the same run built there."""
    folder = package.parent / "without"
    folder.mkdir(exist_ok=True)
    (folder / "small.yaml").write_text((package / "small.yaml").read_text())
    (folder / "order.json").write_text((package / "order.json").read_text())
    answered(folder, "build", "small.yaml", "--out", "run")
    return folder


def manifest(folder: Path) -> dict:
    return yaml.safe_load((folder / "run" / "run.yaml").read_text())


def test_a_value_of_its_own_is_estimated_with_its_interval_and_measured(package: Path) -> None:
    ask = "run", "--order", "order.json"
    guess, truth = answered(package, "estimate", *ask), answered(package, "retrain", *ask)
    known = answered(package, "measure", "run")["quantities"]
    for name in VALUED:
        read, real, home = (found["quantities"][name] if "quantities" in found else found[name]
                            for found in (guess, truth, known))  # fmt: skip
        assert read["how"] == "read out" and read["reason"] is real["reason"] is None
        for part in ("samples", "probes"):
            values, low, high = (numbers(read[part], key) for key in ("value", "lo", "hi"))
            true, before = numbers(real[part]), numbers(home[part])
            assert np.abs(true - before).mean() > 0, "the order must matter"
            if part == "samples":  # too few coordinates for more; see test_read_outs
                assert np.square(values - true).sum() < np.square(true - before).sum()
            assert (low < values).all() and (values < high).all()
    other = answered(package, "estimate", *ask, "--estimator", "projected")["quantities"]["margin"]
    assert other["reason"] == "projected estimates losses and what follows"
    assert np.isnan(numbers(other["samples"])).all()
    told = run_reorder(package, "estimate", *ask).stdout
    assert "Margin" in told and "Probability of the true token" in told


def test_without_it_a_build_has_the_same_bytes_and_with_it_the_same_losses(
    package: Path, plain: Path
) -> None:
    ours, theirs = manifest(package), manifest(plain)
    own = {f"read_outs/{name}.safetensors" for name in VALUED}
    assert ours["files"].keys() - theirs["files"].keys() == own
    shared = theirs["files"].keys() - {"results.duckdb", "build.json"}
    assert {n: ours["files"][n] for n in shared} == {n: theirs["files"][n] for n in shared}
    same = ours["costs"].keys() & theirs["costs"].keys() - {"calibration", "results"}
    rre = [{name: built["costs"][name]["rre"] for name in same} for built in (ours, theirs)]
    assert rre[0] == rre[1]
    assert ours["costs"].keys() - theirs["costs"].keys() == {f"read out {n}" for n in VALUED}
    ask = "--order", "order.json"  # of the same run, and so of the same ledger
    guess = answered(package, "estimate", plain / "run", *ask)
    alone = answered(plain, "estimate", "run", *ask)
    for part in ("samples", "probes", "knows"):
        assert guess.get(part) == alone.get(part), "losses are the same to the last bit"


def test_plan_says_what_it_costs(package: Path) -> None:
    found, built = answered(package, "plan", "small.yaml"), manifest(package)
    for name in VALUED:
        rre = built["costs"][f"read out {name}"]["rre"]
        assert found["rre"][f"read out {name}"] == pytest.approx(rre) and rre > 1
        size = built["files"][f"read_outs/{name}.safetensors"]["bytes"]
        assert found["bytes"][f"read_outs/{name}"] == pytest.approx(size, abs=2048)
    assert found["rre"]["calibration"] == pytest.approx(built["costs"]["calibration"]["rre"])


def test_a_run_built_before_says_so_and_gains_it_by_measure(package: Path, plain: Path) -> None:
    ask, environment = ("run", "--order", "order.json"), {"PYTHONPATH": f"{ROOT}:{package}"}

    def told(*arguments: str) -> dict:
        done = subprocess.run(
            [sys.executable, "-m", "reorder_core", *arguments, "--json"], cwd=plain,
            env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    before = told("estimate", *ask)
    margin = before["quantities"]["margin"]
    assert margin["reason"].startswith("this run was built before it was registered: python -m")
    assert np.isnan(numbers(margin["samples"])).all()
    told("measure", "run")
    bare = told("estimate", *ask)["quantities"]["margin"]
    assert np.isfinite(numbers(bare["samples"])).all()
    assert np.isnan(numbers(bare["samples"], "lo")).all(), "no retraining told how wide"
    told("measure", "run", "--designed")
    after, built = told("estimate", *ask), answered(package, "estimate", *ask)
    assert after["samples"] == before["samples"] and after["knows"] == before["knows"]
    for name in VALUED:
        for key in ("value", "lo", "hi"):
            ours, theirs = (numbers(x["quantities"][name]["samples"], key) for x in (after, built))
            np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    assert manifest(plain)["costs"]["read out margin"]["rre"] > 1


def test_an_order_is_searched_by_it(package: Path) -> None:
    found = answered(
        package, "curriculum", "run", "--objective", "quantity:margin", "--budget", "5"
    )
    assert found["better"] == "higher" and np.isfinite(found["realised"])
    assert found["estimated"]["lo"] < found["estimated"]["value"] < found["estimated"]["hi"]
    (package / "widest.json").write_text(json.dumps(found["order"]))
    known = answered(package, "retrain", "run", "--order", "widest.json")
    measured = numbers(known["quantities"]["margin"]["probes"])
    assert found["realised"] == pytest.approx(measured.mean(), abs=1e-5)
    some = answered(
        package, "curriculum", "run", "--objective", "quantity:margin:0,3", "--budget", "2"
    )
    assert np.isfinite(some["realised"]) and np.isfinite(some["reference"])


def test_the_pages_show_it(package: Path) -> None:
    environment = {
        "PYTHONPATH": f"{ROOT}:{package}", "PATH": "/usr/bin:/bin",
        "REORDER_RUN": str(package / "run"),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", PAGES, str(ROOT)], cwd=ROOT, env=environment,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout.splitlines()[-1])
    assert shown["faults"] == []
    listed = answered(package, "info", "run")["quantities"]
    means = dict(reversed(shown["short"]))
    assert means["Bits"] == pytest.approx(listed["bits"]["reference"]["samples, mean"])
    assert len(shown["samples"]["bits"]) == 32
    mean = listed["top_five"]["reference"]["samples, mean"]
    assert np.mean(shown["samples"]["top_five"]) == pytest.approx(mean)
    np.testing.assert_allclose(shown["who"], shown["samples"]["bits"])
    mean = listed["margin"]["reference"]["samples, mean"]
    assert np.mean(shown["samples"]["margin"]) == pytest.approx(mean) and means["Margin"] == mean
    np.testing.assert_allclose(
        shown["samples"]["text_loss"], np.array(shown["samples"]["bits"]) * np.log(2)
    )
    assert "**Bits** (derived): The loss after the last step, to the base two." in shown["help"]
