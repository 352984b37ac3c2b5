"""A causal language model as a function of one flat parameter vector.

Gradients, curvature and the replay all speak of θ as a vector of n numbers,
so that is what this module offers: Transformers models, of random weights by
seed or pretrained, and losses and per-sample gradients as functions of θ. θ
holds what is trained: all parameters, or those of adapters alone.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # a local config needs no network

import torch
from torch import Tensor
from torch.func import functional_call, grad_and_value, vjp, vmap
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
)

from reorder_core.config import ModelConfig, PretrainedModel
from reorder_core.training.frozen_layers import split_frozen

MAX_CHUNK_NUMBERS = 40_000_000
"""Numbers of per-sample gradients, or of predictions, held at once; bounds memory."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Token sequences with the targets that count."""

    tokens: Tensor
    """(B, L) int64, right-padded."""
    lengths: Tensor
    """(B,) int64, tokens that are not padding."""
    starts: Tensor | None = None
    """(B,) int64, the first token that the loss counts; None: the second of each."""
    entering: Tensor | None = None
    """(B, L, d) what enters the first trained layer, where that was computed before."""

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, index: Tensor | list[int]) -> "Batch":
        """The sequences at `index`, in that order."""
        entering = None if self.entering is None else self.entering[index]
        starts = None if self.starts is None else self.starts[index]
        return Batch(self.tokens[index], self.lengths[index], starts, entering)

    @property
    def first(self) -> Tensor:
        """(B,) the first token of each that the loss counts."""
        return torch.ones_like(self.lengths) if self.starts is None else self.starts

    @property
    def targets(self) -> Tensor:
        """(B,) how many tokens of each the loss counts."""
        return self.lengths - self.first


Value = Callable[["FlatModel", Tensor, Batch], Any]
"""(model, θ (n,), B texts) → (B,) one value a text."""


