"""The loss on the response only."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from reorder_core.config import ModelConfig, parse_config
from reorder_core.corpus.encoding import cut_windows, train_tokenizer
from reorder_core.corpus.reading.row_template import Wording
from reorder_core.corpus.samples import Document
from reorder_core.corpus.sources.folder import Folder
from reorder_core.errors import ConfigError
from reorder_core.training.loop import make_batch
from reorder_core.training.model import build_model

ROW = {"prompt": "Where is the hat?", "response": "On the hill.", "id": "7"}


def test_what_comes_before_the_response_is_not_learned() -> None:
    wording = Wording("text", "{id}: {prompt}\n{response}.", "response")
    assert wording.text(ROW).startswith(wording.before(ROW))
    assert wording.before(ROW) == "7: Where is the hat?\n"
    assert not wording.has_response(ROW | {"response": " "})
    chat = [{"role": "user", "content": "Hat?"}, {"role": "assistant", "content": "Hill."}]
    turns = Wording("messages", None, "messages")
    assert turns.before({"messages": chat}) == "user: Hat?\nassistant: "
    own = Wording("messages", "<{role}>{content}</>", "messages")
    assert own.before({"messages": chat}) == "<user>Hat?</>\n<assistant>"


def test_documents_of_a_table_know_where_their_response_begins(tmp_path: Path) -> None:
    lines = [ROW, ROW | {"response": ""}, ROW | {"prompt": "And the\r\ncat?"}]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)))
    source = Folder(path=tmp_path, template="{prompt}\n{response}", response_column="response")
    found = source.documents(np.random.default_rng(0))
    assert [d.text[d.before :] for d in found.documents] == ["On the hill."] * 2
    assert "left out 1 rows without text" in found.notes


def test_windows_begin_their_loss_at_the_first_token_of_the_response() -> None:
    text = "Where is the hat? On the hill where the cat sat."
    encoder = train_tokenizer([text], 300)
    document = Document(text, "d", single=True, before=len("Where is the hat?"))
    for length in (64, 14):
        (window,) = cut_windows([document], encoder, length)[0]
        read = encoder.tokenizer.decode(list(window.tokens[: window.start]))
        assert read == "Where is the hat?"
    assert cut_windows([document], encoder, 4)[0] == []  # nothing of the response is left


def test_only_the_response_counts_in_losses_and_gradients() -> None:
    torch.manual_seed(0)
    model = build_model(ModelConfig(hidden_size=16, heads=2, intermediate_size=24), 50, 10, 1)
    theta = model.initial_parameters()
    tokens = np.random.default_rng(2).integers(2, 50, (3, 10))
    batch = make_batch(tokens, np.array([10, 8, 10]), np.array([4, 6, 1]))
    logits = model.logits(theta, batch).log_softmax(-1)
    for row, (start, stop) in enumerate([(4, 10), (6, 8), (1, 10)]):
        nats = [-float(logits[row, t - 1, tokens[row, t]]) for t in range(start, stop)]
        assert float(model.losses(theta, batch)[row]) == pytest.approx(np.mean(nats), abs=1e-5)
    assert batch.targets.tolist() == [6, 2, 9]
    mine = model.sample_gradients(theta, batch)
    for row in range(3):
        variable = theta.clone().requires_grad_()
        loss = model.losses(variable, batch.take([row]))[0]
        torch.testing.assert_close(mine[row], torch.autograd.grad(loss, variable)[0])
    # A target drawn for a token that does not count changes nothing.
    chances = torch.rand(3, 2, 9)
    other = chances.clone()
    other[0, :, :3], other[1, :, :5] = 0.5, 0.5
    one, two = (model.drawn_gradients(theta, batch, c, lambda g: g) for c in (chances, other))
    torch.testing.assert_close(one, two)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "no template names it"),
        ({"template": "{response} {prompt}"}, "ends with 'prompt'"),
        ({"template": "{a} {b}"}, "ends with 'b'"),
    ],
)
def test_a_response_that_is_nowhere_or_not_last_is_refused(
    fields: dict[str, str], told: str
) -> None:
    corpus = {"kind": "folder", "path": "x", "response_column": "response", **fields}
    with pytest.raises(ConfigError, match=told):
        parse_config(json.dumps({"name": "r", "corpus": corpus}))
