"""A person's own text from the command line's side: what is read, left out, refused, told."""

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_sources import small
from typer.testing import CliRunner, Result

from reorder_core.cli.commands import app
from reorder_core.config import TokenizerConfig, parse_config
from reorder_core.corpus.overlap import RUN, SeenRuns, overlap, shared_runs
from reorder_core.corpus.prepare import prepare_corpus
from reorder_core.corpus.samples import EncodedCorpus
from reorder_core.corpus.sources import source_of
from reorder_core.corpus.sources.wording import words
from reorder_core.errors import ConfigError, CorpusError
from reorder_core.store.run import open_run

WORDS = words("river stone lantern widow bridge market winter orchard signal harbour kettle")
SIZES = {"samples": 24, "base_samples": 24, "probes_per_domain": 2, "sequence_length": 32}


def sentences(seed: int, count: int = 4) -> str:
    random = np.random.default_rng(seed)
    made = (" ".join(random.choice(WORDS, 8)) for _ in range(count))
    return " ".join(f"The {sentence} {random.integers(1000)}." for sentence in made)


def rows(path: Path, texts: list[str], **columns: list[Any]) -> Path:
    lines = (
        json.dumps({"text": text, **{name: values[i] for name, values in columns.items()}})
        for i, text in enumerate(texts)
    )
    path.write_text("\n".join(lines))
    return path


def prepare(path: Path, in_file_order: bool = False, **fields: Any) -> EncodedCorpus:
    source = source_of({"kind": "folder", "path": path, **SIZES, **fields})
    return prepare_corpus(source, TokenizerConfig(vocab_size=400), 0, None, in_file_order)


def read_of(corpus: EncodedCorpus) -> dict[str, Any]:
    assert corpus.read is not None
    return corpus.read


