"""A callback of Transformers' Trainer that writes down what a training does.

What is kept: each update's samples and learning rate, parameters and Adam's
moments before the first update, parameters at the anchors. `build --from`
trains from there once more, compares, and precomputes.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor
from transformers import TrainerCallback

from reorder_core.config import RunConfig
from reorder_core.errors import ConfigError, CorpusError
from reorder_core.recording.layout import CONFIG, MODEL, START, STATES, TOKENS
from reorder_core.recording.refusals import refuse_arguments, refuse_model
from reorder_core.store.files import write_arrays, write_text
from reorder_core.training.schedule import anchor_steps

_MASKED = -100
_CLIPPED = 1.001
"""A norm within so little of the largest allowed was clipped to it."""


def mean_of_samples(outputs: Any, labels: Tensor, num_items_in_batch: Any = None) -> Tensor:
    """Trainer(compute_loss_func=…): samples count alike, whatever their length.

    The Trainer's own loss counts tokens alike, so that a long sample weighs
    more; the two are the same where all samples are equally long.
    """
    shifted = labels[:, 1:]
    nats = torch.nn.functional.cross_entropy(
        outputs.logits[:, :-1].flatten(0, 1).float(), shifted.flatten(),
        ignore_index=_MASKED, reduction="none",
    ).view_as(shifted)  # fmt: skip
    counted = shifted != _MASKED
    return (nats.sum(1) / counted.sum(1)).mean()


class Recorder(TrainerCallback):
    """Trainer(callbacks=[Recorder("recording", probes=…)]) writes what `build --from` reads."""

    def __init__(
        self,
        folder: str | Path,
        probes: Mapping[str, Sequence[Sequence[int]]],
        domain_of: Callable[[Mapping[str, Any]], str] | None = None,
        anchors: int = 4,
        name: str = "recorded",
    ) -> None:
        """`probes` are held-out token sequences by domain; `domain_of` tells that of a row.

        Raises ConfigError for a folder that is not empty.
        """
        self.folder, self.probes, self.name = Path(folder), probes, name
        self._domain_of, self._anchors = domain_of, anchors
        if not probes or not all(len(rows) for rows in probes.values()):
            raise ConfigError("Recorder(probes=…) is empty; expected held-out tokens by domain")
        if self.folder.exists() and any(self.folder.iterdir()):
            raise ConfigError(f"{self.folder} is not empty; choose another folder to record into")
        self._batches: list[list[list[int]]] = []
        self._rates: list[float] = []
        self._states: list[np.ndarray] = []
        self._clipped = 0

    # --- the Trainer's events ------------------------------------------------

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Refuses what a replay could not follow; then takes the state before the first update."""
        refuse_arguments(args)
        refuse_model(given["model"])
        self._parameters = [p for p in given["model"].parameters() if p.requires_grad]
        self._steps = int(state.max_steps)
        self._at = anchor_steps(self._steps, min(self._anchors, self._steps))
        self._start = self._moments(given["optimizer"])
        self._options = _adam(given["optimizer"], given["model"])
        self._listen(given["train_dataloader"])
        self._per_update = args.gradient_accumulation_steps

    def on_step_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Keeps the parameters where an anchor stands, and the coming update's rate."""
        if state.global_step in self._at:
            self._states.append(self._flat())
        self._rates.append(float(given["optimizer"].param_groups[0]["lr"]))

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Counts the updates whose gradient was clipped."""
        if args.max_grad_norm:
            grads = [p.grad for p in self._parameters if p.grad is not None]
            norm = torch.linalg.vector_norm(torch.stack([g.norm() for g in grads]))
            self._clipped += bool(norm * _CLIPPED >= args.max_grad_norm)

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Writes the recording; raises ConfigError for a training that no run can stand for."""
        self._loader.collate_fn = self._collate
        if self._clipped:
            raise ConfigError(
                f"gradient clipping changed {self._clipped} of {self._steps} updates, which the "
                "estimates do not follow; set max_grad_norm=0 (Adam's update keeps its size "
                "whatever the gradient's)"
            )
        if state.global_step != self._steps:
            raise ConfigError(
                f"the training ended after {state.global_step} of {self._steps} updates; "
                "set max_steps to what it is to do"
            )
        self._states.append(self._flat())
        self._write(given["model"], given["processing_class"])

    # --- what is listened to ---------------------------------------------------

    def _listen(self, loader: Any) -> None:
        """Each batch's own tokens, in the order in which they are collated."""
        if getattr(loader, "num_workers", 0):
            raise ConfigError("dataloader_num_workers must be 0: the order is read in this process")
        loader = getattr(loader, "base_dataloader", loader)  # accelerate wraps it
        self._loader, self._collate = loader, loader.collate_fn
        self._domains: dict[tuple[int, ...], str] = {}
        self._starts: dict[tuple[int, ...], int] = {}

        def collate(rows: list[Any]) -> Any:
            batch = self._collate(rows)
            sequences = _sequences(batch, self._starts)
            self._batches.append(sequences)
            if self._domain_of is not None:
                for tokens, row in zip(sequences, rows, strict=True):
                    self._domains[tuple(tokens)] = self._domain_of(row)
            return batch

        loader.collate_fn = collate

    def _flat(self) -> np.ndarray:
        return torch.cat([p.detach().reshape(-1).float() for p in self._parameters]).cpu().numpy()

    def _moments(self, optimizer: Any) -> dict[str, Any]:
        optimizer = getattr(optimizer, "optimizer", optimizer)  # accelerate wraps it
        held = [optimizer.state.get(p) or {} for p in self._parameters]
        start: dict[str, Any] = {"theta": self._flat(), "updates": 0}
        if any(held):
            for ours, theirs in (("first_moment", "exp_avg"), ("second_moment", "exp_avg_sq")):
                start[ours] = torch.cat([h[theirs].reshape(-1).float() for h in held]).numpy()
            start["updates"] = int(held[0]["step"])
        return start

    # --- what is written -----------------------------------------------------

    def _write(self, model: Any, tokenizer: Any) -> None:
        used = self._batches[: self._steps * self._per_update]
        rows = [tokens for batch in used for tokens in batch]
        size, left = divmod(len(rows), self._steps)
        if left or any(len(b) * self._per_update != size for b in used):
            raise ConfigError(
                f"{len(rows)} samples in {self._steps} updates: batches are of different sizes; "
                "set dataloader_drop_last=True"
            )
        keys = [tuple(tokens) for tokens in rows]
        if len(set(keys)) < len(keys):
            twice = next(row for row in keys if keys.count(row) > 1)
            raise CorpusError(
                f"the sample that begins {tokenizer.decode(list(twice[:12]))!r} was trained twice; "
                "record one epoch, of samples that differ"
            )
        longest = max(map(len, [*keys, *(p for part in self.probes.values() for p in part)]))
        probes = [(domain, list(p)) for domain in sorted(self.probes) for p in self.probes[domain]]
        self.folder.mkdir(parents=True, exist_ok=True)
        write_arrays(
            self.folder / TOKENS,
            _padded("train", rows, longest)
            | {"train_starts": np.array([self._starts[key] for key in keys], np.int32)}
            | _padded("probe", [p for _, p in probes], longest),
            {
                "domains": json.dumps([self._domains.get(key, "text") for key in keys]),
                "probe_domains": json.dumps([domain for domain, _ in probes]),
            },
        )
        updates = self._start.pop("updates")
        write_arrays(self.folder / START, self._start, {"updates": updates})
        write_arrays(
            self.folder / STATES,
            {"theta": np.stack(self._states), "step": np.array(self._at, np.int32)},
        )
        value = self._config(model, tokenizer, len(rows), size, longest, len(probes))
        RunConfig.model_validate(value)
        write_text(self.folder / CONFIG, yaml.safe_dump(value, sort_keys=False))

    def _config(
        self, model: Any, tokenizer: Any, count: int, size: int, longest: int, probes: int
    ) -> dict[str, Any]:
        return {
            "name": self.name,
            "corpus": {
                "kind": "recorded", "path": ".", "samples": count, "base_samples": 0,
                "probes_per_domain": max(1, probes // len(self.probes)), "sequence_length": longest,
            },
            "model": self._model(model, tokenizer),
            "training": {
                "steps": self._steps, "batch_size": size, "learning_rate": max(self._rates),
                "rates": self._rates[: self._steps], **self._options, "base": {"steps": 0},
            },
            "projection": {"anchors": len(self._at)},
        }  # fmt: skip

    def _model(self, model: Any, tokenizer: Any) -> dict[str, Any]:
        adapters = getattr(model, "peft_config", None)
        if not adapters:
            model.save_pretrained(self.folder / MODEL)
            tokenizer.save_pretrained(self.folder / MODEL)
            return {"from": MODEL}
        (lora,) = adapters.values()
        return {
            "from": str(lora.base_model_name_or_path),
            "lora": {
                "rank": lora.r, "alpha": lora.lora_alpha, "targets": sorted(lora.target_modules),
            },
        }  # fmt: skip


def _sequences(batch: Mapping[str, Tensor], starts: dict[tuple[int, ...], int]) -> list[list[int]]:
    """The tokens of each row without padding; `starts` learns where each one's loss begins."""
    tokens, mask = batch["input_ids"], batch.get("attention_mask")
    mask = torch.ones_like(tokens) if mask is None else mask
    labels = batch.get("labels")
    found = []
    for row in range(len(tokens)):
        length = int(mask[row].sum())
        if not bool(mask[row, :length].all()):
            raise ConfigError("batches are padded on the left; set tokenizer.padding_side='right'")
        sequence, start = tokens[row, :length].tolist(), 1
        if labels is not None:
            masked = labels[row, :length] == _MASKED
            start = int(masked.logical_not().float().argmax())
            if bool(masked.all()) or not torch.equal(
                labels[row, start:length], tokens[row, start:length]
            ):
                raise ConfigError(
                    "labels leave out a part of a text that is not its beginning, such as turns "
                    "between others or an end that is the padding's token, too; train on all from "
                    "the response on, and give the tokenizer a pad_token of its own"
                )
        starts[tuple(sequence)] = max(1, start)
        found.append(sequence)
    return found


def _padded(name: str, rows: Sequence[Sequence[int]], length: int) -> dict[str, np.ndarray]:
    tokens = np.zeros((len(rows), length), np.int32)
    for place, row in zip(tokens, rows, strict=True):
        place[: len(row)] = row
    return {name: tokens, f"{name}_lengths": np.array([len(row) for row in rows], np.int32)}


def _adam(optimizer: Any, model: Any) -> dict[str, Any]:
    """The optimizer's options as a config has them."""
    groups = optimizer.param_groups
    first = groups[0]
    trained = {id(p) for p in model.parameters() if p.requires_grad}
    decays = {id(p): float(g["weight_decay"]) for g in groups for p in g["params"]}
    found = {(decays[id(p)], p.ndim > 1) for p in model.parameters() if id(p) in trained}
    values = {decay for decay, _ in found}
    (most, *_), by_shape = sorted(values, reverse=True), {}
    if len(values) > 1:
        if found != {(most, True), (0.0, False)}:
            raise ConfigError(
                f"weight decay is {', '.join(f'{d:g}' for d in sorted(values))} for different "
                "parameters, and not 0 for just those of one dimension (biases and norms); the "
                "estimates know decay of all, or of all matrices: set weight_decay=0, or group so"
            )
        by_shape = {"decayed": "matrices"}
    return {
        "optimizer": "adamw", "weight_decay": most, **by_shape,
        "beta1": float(first["betas"][0]), "beta2": float(first["betas"][1]),
        "epsilon": float(first["eps"]),
    }  # fmt: skip
