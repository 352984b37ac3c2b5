"""Sources of text: one file each, found by kind; runs of an older layout stay themselves."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from reorder_core.config import parse_config, read_config
from reorder_core.corpus.sources import SOURCES, source_class
from reorder_core.errors import ConfigError
from reorder_core.store.manifest import config_digest, read_manifest, run_id
from reorder_core.store.run import open_run

ROOT = Path(__file__).parents[1]
COUNTING = '''
from typing import ClassVar, Literal

from reorder_core.corpus.samples import Document
from reorder_core.corpus.sources.source import Found, Source


class Counting(Source):
    """Rows of numbers, up or down."""

    label: ClassVar[str] = "Counting"
    kind: Literal["counting"] = "counting"
    start: int = 0

    def documents(self, random):
        def row(first, way):
            return " ".join(str(first + way * i) for i in range(60)) + "."

        starts = random.permutation(9000)[:600] + self.start
        return Found(
            [
                Document(row(int(first), (1, -1)[i % 2]), ("up", "down")[i % 2], f"row {i}")
                for i, first in enumerate(starts)
            ]
        )
'''


def run_reorder(plugins: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "reorder_core", *map(str, arguments)]
    path = {"PYTHONPATH": f"{ROOT}:{plugins}", "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=plugins, env=path, capture_output=True, text=True)


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    """A folder as pip would leave it: one module, and the line that registers it."""
    (tmp_path / "counting.py").write_text(COUNTING)
    about = tmp_path / "counting-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: counting\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[reorder.sources]\ncounting = counting:Counting\n")
    return tmp_path


def small(corpus: dict[str, object]) -> str:
    return yaml.safe_dump(
        {
            "name": "small",
            "corpus": {
                "samples": 32, "base_samples": 32, "probes_per_domain": 2, "sequence_length": 32,
                **corpus,
            },
            "tokenizer": {"vocab_size": 300},
            "model": {"hidden_size": 16, "layers": 1, "heads": 2, "intermediate_size": 32},
            "training": {
                "steps": 8, "batch_size": 4,
                "base": {"steps": 4, "batch_size": 4, "learning_rate": 0.003},
            },
            "projection": {"coordinates": 512, "anchors": 2, "rank": 16},
            "calibration": {"orders": 4},
            "position": {"orders": 16},
        }
    )  # fmt: skip


def test_a_source_is_one_file_and_its_registration(plugins: Path):
    config = plugins / "config.yaml"
    config.write_text(small({"kind": "counting", "start": 7}))
    planned = run_reorder(plugins, "plan", config, "--json")
    assert planned.returncode == 0, planned.stderr
    assert json.loads(planned.stdout)["rre"]["total"] > 1
    built = run_reorder(plugins, "build", config, "--out", plugins / "run", "--json")
    assert built.returncode == 0, built.stderr
    facts = json.loads(built.stdout)
    assert (facts["corpus"], facts["domains"]) == ("counting", ["down", "up"])
    told = run_reorder(plugins, "info", plugins / "run")
    assert told.returncode == 0 and "counting, 32 samples" in told.stdout
    config.write_text(small({"kind": "counting", "begin": 7}))
    refused = run_reorder(plugins, "plan", config)
    assert refused.returncode == 1 and "corpus.begin: unknown field" in refused.stderr


def test_without_its_registration_the_kind_is_unknown(plugins: Path):
    (plugins / "counting-1.0.dist-info" / "entry_points.txt").unlink()
    config = plugins / "config.yaml"
    config.write_text(small({"kind": "counting"}))
    refused = run_reorder(plugins, "plan", config)
    assert refused.returncode == 1
    assert "corpus.kind is 'counting'; known kinds: controlled, folder" in refused.stderr


def test_every_source_says_what_pages_call_it():
    labels = {source_class(kind).label for kind in SOURCES}
    assert len(labels) == len(SOURCES) and all(labels)
    assert all(source_class(kind).model_fields["kind"].default == kind for kind in SOURCES)


def test_an_unknown_kind_names_the_nearest_one():
    with pytest.raises(ConfigError, match="'foldr'; did you mean 'folder'"):
        parse_config(small({"kind": "foldr"}))


def test_a_field_of_another_kind_is_refused():
    with pytest.raises(ConfigError, match=r"corpus.canaries: unknown field"):
        parse_config(small({"kind": "python-docs", "canaries": 9}))


def test_the_shipped_configurations_keep_their_digests():
    """Written down when all kinds still had one class between them."""
    digests = {name: config_digest(read_config(ROOT / "data" / f"{name}.yaml"))[:16] for name in (
        "demo", "demo-plain", "python-docs")}  # fmt: skip
    assert digests == {
        "demo": "36108cca2b05ccdb", "demo-plain": "e1fe414fc26dce6c",
        "python-docs": "2e89f8505d995b84",
    }  # fmt: skip


def test_the_demo_opens_with_its_id_and_its_files_are_whole():
    manifest = read_manifest(ROOT / "data" / "demo")
    assert run_id(manifest.config, manifest.corpus_digest, manifest.start_digest) == manifest.id
    assert manifest.id == "demo-8bfd47c7"
    open_run(ROOT / "data" / "demo").verify()
