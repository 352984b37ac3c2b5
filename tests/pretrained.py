"""Small model folders as `save_pretrained` writes them: four shapes, tokenizers of their own."""

import json
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


def save_gguf(file: Path, folder: Path) -> Path:
    """The Llama in `folder` as one GGUF file, its queries and keys in llama.cpp's order."""
    import gguf
    from safetensors.torch import load_file

    config = json.loads((folder / "config.json").read_text())
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    weights = load_file(folder / "model.safetensors")
    heads, groups = config["num_attention_heads"], config["num_key_value_heads"]
    writer = gguf.GGUFWriter(str(file), "llama")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(groups)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_rope_dimension_count(config["hidden_size"] // heads)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("gpt2")
    known = {index: token for token, index in tokenizer["model"]["vocab"].items()}
    writer.add_token_list([known.get(i, f"<unused {i}>") for i in range(config["vocab_size"])])
    writer.add_token_types([3 if i < 3 else 1 for i in range(config["vocab_size"])])
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(config["eos_token_id"])
    places = {
        "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
    }  # fmt: skip
    others = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    for name, weight in weights.items():
        whole = name.removesuffix(".weight")
        if not whole.startswith("model.layers."):
            writer.add_tensor(f"{others[whole]}.weight", weight.contiguous().numpy())
            continue
        number, part = whole.removeprefix("model.layers.").split(".", 1)
        count = {"self_attn.q_proj": heads, "self_attn.k_proj": groups}.get(part)
        if count:
            halves = weight.reshape(count, 2, -1, weight.shape[1]).swapaxes(1, 2)
            rows = halves.reshape(weight.shape).contiguous()
        else:
            rows = weight.contiguous()
        writer.add_tensor(f"blk.{number}.{places[part]}.weight", rows.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file
