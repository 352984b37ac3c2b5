"""A causal language model as a function of one flat parameter vector.

Gradients, curvature and the replay all speak of θ as a vector of n numbers,
so that is what this module offers: Transformers models, random weights by
seed, and losses and per-sample gradients as functions of θ.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # a local config needs no network

import torch
from torch import Tensor
from torch.func import functional_call, grad, vjp, vmap
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
)

from reorder_core.config import ModelConfig

MAX_CHUNK_NUMBERS = 40_000_000
"""Numbers of per-sample gradients held at once; bounds memory for large models."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Token sequences with the targets that count."""

    tokens: Tensor
    """(B, L) int64, right-padded."""
    lengths: Tensor
    """(B,) int64, tokens that are not padding."""

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, index: Tensor | list[int]) -> "Batch":
        """The sequences at `index`, in that order."""
        return Batch(self.tokens[index], self.lengths[index])


class FlatModel:
    """Losses of a Transformers model as functions of its flat parameters."""

    def __init__(self, module: PreTrainedModel, sequence_length: int) -> None:
        self.module = module.eval()
        named = dict(module.named_parameters())
        self.names = list(named)
        self.shapes = [p.shape for p in named.values()]
        self.sizes = [p.numel() for p in named.values()]
        self.size = sum(self.sizes)
        blocked = torch.full((sequence_length, sequence_length), torch.finfo(torch.float32).min)
        self._causal = blocked.triu(1)[None, None]  # (1, 1, L, L), additive

    def initial_parameters(self) -> Tensor:
        """(n,) the module's own weights, flat."""
        return torch.cat([p.detach().reshape(-1) for p in self.module.parameters()])

    def logits(self, theta: Tensor, batch: Batch) -> Tensor:
        """(B, L−1, V) predictions of each next token."""
        parts = theta.split(self.sizes)
        parameters = {k: p.view(s) for k, p, s in zip(self.names, parts, self.shapes, strict=True)}
        count, length = batch.tokens.shape
        mask = self._causal[..., :length, :length].to(theta.dtype).expand(count, 1, length, length)
        inputs = {"input_ids": batch.tokens, "attention_mask": mask, "use_cache": False}
        return functional_call(self.module, parameters, (), inputs).logits[:, :-1]

    def losses(self, theta: Tensor, batch: Batch, targets: Tensor | None = None) -> Tensor:
        """(B,) mean next-token cross-entropy of each sequence, nats per token.

        `targets` (B, L−1) stand in for the text's own next tokens.
        """
        count, length = batch.tokens.shape
        logits = self.logits(theta, batch)
        targets = batch.tokens[:, 1:] if targets is None else targets
        nats = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), targets.flatten(), reduction="none"
        ).view(count, length - 1)
        positions = torch.arange(1, length, device=theta.device)
        counted = (positions < batch.lengths[:, None]).to(theta.dtype)
        return (nats * counted).sum(1) / counted.sum(1)

    def mean_loss(self, theta: Tensor, batch: Batch) -> Tensor:
        """The mean of `losses`: samples count alike, whatever their length."""
        return self.losses(theta, batch).mean()

    def evaluate(self, theta: Tensor, batch: Batch, chunk: int = 64) -> Tensor:
        """(B,) losses without a graph, in chunks."""
        with torch.no_grad():
            pieces = [self.losses(theta, batch.take(i)) for i in _chunks(len(batch), chunk)]
        return torch.cat(pieces)

    def sample_targets(self, theta: Tensor, batch: Batch, generator: torch.Generator) -> Tensor:
        """(B, L−1) next tokens drawn from the model's own predictions."""
        with torch.no_grad():
            chances = self.logits(theta, batch).float().softmax(-1)
        drawn = torch.multinomial(chances.flatten(0, 1), 1, generator=generator)
        return drawn.view(len(batch), -1)

    def sample_gradients(
        self,
        theta: Tensor,
        batch: Batch,
        keep: Callable[[Tensor], Tensor] = lambda rows: rows,
        targets: Tensor | None = None,
    ) -> Tensor:
        """(B, …) gradient of each sequence's own loss, passed through `keep` chunk by chunk.

        `theta` is (n,), or (B, n): each sequence at parameters of its own.
        `keep` maps (c, n) to what is wanted of it, so that B · n numbers are
        never held. `targets` as in `losses`.
        """
        targets = batch.tokens[:, 1:] if targets is None else targets

        def loss(parameters: Tensor, tokens: Tensor, length: Tensor, target: Tensor) -> Tensor:
            return self.losses(parameters, Batch(tokens[None], length[None]), target[None])[0]

        own = theta.ndim == 2
        gradients = vmap(grad(loss), in_dims=(0 if own else None, 0, 0, 0))
        chunk = max(1, min(32, MAX_CHUNK_NUMBERS // self.size))
        pieces = []
        for index in _chunks(len(batch), chunk):
            part = batch.take(index)
            at = theta[index] if own else theta
            rows = gradients(at, part.tokens, part.lengths, targets[index])
            pieces.append(keep(rows.detach()))
        return torch.cat(pieces)

    def paired_gradients(
        self, theta: Tensor, batch: Batch, chances: Tensor, keep: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Gradients of each sequence's loss on its own targets, and on targets drawn for the first.

        `chances` (D, L−1) in [0, 1) draw the targets of the first D sequences
        from the model's predictions. Both go back through one forward pass, so
        a draw costs a backward pass only. Returns the losses (B,), the sum of
        the own gradients (n,), and through `keep` the own ones (B, …) and the
        drawn ones (D, …).
        """
        vocabulary = torch.arange(self.module.config.vocab_size, device=theta.device)

        def of(tokens: Tensor, length: Tensor, chance: Tensor | None = None) -> tuple[Tensor, ...]:
            one = Batch(tokens[None], length[None])
            found = vjp(lambda parameters: self.logits(parameters, one)[0], theta)
            logits, pull = found[0], found[1]
            logs = logits.log_softmax(-1)  # (L−1, V)
            predicted = logs.exp()
            counted = torch.arange(1, len(tokens), device=theta.device) < length
            share = counted.to(theta.dtype) / (length - 1)

            def back(targets: Tensor) -> Tensor:
                hit = (vocabulary == targets[:, None]).to(theta.dtype)
                return pull((predicted - hit) * share[:, None])[0]

            loss = -logs.gather(-1, tokens[1:, None])[:, 0] @ share
            if chance is None:
                return loss, back(tokens[1:])
            drawn = (predicted.cumsum(-1) < chance[:, None]).sum(-1)
            return loss, back(tokens[1:]), back(drawn.clamp(max=len(vocabulary) - 1))

        chunk = max(1, min(32, MAX_CHUNK_NUMBERS // (2 * self.size)))
        total, losses, owns = torch.zeros_like(theta), [], []
        draws = [keep(total[None])[:0]]
        drawn = list(range(len(chances)))
        for first in (drawn, list(range(len(chances), len(batch)))):
            for index in (first[at : at + chunk] for at in range(0, len(first), chunk)):
                part = batch.take(index)
                more = (chances[index],) if first is drawn else ()
                loss, own, *sampled = vmap(of)(part.tokens, part.lengths, *more)
                total += own.detach().sum(0)
                losses.append(loss.detach())
                owns.append(keep(own.detach()))
                draws += [keep(rows.detach()) for rows in sampled]
        return torch.cat(losses), total, torch.cat(owns), torch.cat(draws)


def build_model(config: ModelConfig, vocab_size: int, sequence_length: int, seed: int) -> FlatModel:
    """A model of random weights: same configuration and seed, same bits."""
    torch.manual_seed(seed)
    return FlatModel(_FAMILIES[config.family](config, vocab_size, sequence_length), sequence_length)


def parameter_count(config: ModelConfig, vocab_size: int, sequence_length: int) -> int:
    """n, of a model that is never allocated."""
    with torch.device("meta"):
        module = _FAMILIES[config.family](config, vocab_size, sequence_length)
    return sum(p.numel() for p in module.parameters())


# Eager attention: `vmap` of a gradient goes through it on every device.
_EAGER: dict[str, Any] = {"attn_implementation": "eager"}


def _llama(config: ModelConfig, vocab_size: int, length: int) -> PreTrainedModel:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocab_size, hidden_size=config.hidden_size,
            intermediate_size=config.intermediate_size, num_hidden_layers=config.layers,
            num_attention_heads=config.heads, max_position_embeddings=length,
            tie_word_embeddings=config.tie_embeddings, **_EAGER,
            pad_token_id=0, bos_token_id=None, eos_token_id=1,
        )
    )  # fmt: skip


def _gpt2(config: ModelConfig, vocab_size: int, length: int) -> PreTrainedModel:
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=vocab_size, n_embd=config.hidden_size, n_inner=config.intermediate_size,
            n_layer=config.layers, n_head=config.heads, n_positions=length,
            tie_word_embeddings=config.tie_embeddings, **_EAGER,
            resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
            pad_token_id=0, bos_token_id=None, eos_token_id=1,
        )
    )  # fmt: skip


def _gpt_neox(config: ModelConfig, vocab_size: int, length: int) -> PreTrainedModel:
    return GPTNeoXForCausalLM(
        GPTNeoXConfig(
            vocab_size=vocab_size, hidden_size=config.hidden_size,
            intermediate_size=config.intermediate_size, num_hidden_layers=config.layers,
            num_attention_heads=config.heads, max_position_embeddings=length,
            tie_word_embeddings=config.tie_embeddings, **_EAGER,
            pad_token_id=0, bos_token_id=None, eos_token_id=1,
        )
    )  # fmt: skip


_FAMILIES = {"llama": _llama, "gpt2": _gpt2, "gpt_neox": _gpt_neox}


def _chunks(count: int, size: int) -> list[list[int]]:
    return [list(range(start, min(start + size, count))) for start in range(0, count, size)]
