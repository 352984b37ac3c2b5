"""What a recorder refuses before a training begins: what no estimate could follow."""

from typing import Any

import torch

from reorder_core.errors import ConfigError

_ADAM = ("adamw_torch", "adamw_torch_fused")


def refuse_arguments(args: Any) -> None:
    """ConfigError naming every argument of the Trainer that the estimates cannot follow."""
    optimizer = getattr(args.optim, "value", args.optim)
    faults = [
        fault
        for wrong, fault in (
            (optimizer not in _ADAM, f"optim is {optimizer!r}; expected {_ADAM[0]!r}"),
            (args.bf16 or args.fp16, "bf16 and fp16 round every update; train in float32"),
            (args.world_size > 1, f"{args.world_size} processes train together; use one"),
            (args.label_smoothing_factor, "label_smoothing_factor changes the loss; set it to 0"),
            (args.neftune_noise_alpha, "neftune_noise_alpha adds noise; set it to None"),
            (args.group_by_length if hasattr(args, "group_by_length") else False,
             "group_by_length sorts within batches; set it to False"),
        )
        if wrong
    ]  # fmt: skip
    if faults:
        raise ConfigError("this training cannot be recorded: " + "; ".join(faults))


def refuse_model(model: Any) -> None:
    """ConfigError for dropout, and for adapters that are no plain LoRA."""
    active = sorted({
        part.p for part in model.modules() if isinstance(part, torch.nn.Dropout) and part.p
    })  # fmt: skip
    if active:
        raise ConfigError(
            f"the model drops out at {active[0]:g}: a training would differ from itself; set its "
            "dropout (and lora_dropout) to 0"
        )
    adapters = getattr(model, "peft_config", None) or {}
    for lora in adapters.values():
        kind = str(getattr(lora.peft_type, "value", lora.peft_type))
        if kind != "LORA" or lora.bias != "none" or lora.use_dora or lora.use_rslora:
            raise ConfigError(f"adapters of kind {kind} with options; expected plain LoRA")
    if len(adapters) > 1:
        raise ConfigError(f"{len(adapters)} adapters are loaded; expected one")
