"""Chats by a tokenizer's own template, and tables of every form, from the file to the run."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from pretrained import save_model
from transformers import PreTrainedTokenizerFast
from typer.testing import CliRunner

from reorder_core.cli.commands import app
from reorder_core.config import PretrainedModel, TokenizerConfig
from reorder_core.corpus.prepare import prepare_corpus
from reorder_core.corpus.samples import EncodedCorpus
from reorder_core.corpus.sources import source_of
from reorder_core.corpus.sources.wording import words
from reorder_core.errors import ConfigError, CorpusError
from reorder_core.store.run import open_run
from reorder_core.training.pretrained import load_encoder

TEMPLATE = (
    "{% for m in messages %}{{ '<s>' + m['role'] + '\n' + m['content'] + '</s>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<s>assistant\n' }}{% endif %}"
)
WORDS = words("the cat sat on the mat and the dog ran to the hill")


def model_with(folder: Path, template: str | None) -> PretrainedModel:
    save_model(folder, "llama")
    PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"), eos_token="</s>", pad_token="<pad>",
        bos_token="<s>", chat_template=template,
    ).save_pretrained(folder)  # fmt: skip
    return PretrainedModel.model_validate({"from": str(folder)})


def said(random: np.random.Generator, count: int) -> str:
    return " ".join(random.choice(WORDS, count))


def chats(file: Path, count: int = 60, **last: Any) -> Path:
    random = np.random.default_rng(1)
    rows = []
    for number in range(count):
        messages = [
            {"role": "user", "content": f"{number} {said(random, 4)}"},
            {"role": "assistant", "content": said(random, 3)},
            {"role": "user", "content": said(random, 3)},
            {"role": "assistant", "content": f"{said(random, 4)} {number}"} | last,
        ]
        rows.append({"messages": messages})
    file.write_text("\n".join(map(json.dumps, rows)))
    return file


def prepared(model: PretrainedModel | None, path: Path, **fields: Any) -> EncodedCorpus:
    value = {"kind": "folder", "path": path, "samples": 24, "base_samples": 0,
             "probes_per_domain": 4, "sequence_length": 160, "chat_template": True}  # fmt: skip
    encoder = load_encoder(model, chats=True) if model else None
    return prepare_corpus(source_of(value | fields), TokenizerConfig(), 0, encoder)


def whole(corpus: EncodedCorpus, row: int) -> str:
    """The sample's text with its special tokens."""
    part = corpus.train
    ids = part.tokens[row][: part.lengths[row]].tolist()
    return corpus.tokenizer.decode(ids, skip_special_tokens=False)


def test_a_chat_is_written_by_the_template_and_its_special_tokens_are_tokens(
    tmp_path: Path,
) -> None:
    model = model_with(tmp_path / "m", TEMPLATE)
    corpus = prepared(model, chats(tmp_path / "c.jsonl"))
    own = PreTrainedTokenizerFast.from_pretrained(tmp_path / "m")
    rows = [json.loads(line)["messages"] for line in (tmp_path / "c.jsonl").open()]
    expected = {
        tuple(own.apply_chat_template(row, tokenize=True, return_dict=False)): row for row in rows
    }
    for row in range(len(corpus.train)):
        tokens = corpus.train.tokens[row][: corpus.train.lengths[row]].tolist()
        assert tuple(tokens) in expected, "as Transformers itself writes and reads it"
        assert tokens[0] == 0 and tokens.count(1) == 4, "<s> once at the beginning, </s> a turn"
    assert corpus.train.starts is None, "the loss is on all of it unless asked otherwise"
    assert corpus.read is not None
    assert "chats are written by the tokenizer's own template" in corpus.read["notes"]


def test_the_loss_is_on_the_last_answer_only_where_it_is_asked(tmp_path: Path) -> None:
    model = model_with(tmp_path / "m", TEMPLATE)
    corpus = prepared(model, chats(tmp_path / "c.jsonl"), response_column="messages")
    assert corpus.train.starts is not None
    for row, start in enumerate(corpus.train.starts.tolist()):
        ids = corpus.train.tokens[row][: corpus.train.lengths[row]].tolist()
        learned = corpus.tokenizer.decode(ids[start:], skip_special_tokens=False)
        read = corpus.tokenizer.decode(ids[:start], skip_special_tokens=False)
        assert read.endswith("<s>assistant\n") and learned.endswith("</s>\n")
        assert learned.count("</s>") == 1 and read + learned == whole(corpus, row)


def test_a_template_without_a_generation_prompt_has_the_answer_found_in_its_text(
    tmp_path: Path,
) -> None:
    template = "{% for m in messages %}{{ '[' + m['role'] + '] ' + m['content'].strip() + '\n' }}"
    model = model_with(tmp_path / "m", template + "{% endfor %}")
    corpus = prepared(model, chats(tmp_path / "c.jsonl"), response_column="messages")
    assert corpus.train.starts is not None
    ids, start = corpus.train.tokens[0], int(corpus.train.starts[0])
    assert "[" not in corpus.tokenizer.decode(ids[start : corpus.train.lengths[0]].tolist())


