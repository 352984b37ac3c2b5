"""Pretrained models of Transformers: one command each; hostile folders are refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from pretrained import SHAPES, pretrained_config, save_model

from reorder_core.building.build import build_run
from reorder_core.building.plan import make_plan
from reorder_core.config import PretrainedModel, RunConfig, parse_config, read_config
from reorder_core.errors import ConfigError, StoreError
from reorder_core.estimators import open_estimator
from reorder_core.judge.fidelity import retrain_all
from reorder_core.judge.measures import r2, rho_within
from reorder_core.store.drawn import drawn_orders
from reorder_core.store.run import open_run
from reorder_core.training.loop import make_batch, open_trainable
from reorder_core.training.pretrained import load_encoder, load_module

LORA = {"gpt2": ["c_attn"], "gpt_neox": ["query_key_value"], "llama": [], "qwen2": []}


def model_of(config: RunConfig) -> PretrainedModel:
    assert isinstance(config.model, PretrainedModel)
    return config.model


@pytest.fixture(scope="module", params=SHAPES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model") / request.param, request.param)


@pytest.mark.parametrize("lora", [False, True], ids=["full", "lora"])
def test_a_local_folder_is_trained_and_its_orders_estimated(
    folder: Path, lora: bool, tmp_path: Path
) -> None:
    """At 32 samples and random weights this judges the plumbing, not the method."""
    adapters = {"lora": {"rank": 4, "targets": LORA[folder.name]}} if lora else {}
    config = RunConfig.model_validate(pretrained_config(folder, **adapters))
    run = open_run(build_run(config, tmp_path / "run"))
    trained = int(run.metadata("start")["parameters"])
    everything = sum(p.numel() for p in load_module(model_of(config), 0).parameters())
    assert (trained < everything / 4) if lora else (trained == everything)
    assert make_plan(config).parameters == trained
    orders = drawn_orders(run, "random", 6, 11)
    true = np.stack([found.final.samples for found in retrain_all(run, orders, lambda *_: None)])
    reference = run.reference.final.samples
    assert np.abs(true - reference).max() > 1e-3  # the order matters here
    estimator = open_estimator(run, "hybrid")
    estimated = np.stack([estimator.estimate(order).final.samples for order in orders])
    assert rho_within(estimated, true) > 0.95
    assert r2(estimated, true, reference) > 0.5


def test_losses_are_those_of_transformers(folder: Path) -> None:
    config = model_of(RunConfig.model_validate(pretrained_config(folder)))
    from reorder_core.training.model import FlatModel

    module = load_module(config, 0)
    encoder = load_encoder(config)
    ids = [
        *encoder.beginning,
        *encoder.tokenizer.encode("the cat sat", add_special_tokens=False).ids,
    ]
    tokens = torch.tensor([ids])
    with torch.no_grad():
        expected = float(module(input_ids=tokens, labels=tokens).loss)
    model = FlatModel(module, len(ids))
    batch = make_batch(np.array([ids]), np.array([len(ids)]))
    assert float(model.losses(model.initial_parameters(), batch)[0]) == pytest.approx(
        expected, abs=1e-5
    )


def test_a_tokenizers_own_beginning_begins_every_sample(tmp_path: Path) -> None:
    for shape, beginning in (("llama", (0,)), ("gpt2", ())):
        folder = save_model(tmp_path / shape, shape)
        config = RunConfig.model_validate(pretrained_config(folder))
        encoder = load_encoder(model_of(config))
        assert (encoder.beginning, encoder.ending) == (beginning, 1)
        # A text that spells out a special token is text.
        assert 1 not in encoder.tokenizer.encode("</s>", add_special_tokens=False).ids


def test_without_a_base_phase_training_starts_from_the_weights_as_they_are(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "m", "llama")
    value = pretrained_config(folder)
    del value["training"]["base"], value["corpus"]["base_samples"]
    config = RunConfig.model_validate(value)
    assert config.training.base.steps == config.corpus.base_samples == 0
    run = open_run(build_run(config, tmp_path / "run"))
    model = load_module(model_of(config), 0)
    weights = torch.cat([p.detach().reshape(-1) for p in model.parameters()])
    np.testing.assert_array_equal(np.array(run.load_checked("start")["theta"]), weights.numpy())


def test_other_weights_are_refused_where_training_needs_them_and_estimates_need_none(
    tmp_path: Path,
) -> None:
    folder = save_model(tmp_path / "m", "llama")
    config = RunConfig.model_validate(pretrained_config(folder, lora={"rank": 2}))
    run = open_run(build_run(config, tmp_path / "run"))
    file = folder / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(StoreError, match="not those that this run was built from"):
        open_trainable(run)
    shutil.rmtree(folder)
    with pytest.raises(StoreError, match="estimates need no weights"):
        open_trainable(run)
    assert np.isfinite(
        open_estimator(run, "hybrid").estimate(run.reference_order).final.samples
    ).all()


def test_pickles_and_code_are_never_opened(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "m", "llama")
    config = model_of(RunConfig.model_validate(pretrained_config(folder)))
    (folder / "model.safetensors").rename(tmp_path / "kept")
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch /tmp/owned'\ntR.")
    with pytest.raises(ConfigError, match=r"pytorch_model\.bin, a pickle, which is never opened"):
        load_module(config, 0)
    (tmp_path / "kept").rename(folder / "model.safetensors")
    settings = json.loads((folder / "config.json").read_text())
    settings |= {"model_type": "mine", "auto_map": {"AutoModelForCausalLM": "mine.Mine"}}
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ConfigError, match="is never run"):
        load_module(config, 0)
    assert not (tmp_path / "ran").exists()


def test_what_is_wrong_with_a_folder_is_told(tmp_path: Path) -> None:
    def told(source: Path | str, **model: object) -> str:
        value = pretrained_config(Path("x")) | {"model": {"from": str(source), **model}}
        asked = model_of(RunConfig.model_validate(value))
        with pytest.raises(ConfigError) as error:
            _ = load_module(asked, 0), load_encoder(asked)
        return str(error.value)

    assert "no folder at" in told(tmp_path / "none")
    assert "set HF_HUB_OFFLINE=0 to fetch it" in told("someone/no-such-model")
    (tmp_path / "empty").mkdir()
    assert "has no config.json" in told(tmp_path / "empty")
    folder = save_model(tmp_path / "m", "gpt2")
    assert "its linear layers are" in told(folder, lora={"targets": ["no_such_layer"]})
    (folder / "tokenizer.json").write_text("{")
    assert "expected a tokenizer.json" in told(folder)


def test_a_relative_folder_is_taken_from_the_configs_own(tmp_path: Path) -> None:
    save_model(tmp_path / "models" / "small", "gpt2")
    value = pretrained_config(Path("models/small"))
    (tmp_path / "run.yaml").write_text(json.dumps(value))
    model = read_config(tmp_path / "run.yaml").model
    assert model.model_dump(mode="json")["from"] == str(tmp_path / "models" / "small")


def test_an_unknown_field_of_a_model_is_named_as_it_was_written() -> None:
    with pytest.raises(ConfigError, match=r"model\.rank: unknown field"):
        parse_config(json.dumps(pretrained_config(Path("x"), rank=3)))
