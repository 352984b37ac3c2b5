"""Small model folders as `save_pretrained` writes them: four shapes, tokenizers of their own."""

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

VOCABULARY = 384
SHAPES = ("gpt2", "gpt_neox", "llama", "qwen2")


def save_model(folder: Path, shape: str, **changes: Any) -> Path:
    """A folder with random weights of a shape, as safetensors."""
    import torch
    import transformers as t

    folder.mkdir(parents=True)
    ending = save_tokenizer(folder, begins=shape == "llama")
    common: Any = {"vocab_size": VOCABULARY, "eos_token_id": ending, "bos_token_id": 0}
    wide: Any = common | {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "max_position_embeddings": 64,
    }  # fmt: skip
    torch.manual_seed(5)
    if shape == "gpt2":
        config = t.GPT2Config(**common, n_embd=32, n_layer=2, n_head=4, n_positions=64)
        module: Any = t.GPT2LMHeadModel(config)
    elif shape == "gpt_neox":
        module = t.GPTNeoXForCausalLM(t.GPTNeoXConfig(**wide))
    elif shape == "llama":
        module = t.LlamaForCausalLM(t.LlamaConfig(**wide, num_key_value_heads=2))
    else:
        module = t.Qwen2ForCausalLM(
            t.Qwen2Config(**wide, num_key_value_heads=2, tie_word_embeddings=True)
        )
    module.save_pretrained(folder, **changes)
    return folder


def save_tokenizer(folder: Path, begins: bool) -> int:
    """A byte-level BPE with <s> and </s>; the id of </s>. With `begins`, <s> before each text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=["<s>", "</s>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(
        ["the cat sat on the mat and the dog ran to the hill. "] * 9, trainer
    )
    if begins:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", 0)]
        )
    tokenizer.save(str(folder / "tokenizer.json"))
    ending = tokenizer.token_to_id("</s>")
    assert ending is not None
    return ending


def pretrained_config(folder: Path, **model: Any) -> dict[str, Any]:
    """A run that trains the model in `folder` further, on controlled text."""
    return {
        "name": "tiny-pretrained",
        "corpus": {
            "kind": "controlled", "samples": 32, "base_samples": 64, "probes_per_domain": 4,
            "sequence_length": 48, "canaries": 0, "poisoned": 0,
        },
        "model": {"from": str(folder), **model},
        "training": {
            "steps": 8, "batch_size": 4, "learning_rate": 0.001, "schedule": "cosine",
            "base": {"steps": 30, "batch_size": 16, "learning_rate": 0.003},
        },
        "projection": {"coordinates": 4000, "anchors": 3, "rank": 96, "bits": 16},
        "calibration": {"orders": 8},
        "position": {"orders": 64},
    }  # fmt: skip
