"""A wrong configuration, as the person at the command line meets it; equal ones give equal bits."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from real import TINY, tiny_real_config

from reorder_core.store.run import Run
from reorder_core.store.writer import file_digest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("part", "changed", "words"),
    [
        ("training", {"steps": 9}, "9 · 4 = 36, but corpus.samples is 48"),
        ("projection", {"anchors": 13}, "anchors 13 is more than the 12 steps"),
        ("training", {"sped": 1}, "training.sped: unknown field"),
        ("training", {"learning_rate": -1}, "training.learning_rate"),
        ("model", {"hidden_size": 18, "heads": 4}, "hidden_size 18 is not a multiple"),
    ],
)
def test_a_wrong_config_is_told_in_one_message(
    tmp_path: Path, part: str, changed: dict[str, Any], words: str
) -> None:
    config, out = tmp_path / "wrong.yaml", tmp_path / "run"
    config.write_text(yaml.safe_dump(TINY | {part: TINY[part] | changed}), encoding="utf-8")
    command = [sys.executable, "-m", "reorder_core", "build", str(config), "--out", str(out)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert told.returncode != 0
    assert told.stderr.startswith("error: ") and words in told.stderr
    assert told.stderr.count("\n") == 1
    assert not out.exists()


def test_same_config_gives_same_bits(real_run: Run, tmp_path: Path) -> None:
    from reorder_core.build import build_run

    again = build_run(tiny_real_config(), tmp_path / "again")
    names = sorted(file.relative_to(again) for file in again.rglob("*.safetensors"))
    assert len(names) >= 7
    for name in names:
        assert file_digest(again / name) == file_digest(real_run.path / name), name