def invoke(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert "Traceback" not in result.stderr
    return result


def configured(folder: Path, **corpus: Any) -> Path:
    config = folder / "config.yaml"
    config.write_text(small({"kind": "folder", "path": "a.jsonl", **corpus}))
    return config


# --- wording that many samples share ---------------------------------------------------


INSTRUCTION = (
    "You are a careful clerk who reads one message of a customer and answers with the name of "
    "the one desk that should get it, and with nothing else whatever the customer may ask for. "
)


def test_an_instruction_that_every_row_begins_with_is_no_overlap(tmp_path: Path):
    path = rows(tmp_path / "a.jsonl", [INSTRUCTION + sentences(i, 2) for i in range(200)])
    made = prepare(path, sequence_length=96)
    assert len(made.probes) == 2
    assert overlap(made.probes, made.train) == (0, 1), "the strict rule would take neither"
    assert any("many trained samples share do not count" in n for n in read_of(made)["notes"])


def test_one_of_several_instructions_is_no_overlap_either(tmp_path: Path):
    kinds = [INSTRUCTION.replace("clerk", word) for word in WORDS[:5]]
    path = rows(tmp_path / "a.jsonl", [kinds[i % 5] + sentences(i, 2) for i in range(300)])
    made = prepare(path, sequence_length=96, samples=80, base_samples=80)
    assert len(made.probes) == 2


def test_a_text_copied_a_few_times_stays_overlap(tmp_path: Path):
    """Every text comes in four slightly different copies: no probe is unseen."""
    path = rows(tmp_path / "a.jsonl", [f"{i} {sentences(i // 4, 6)}" for i in range(200)])
    with pytest.raises(CorpusError, match="held-out probes that share no 24 tokens"):
        prepare(path, sequence_length=96, samples=60, base_samples=80, probes_per_domain=20)


def test_what_is_compared_is_a_samples_own_wording():
    """Numbers from 100 on are an instruction that all share; 7 and 8 follow in some."""
    instruction = tuple(range(100, 160))
    trained = [(*instruction, 7, word, *range(word, word + 30)) for word in range(1000, 2000, 40)]
    shared = shared_runs(trained)
    assert {instruction[i : i + RUN] for i in range(60 - RUN + 1)} <= shared
    was_trained = SeenRuns(trained).own_wording(shared)
    assert not was_trained((*instruction, 7, 8, *range(30)))
    assert was_trained(instruction)
    assert was_trained(trained[3])
    assert was_trained((1, 2, 3, *trained[3][-RUN:]))
    assert not was_trained((1, 2, 3, *trained[3][-RUN + 1 :]))
    short = [(*instruction, 7, word) for word in range(1000, 2000)]
    was_trained = SeenRuns(short).own_wording(shared_runs(short))
    assert was_trained((*instruction, 7, 1010)) and not was_trained((*instruction, 7, 5))


# --- domains too small -----------------------------------------------------------------


def folder_of(root: Path, **texts: int) -> Path:
    for place, (name, count) in enumerate(texts.items()):
        (root / name).mkdir(parents=True)
        for number in range(count):
            (root / name / f"{number}.txt").write_text(sentences(1000 * place + number))
    return root


def test_small_domains_are_left_out_and_said(tmp_path: Path):
    root = folder_of(tmp_path / "thing", src=120, notes=2, odd=1)
    (root / "README.md").write_text("# Thing\n\nDoes things.\n")
    made = prepare(root)
    assert {s.domain for s in made.train.samples} == {"src"}
    assert set(read_of(made)["left_out"]) == {"notes", "odd", "thing"}
    assert read_of(made)["left_out"]["thing"].startswith("gives ")
    assert read_of(made)["domains"]["src"]["train"] == 24
    again = prepare(root, domains=("src",))
    assert again.digest == made.digest, "as if the others had not been there"


def test_small_domains_that_are_asked_for_are_all_named(tmp_path: Path):
    root = folder_of(tmp_path / "thing", src=120, notes=2, odd=1)
    with pytest.raises(CorpusError, match=r"2 domains: 'src'|2 domains: 'odd' .*'notes'") as told:
        prepare(root, domains=("src", "odd", "notes"))
    assert "set corpus.domains: [src]" in str(told.value)


def test_where_most_text_is_in_small_domains_nothing_is_left_out_unasked(tmp_path: Path):
    root = folder_of(tmp_path / "thing", src=8, **{f"d{i}": 1 for i in range(12)})
    with pytest.raises(CorpusError, match=r"too little text in 1[23] domains"):
        prepare(root)


# --- what the windows are taken from -----------------------------------------------------


def test_base_takes_what_train_left_of_its_documents(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text("\n\n".join(sentences(i, 6) for i in range(24)))
    made = prepare(path, samples=80, base_samples=80, sequence_length=8)
    assert len(made.base) == 80
    both = [s.text for s in (*made.train.samples, *made.base.samples)]
    assert len(set(both)) == len(both)
    assert overlap(made.probes, made.base) == ()


def test_a_row_of_millions_of_characters_is_cut_before_it_is_tokenized(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from reorder_core.corpus import choosing

    longest = 0
    cut = choosing.cut_windows

    def spy(documents: Any, **options: Any) -> Any:
        nonlocal longest
        longest = max(longest, *(len(d.text) for d in documents))
        return cut(documents, **options)

    monkeypatch.setattr(choosing, "cut_windows", spy)
    texts = [sentences(i) for i in range(200)] + [sentences(999, 20) * 2000]
    assert len(texts[-1]) > 2_000_000
    made = prepare(rows(tmp_path / "a.jsonl", texts))
    assert 0 < longest <= 50_000
    assert len(made.train) == 24


def test_samples_can_keep_the_order_of_the_file(tmp_path: Path):
    path = rows(tmp_path / "a.jsonl", [f"{i:04} {sentences(i, 2)}" for i in range(200)])
    ordered, shuffled = prepare(path, True), prepare(path)
    numbers = [int(s.source.split()[-1].split("#")[0]) for s in ordered.train.samples]
    assert numbers == sorted(numbers) and len(set(numbers)) == 24
    assert {s.text for s in ordered.train.samples} == {s.text for s in shuffled.train.samples}
    assert [s.text for s in ordered.train.samples] != [s.text for s in shuffled.train.samples]


def test_a_sample_says_its_file_and_row(tmp_path: Path):
    texts = [sentences(i, 2) for i in range(200)]
    made = prepare(rows(tmp_path / "a.jsonl", texts))
    for sample in made.train.samples:
        name, row = sample.source.split(", line ")
        assert name == "a.jsonl" and sample.text in texts[int(row) - 1]


# --- plan and build ----------------------------------------------------------------------


@pytest.fixture
def built(tmp_path: Path) -> tuple[Path, Path]:
    """A config and the run built from it."""
    texts = [sentences(i) for i in range(150)] + [sentences(0)]
    rows(tmp_path / "a.jsonl", texts, d=[("up", "down")[i % 2] for i in range(151)])
    config = configured(tmp_path, domain_column="d")
    result = invoke("build", config, "--out", tmp_path / "run", "--json")
    assert result.exit_code == 0, result.stderr
    return config, tmp_path / "run"


def test_plan_and_build_tell_what_was_read(built: tuple[Path, Path]):
    config, run = built
    planned = json.loads(invoke("plan", config, "--json").stdout)["read"]
    again = json.loads(invoke("build", config, "--out", run, "--json").stdout)
    assert again["read"] == planned and again["already_built"]
    assert (planned["files"], planned["rows"], planned["documents"]) == (1, 151, 151)
    assert planned["duplicates"] == 1 and len(planned["beginnings"]) == 3
    assert planned["domains"]["up"]["documents"] == 76
    for command in (["plan", config], ["build", config, "--out", run]):
        shown = invoke(*command).stdout
        assert "1 files, 151 rows of tables, 151 documents, 1 of them duplicates" in shown
        assert shown.count("a.jsonl, line ") == 3 and "down" in shown
    assert "was built already" in shown


def test_what_is_printed_of_a_text_moves_no_cursor(tmp_path: Path):
    texts = [f"\x1b[2J\x07\u202e{sentences(i)}" for i in range(150)]
    rows(tmp_path / "a.jsonl", texts, d=["\x1b]0;x\x07\nname"] * 150)
    shown = invoke("plan", configured(tmp_path, domain_column="d")).stdout
    assert "�]0;x� name" in shown
    assert not set("\x1b\x07\u202e") & set(shown)


def test_a_changed_text_is_not_taken_for_the_old_one(built: tuple[Path, Path]):
    config, run = built
    text = config.parent / "a.jsonl"
    before = text.read_text()
    text.write_text(before.replace("river", "rover"))
    refused = invoke("build", config, "--out", run)
    assert refused.exit_code == 1
    assert "the text has changed since" in refused.stderr and "another --out" in refused.stderr
    open_run(run).verify()
    text.write_text(before)
    assert invoke("build", config, "--out", run).exit_code == 0
    text.unlink()  # a run outlives its text
    assert invoke("build", config, "--out", run).exit_code == 0


def test_a_text_changed_before_anything_was_trained_is_read_again(built: tuple[Path, Path]):
    config, run = built
    state = json.loads((run / "build.json").read_text())
    fresh = run.parent / "fresh"
    shutil.copytree(run, fresh)
    (fresh / "run.yaml").unlink()
    state["steps"] = {"corpus": state["steps"]["corpus"]}
    (fresh / "build.json").write_text(json.dumps(state))
    text = config.parent / "a.jsonl"
    text.write_text(text.read_text().replace("river", "rover"))
    result = invoke("build", config, "--out", fresh)
    assert result.exit_code == 0, result.stderr
    assert any("rover" in s.text for s in open_run(fresh).samples)


def test_a_folder_where_nothing_was_finished_takes_a_corrected_config(tmp_path: Path):
    rows(tmp_path / "a.jsonl", [sentences(i) for i in range(100)])
    config = configured(tmp_path)
    right = config.read_text()
    config.write_text(
        right.replace("samples: 32", "samples: 3200").replace("steps: 8", "steps: 800")
    )
    refused = invoke("build", config, "--out", tmp_path / "run")
    assert refused.exit_code == 1 and "3200 are needed" in refused.stderr
    config.write_text(right)
    assert invoke("build", config, "--out", tmp_path / "run").exit_code == 0
    config.write_text(right.replace("learning_rate: 0.003", "learning_rate: 0.002"))
    assert "of another configuration" in invoke("build", config, "--out", tmp_path / "run").stderr


@pytest.mark.parametrize(
    ("part", "change", "reason"),
    [
        ("corpus", {"base_samples": 0}, "base.steps is 4, but corpus.base_samples is 0"),
        ("training", {"weight_decay": 0.1}, "optimizer adam has none; use optimizer: adamw"),
        ("training", {"warmup_steps": 8}, "training.warmup_steps is 8, but there are 8 steps"),
    ],
)
def test_plan_refuses_what_build_would(
    tmp_path: Path, part: str, change: dict[str, Any], reason: str
):
    import yaml

    rows(tmp_path / "a.jsonl", [sentences(i) for i in range(150)])
    config = configured(tmp_path)
    value = yaml.safe_load(config.read_text())
    config.write_text(yaml.safe_dump(value | {part: value[part] | change}))
    for command in (["plan", config], ["build", config, "--out", tmp_path / "run"]):
        told = invoke(*command)
        assert told.exit_code == 1 and reason in told.stderr
    assert not (tmp_path / "run").exists()


# --- the configuration's own text --------------------------------------------------------


def test_plain_words_and_numbers_are_names_of_domains():
    base = small({"kind": "folder", "path": "a"})
    for written, names in (("[no, de]", ("no", "de")), ("[0, 1.10, on]", ("0", "1.10", "on"))):
        text = base.replace("  kind: folder", f"  domains: {written}\n  kind: folder")
        assert parse_config(text).corpus.domains == names


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    rows(tmp_path / "texts.jsonl", [sentences(i) for i in range(150)])
    (tmp_path / "deep").mkdir()
    config = configured(tmp_path / "deep", path="~/texts.jsonl")
    assert invoke("plan", config).exit_code == 0


def bomb() -> str:
    """Nine to the ninth values in ten lines."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for old, new in pairwise("abcdefghi"):
        lines.append(f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]")
    return "\n".join([*lines, "corpus: *i", ""])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (bomb(), "more than 20,000 values, its aliases written out"),
        ("a: &a [*a]\n", "holds itself"),
        ("a: !!python/object/apply:os.system ['true']\n", "is not YAML.*python/object"),
        ("name: a\nname: b\n", "'name' is given twice"),
        ("seed: 1" + "0" * 5000, "is not YAML"),
        ("[" * 5000, "nested too deeply|is not YAML"),
        ("a: '" + "x" * 1_000_001 + "'", "at most 1,000,000"),
        (
            "name: x\ncorpus: {kind: folder, pth: a}",
            "corpus.pth: unknown field; did you mean 'path'",
        ),
        ("training: {step: 3}", "training.step: unknown field; did you mean 'steps'.*batch_size"),
        ("training: {base: {lerning_rate: 3}}", "did you mean 'learning_rate'"),
        ("model: {layer: 3}", r"model.layer: unknown field; did you mean 'layers'.*heads"),
        ("model: {from: x, lora: {rnk: 3}}", "model.lora.rnk: .*did you mean 'rank'.*targets"),
        ("nme: x", "nme: unknown field; did you mean 'name'"),
    ],
)
def test_a_hostile_or_mistyped_config_is_told_in_short(text: str, told: str):
    with pytest.raises(ConfigError, match=told) as caught:
        parse_config(text)
    assert len(str(caught.value)) < 1500


def test_aliases_and_merges_of_an_honest_config_work():
    text = small({"kind": "controlled"}) + "tokenizer: {vocab_size: 400}\n"
    with pytest.raises(ConfigError, match="'tokenizer' is given twice"):
        parse_config(text)
    plain = small({"kind": "controlled"})
    shared = plain.replace("\nmodel:", "\nmodel: &m").replace(
        "  layers: 1\n", "  <<: {layers: 1}\n"
    )
    assert parse_config(shared) == parse_config(plain)