def test_without_a_template_it_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = chats(tmp_path / "c.jsonl")
    with pytest.raises(ConfigError, match="model.from names has no chat template; leave it out"):
        prepared(model_with(tmp_path / "m", None), path)
    with pytest.raises(ConfigError, match="names no pretrained model"):
        prepared(None, path)
    with pytest.raises(ValueError, match="both say how a chat is written"):
        prepared(None, path, template="{role}: {content}")


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{ raise_exception('roles must alternate') }}", "line 1: .*roles must alternate"),
        ("{{ messages[0].nothing.at.all }}", "refuses it"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "refuses it: .*unsafe"),
        ("{{ cycler.__init__.__globals__.os.system('true') }}", "refuses it: .*unsafe|undefined"),
        ("{% for", "refuses it"),
    ],
)
def test_what_a_template_does_is_told_and_reaches_nothing_of_python(
    tmp_path: Path, template: str, told: str
) -> None:
    with pytest.raises(CorpusError, match=told):
        prepared(model_with(tmp_path / "m", template), chats(tmp_path / "c.jsonl"))


def test_a_template_that_asks_for_the_date_gives_the_same_run_any_day(tmp_path: Path) -> None:
    model = model_with(tmp_path / "m", "{{ strftime_now('%d %b %Y') }}\n" + TEMPLATE)
    corpus = prepared(model, chats(tmp_path / "c.jsonl"))
    assert whole(corpus, 0).startswith("2025-01-01\n")


def test_a_turn_that_spells_out_a_special_token_is_left_out_and_told(tmp_path: Path) -> None:
    path = chats(tmp_path / "c.jsonl")
    lines = path.read_text().splitlines()
    lines[3] = lines[3].replace("cat", "</s>", 1).replace("the", "</s>", 1)
    path.write_text("\n".join(lines))
    corpus = prepared(model_with(tmp_path / "m", TEMPLATE), path)
    assert corpus.read is not None
    assert any("left out 1 chats that spell out a special" in n for n in corpus.read["notes"])


def test_an_answer_that_is_missing_is_told(tmp_path: Path) -> None:
    path = chats(tmp_path / "c.jsonl", role="user")
    with pytest.raises(CorpusError, match="last turn is of 'user'.*end each chat with an answer"):
        prepared(model_with(tmp_path / "m", TEMPLATE), path, response_column="messages")
    path.write_text('{"messages": "no chat"}')
    with pytest.raises(CorpusError, match="wants a chat"):
        prepared(model_with(tmp_path / "n", TEMPLATE), path)


# --- tables of every form, one command each -----------------------------------------------

ROWS = 2000


def table(folder: Path, form: str) -> dict[str, Any]:
    """2,000 rows of prompt and response in a form; what corpus says of it."""
    random = np.random.default_rng(3)
    rows = [{"prompt": f"{n}: {said(random, 5)}", "response": said(random, 4)} for n in range(ROWS)]
    path = folder / f"rows.{form}"
    if form == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    elif form == "csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, ["prompt", "response"])
            writer.writeheader()
            writer.writerows(rows)
    elif form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif form == "chats.jsonl":
        chats(path, ROWS)
        return {"path": str(path), "chat_template": True, "response_column": "messages"}
    else:  # as `datasets` writes it: Dataset.save_to_disk
        path.mkdir()
        found = pa.Table.from_pylist(rows)
        with pa.ipc.new_stream(path / "data-00000-of-00001.arrow", found.schema) as stream:
            stream.write_table(found)
        (path / "dataset_info.json").write_text('{"features": {}}')
        (path / "state.json").write_text('{"_data_files": []}')
    return {"path": str(path), "template": "{prompt}\n{response}", "response_column": "response"}


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet", "datasets", "chats.jsonl"])
def test_one_command_builds_a_run_of_2000_rows_of_every_form(tmp_path: Path, form: str) -> None:
    model_with(tmp_path / "m", TEMPLATE)
    config = {
        "name": "rows",
        "corpus": {"kind": "folder", "samples": 24, "probes_per_domain": 4,
                   "sequence_length": 160} | table(tmp_path, form),
        "model": {"from": "m", "lora": {"rank": 2, "alpha": 4, "targets": ["q_proj", "v_proj"]}},
        "training": {"steps": 6, "batch_size": 4, "learning_rate": 0.01},
        "projection": {"coordinates": 500, "anchors": 2, "rank": 24},
        "calibration": {"orders": 2}, "position": {"orders": 16},
    }  # fmt: skip
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(config))
    out = tmp_path / "run"
    done = CliRunner().invoke(app, ["build", str(tmp_path / "run.yaml"), "--out", str(out)])
    assert done.exit_code == 0, done.stderr
    assert f"{ROWS:,} rows of tables" in done.stdout
    run = open_run(out)
    tokens = run.load_checked("tokens")
    assert (np.array(tokens["train_starts"]) > 4).all(), "the prompt is read, not learned"
    assert np.abs(run.reference.final.samples - run.reference.before.samples).max() > 1e-3