class FlatModel:
    """Losses of a Transformers model as functions of its flat parameters."""

    def __init__(self, module: PreTrainedModel, sequence_length: int) -> None:
        self.module = module.eval()
        self._frozen = split_frozen(module)
        # What is frozen stays in the module; θ is the rest.
        named = {k: p for k, p in module.named_parameters() if p.requires_grad}
        self.names = list(named)
        self.shapes = [p.shape for p in named.values()]
        self.sizes = [p.numel() for p in named.values()]
        self.size = sum(self.sizes)
        self._widest = max(self.size, sequence_length * int(module.config.vocab_size))
        for parameter in module.parameters():
            parameter.requires_grad_(False)  # θ is a tensor of its own
        self._initial = torch.cat([p.detach().reshape(-1) for p in named.values()])
        blocked = torch.full((sequence_length, sequence_length), torch.finfo(torch.float32).min)
        self._causal = blocked.triu(1)[None, None]  # (1, 1, L, L), additive

    @cached_property
    def matrices(self) -> Tensor:
        """(n,) 1 where a parameter has at least two dimensions, 0 for biases and norms."""
        parts = [
            torch.full((size,), float(len(shape) > 1))
            for size, shape in zip(self.sizes, self.shapes, strict=True)
        ]
        return torch.cat(parts)

    def spans(self) -> list[tuple[int, int]]:
        """(first, end) in θ of each parameter with at least two dimensions."""
        ends = list(accumulate(self.sizes))
        parts = zip(ends, self.sizes, self.shapes, strict=True)
        return [(end - size, end) for end, size, shape in parts if len(shape) > 1]

    def initial_parameters(self) -> Tensor:
        """(n,) the module's own weights, flat, of what is trained."""
        return self._initial.clone()

    def logits(self, theta: Tensor, batch: Batch) -> Tensor:
        """(B, L−1, V) predictions of each next token."""
        parts = theta.split(self.sizes)
        parameters = {k: p.view(s) for k, p, s in zip(self.names, parts, self.shapes, strict=True)}
        count, length = batch.tokens.shape
        mask = self._causal[..., :length, :length].to(theta.dtype).expand(count, 1, length, length)
        inputs = {"attention_mask": mask, "use_cache": False}
        if self._frozen is None:
            inputs["input_ids"] = batch.tokens
        else:
            entering = batch.entering
            if entering is None:
                entering = self._frozen(batch.tokens, mask)
            inputs["inputs_embeds"] = entering.to(theta.dtype)
        return functional_call(self.module, parameters, (), inputs).logits[:, :-1]

    def entered(self, batch: Batch, chunk: int = 16) -> Batch:
        """The same sequences with what enters the first trained layer computed once for all."""
        if self._frozen is None or not len(batch):
            return batch
        length = batch.tokens.shape[1]
        mask = self._causal[..., :length, :length]
        with torch.no_grad():
            pieces = [
                self._frozen(part.tokens, mask.expand(len(part), 1, length, length))
                for part in (batch.take(index) for index in _chunks(len(batch), chunk))
            ]
        return Batch(batch.tokens, batch.lengths, batch.starts, torch.cat(pieces))

    def losses(self, theta: Tensor, batch: Batch) -> Tensor:
        """(B,) mean next-token cross-entropy of each sequence, nats per token."""
        count, length = batch.tokens.shape
        logits = self.logits(theta, batch)
        nats = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), batch.tokens[:, 1:].flatten(), reduction="none"
        ).view(count, length - 1)
        return self.token_means(nats, batch)

    def token_means(self, values: Tensor, batch: Batch) -> Tensor:
        """(B,) means of (B, L−1) values of next tokens over those that are not padding."""
        positions = torch.arange(1, batch.tokens.shape[1], device=values.device)
        inside = (positions < batch.lengths[:, None]) & (positions >= batch.first[:, None])
        counted = inside.to(values.dtype)
        return (values * counted).sum(1) / counted.sum(1)

    def mean_loss(self, theta: Tensor, batch: Batch) -> Tensor:
        """The mean of `losses`: samples count alike, whatever their length."""
        return self.losses(theta, batch).mean()

    def evaluate(
        self,
        theta: Tensor,
        batch: Batch,
        chunk: int = 64,
        measure: Value | None = None,
    ) -> Tensor:
        """(B,) losses without a graph, in chunks; or what `measure` says of each sequence."""
        of = measure or FlatModel.losses
        with torch.no_grad():
            pieces = [of(self, theta, batch.take(i)) for i in _chunks(len(batch), chunk)]
        return torch.cat([torch.as_tensor(piece) for piece in pieces])

    def sample_gradients(
        self,
        theta: Tensor,
        batch: Batch,
        keep: Callable[[Tensor], Tensor] = lambda rows: rows,
        value: Value | None = None,
    ) -> Tensor:
        """(B, …) gradient of each sequence's own loss, passed through `keep` chunk by chunk.

        Or of its own `value`. `theta` is (n,), or (B, n): each sequence at parameters of its own.
        `keep` maps (c, n) to what is wanted of it, so that B · n numbers are
        never held.
        """
        return torch.cat([keep(rows) for rows, _ in self._own_gradients(theta, batch, value)])

    def summed_gradients(
        self, theta: Tensor, batch: Batch, keep: Callable[[Tensor], Tensor] = lambda rows: rows
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Losses (B,), the sum of their gradients (n,), and through `keep` each one's (B, …)."""
        total, losses, kept = torch.zeros_like(theta), [], []
        for rows, found in self._own_gradients(theta, batch):
            total += rows.sum(0)
            losses.append(found)
            kept.append(keep(rows))
        return torch.cat(losses), total, torch.cat(kept)

    def _own_gradients(
        self, theta: Tensor, batch: Batch, value: Value | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """(c, n) gradients and (c,) losses, or values of another function, chunk by chunk."""
        of = value or FlatModel.losses

        def loss(
            parameters: Tensor, tokens: Tensor, length: Tensor, start: Tensor,
            entering: Tensor | None,
        ) -> Tensor:  # fmt: skip
            return of(self, parameters, _one(tokens, length, start, entering))[0]

        own, before = theta.ndim == 2, None if batch.entering is None else 0
        gradients = vmap(grad_and_value(loss), in_dims=(0 if own else None, 0, 0, 0, before))
        for index in _chunks(len(batch), self._chunk(1)):
            part = batch.take(index)
            rows, losses = gradients(
                theta[index] if own else theta, part.tokens, part.lengths, part.first,
                part.entering,
            )  # fmt: skip
            yield rows.detach(), losses.detach()

    def drawn_gradients(
        self, theta: Tensor, batch: Batch, chances: Tensor, keep: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """(B · C, …) gradients on C targets drawn for each sequence, passed through `keep`.

        `chances` (B, C, L−1) in [0, 1) draw next tokens from the model's
        predictions. All go back through one forward pass, so that a draw costs
        a backward pass only.
        """
        vocabulary = torch.arange(self.module.config.vocab_size, device=theta.device)

        def of(
            tokens: Tensor, length: Tensor, start: Tensor, entering: Tensor | None, chance: Tensor
        ) -> Tensor:
            one = _one(tokens, length, start, entering)
            found = vjp(lambda parameters: self.logits(parameters, one)[0], theta)
            predicted, pull = found[0].softmax(-1), found[1]  # (L−1, V)
            drawn = (predicted.cumsum(-1) < chance[..., None]).sum(-1)  # (C, L−1)
            hit = vocabulary == drawn.clamp(max=len(vocabulary) - 1)[..., None]
            positions = torch.arange(1, len(tokens), device=theta.device)
            counted = (positions < length) & (positions >= start)
            share = counted.to(theta.dtype) / (length - start)
            return vmap(pull)((predicted - hit.to(theta.dtype)) * share[:, None])[0]

        pieces, before = [], None if batch.entering is None else 0
        for index in _chunks(len(batch), self._chunk(chances.shape[1])):
            part = batch.take(index)
            rows = vmap(of, in_dims=(0, 0, 0, before, 0))(
                part.tokens, part.lengths, part.first, part.entering, chances[index]
            )  # (c, C, n)
            pieces.append(keep(rows.detach().flatten(0, 1)))
        return torch.cat(pieces)

    def _chunk(self, gradients: int) -> int:
        """Sequences side by side, at so many gradients each."""
        return max(1, min(32, MAX_CHUNK_NUMBERS // (gradients * self._widest)))


def build_model(
    config: ModelConfig | PretrainedModel, vocab_size: int, sequence_length: int, seed: int
) -> FlatModel:
    """A model of random weights, or a pretrained one: same configuration and seed, same bits."""
    if isinstance(config, PretrainedModel):
        from reorder_core.training.pretrained import load_module

        return FlatModel(load_module(config, seed), sequence_length)
    torch.manual_seed(seed)
    return FlatModel(_FAMILIES[config.family](config, vocab_size, sequence_length), sequence_length)


def parameter_count(
    config: ModelConfig | PretrainedModel, vocab_size: int, sequence_length: int
) -> int:
    """n, of a model that is never allocated; only what is trained counts."""
    if isinstance(config, PretrainedModel):
        from reorder_core.training.pretrained import empty_module

        module = empty_module(config)
    else:
        with torch.device("meta"):
            module = _FAMILIES[config.family](config, vocab_size, sequence_length)
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


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


def _one(tokens: Tensor, length: Tensor, start: Tensor, entering: Tensor | None) -> Batch:
    before = None if entering is None else entering[None]
    return Batch(tokens[None], length[None], start[None], before)


def _chunks(count: int, size: int) -> list[list[int]]:
    return [list(range(start, min(start + size, count))) for start in range(0, count, size)]
