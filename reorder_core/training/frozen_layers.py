"""The layers below the first trained one, taken off a model: what they say of a text never changes.

A model whose adapters sit in its last layers pays for the others once a
sample, not once a step.
"""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

Frozen = Callable[[Tensor, Tensor], Tensor]
"""Tokens (B, L), additive mask (B, 1, L, L) → (B, L, d), what enters the first trained layer."""
_LIKE = 1e-4
"""Nats by which a prediction of the split model may differ, from sums in another order."""


def split_frozen(module: PreTrainedModel) -> Frozen | None:
    """The frozen layers at the bottom, removed from `module`, which takes their output now.

    None, and `module` as it was, where the first layer is trained or where the
    architecture does something to what enters it, which a trial would show.
    """
    inner = _decoder(module)
    if inner is None or not isinstance(getattr(inner, "layers", None), torch.nn.ModuleList):
        return None
    layers, first = inner.layers, _first_trained(inner)
    if not first or not hasattr(inner, "norm"):
        return None
    tokens = torch.arange(8)[None] % int(module.config.vocab_size)
    mask = torch.full((8, 8), torch.finfo(torch.float32).min).triu(1)[None, None]
    kept = (layers, inner.config)
    with torch.no_grad():
        expected = module(input_ids=tokens, attention_mask=mask, use_cache=False).logits
        frozen = _below(inner, first)
        inner.layers, inner.config = _part(inner, first, len(layers))
        found = _tried(module, frozen, tokens, mask)
    if found is None or not torch.allclose(found, expected, atol=_LIKE, rtol=0):
        inner.layers, inner.config = kept
        return None
    return frozen


def _decoder(module: Any) -> Any:
    base = module.get_base_model() if hasattr(module, "get_base_model") else module
    return getattr(base, "model", None)


def _first_trained(inner: Any) -> int:
    """How many layers at the bottom are frozen; 0 where what comes before them is trained."""
    if any(p.requires_grad for name, p in inner.named_parameters() if "layers." not in name):
        return 0
    trained = [any(p.requires_grad for p in layer.parameters()) for layer in inner.layers]
    return trained.index(True) if True in trained else 0


def _part(inner: Any, start: int, stop: int) -> tuple[torch.nn.ModuleList, Any]:
    config = copy.copy(inner.config)
    config.num_hidden_layers = stop - start
    if getattr(config, "layer_types", None):
        config.layer_types = config.layer_types[start:stop]
    return torch.nn.ModuleList(list(inner.layers)[start:stop]), config


def _below(inner: Any, first: int) -> Frozen:
    below = copy.copy(inner)
    below._modules = dict(inner._modules)
    below.layers, below.config = _part(inner, 0, first)
    below.norm = torch.nn.Identity()

    def frozen(tokens: Tensor, mask: Tensor) -> Tensor:
        with torch.no_grad():
            return below(input_ids=tokens, attention_mask=mask, use_cache=False).last_hidden_state

    return frozen


def _tried(module: PreTrainedModel, frozen: Frozen, tokens: Tensor, mask: Tensor) -> Tensor | None:
    try:
        entering = frozen(tokens, mask)
        return module(inputs_embeds=entering, attention_mask=mask, use_cache=False).logits
    except (TypeError, ValueError, RuntimeError, IndexError, AttributeError):
        return None  # an architecture that does not take it so
