"""Train in an order with transformers.Trainer, and get the losses that Reorder's retraining gives.

    python examples/train_in_order.py RUN --order order.json

`Trainer` shuffles, and takes no sampler as an argument. What is needed is one
method, `_get_train_sampler`. The rest below is this run's own start and loss:
with a model and data of yours, `InOrder` alone is enough.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from transformers import Trainer, TrainingArguments

from reorder_core.export.sampler import OrderSampler
from reorder_core.orders.order import read_order
from reorder_core.store.run import open_run
from reorder_core.training.loop import Trainable, open_trainable
from reorder_core.training.model import Batch
from reorder_core.training.schedule import learning_rate


class InOrder(Trainer):
    """A Trainer whose samples come in a given order."""

    def __init__(self, *args: Any, order: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._order = order

    def _get_train_sampler(self, train_dataset: Any = None) -> OrderSampler:
        return OrderSampler(self._order)


class AsReorder(InOrder):
    """One that counts every sequence alike, whatever its length, as the run did."""

    def __init__(self, *args: Any, trainable: Trainable, **options: Any) -> None:
        super().__init__(*args, **options)
        self._flat = trainable.model

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, **more: Any
    ) -> Any:
        parts = dict(model.named_parameters())
        theta = torch.cat([parts[name].reshape(-1) for name in self._flat.names])
        loss = self._flat.mean_loss(theta, Batch(inputs["tokens"], inputs["lengths"]))
        return (loss, None) if return_outputs else loss


def train_in_order(trainable: Trainable, order: Any, folder: str) -> torch.Tensor:
    """(n,) parameters after training in `order` by transformers.Trainer."""
    model, adam = trainable.model.module, trainable.config.training
    for module in model.modules():  # the run was trained without dropout
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    with torch.no_grad():
        pieces = trainable.start.theta.split(trainable.model.sizes)
        for parameter, piece in zip(trained(trainable), pieces, strict=True):
            parameter.copy_(piece.view_as(parameter))
            parameter.requires_grad_()
    rows = [
        {"tokens": tokens, "lengths": length}
        for tokens, length in zip(trainable.samples.tokens, trainable.samples.lengths, strict=True)
    ]
    optimizer = optimizer_at_start(trainable)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate(adam, min(step, adam.steps - 1)) / adam.learning_rate
    )
    arguments = TrainingArguments(
        output_dir=folder, per_device_train_batch_size=adam.batch_size, num_train_epochs=1,
        max_grad_norm=0.0, save_strategy="no", report_to=[], remove_unused_columns=False,
        use_cpu=True, disable_tqdm=True, logging_strategy="no",
    )  # fmt: skip
    trainer = AsReorder(
        model, arguments, train_dataset=rows, trainable=trainable,
        order=trainable.visits.batches(order).reshape(-1),
        optimizers=(optimizer, schedule), data_collator=stacked,
    )  # fmt: skip
    trainer.train()
    return torch.cat([p.detach().reshape(-1) for p in trained(trainable)])


def trained(trainable: Trainable) -> list[torch.nn.Parameter]:
    """The parameters that the run trains; the others are frozen."""
    parts = dict(trainable.model.module.named_parameters())
    return [parts[name] for name in trainable.model.names]


def optimizer_at_start(trainable: Trainable) -> torch.optim.Optimizer:
    """Adam with the moments that the run began with."""
    adam, start = trainable.config.training, trainable.start
    parameters = trained(trainable)
    kind = torch.optim.AdamW if adam.optimizer == "adamw" else torch.optim.Adam
    decay = adam.weight_decay if adam.optimizer == "adamw" else 0.0
    bare = [p.ndim < 2 and adam.decayed == "matrices" for p in parameters]
    groups = [
        {"params": [p for p, spared in zip(parameters, bare, strict=True) if spared == wanted],
         "weight_decay": 0.0 if wanted else decay} for wanted in (False, True)
    ]  # fmt: skip
    optimizer = kind(
        [group for group in groups if group["params"]], lr=adam.learning_rate,
        betas=(adam.beta1, adam.beta2), eps=adam.epsilon,
    )  # fmt: skip
    moments = (start.first_moment.split(trainable.model.sizes),
               start.second_moment.split(trainable.model.sizes))  # fmt: skip
    for parameter, first, second in zip(parameters, *moments, strict=True):
        optimizer.state[parameter] = {
            "step": torch.tensor(float(start.updates)),
            "exp_avg": first.reshape(parameter.shape).clone(),
            "exp_avg_sq": second.reshape(parameter.shape).clone(),
        }
    return optimizer


def stacked(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Rows of a dataset as one batch."""
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}


def main() -> None:
    """Print held-out losses after training in the order, by domain."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--order", type=Path, required=True)
    asked = parser.parse_args()
    run = open_run(asked.run)
    order, trainable = read_order(asked.order, run.id, run.visits), open_trainable(run)
    with tempfile.TemporaryDirectory() as folder:
        theta = train_in_order(trainable, order, folder)
    losses = trainable.evaluate(theta)
    by_domain = dict(zip(run.probe_domains, losses.probes.tolist(), strict=True))
    told = {"samples": float(np.mean(losses.samples)), "probes": by_domain}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
