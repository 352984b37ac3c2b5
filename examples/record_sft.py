"""Record a fine-tuning by TRL's SFTTrainer, to be built into a run afterwards.

    pip install trl
    python examples/record_sft.py MODEL DATA.jsonl --out recording
    python -m reorder_core build --from recording --out runs/mine

DATA holds a `prompt` and a `completion` a line; the loss is on the completion. SFTTrainer is a
Trainer, so that the callback is the only line that is not TRL's own.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

from reorder_core.recording import Recorder, mean_of_samples


def main() -> None:
    """Train once, in the Trainer's own order, and write the recording."""
    parser = argparse.ArgumentParser(description="Record a fine-tuning by TRL")
    parser.add_argument("model")
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("recording"))
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--held-out", type=int, default=16)
    asked = parser.parse_args()
    rows = [json.loads(line) for line in asked.data.read_text(encoding="utf-8").splitlines()]
    held_out, trained = rows[: asked.held_out], rows[asked.held_out :]
    trained = trained[: asked.steps * asked.batch]  # one epoch, each sample once

    tokenizer = AutoTokenizer.from_pretrained(asked.model)
    model = AutoModelForCausalLM.from_pretrained(asked.model, dtype=torch.float32)
    probes = [tokenizer(row["prompt"] + row["completion"])["input_ids"] for row in held_out]
    recorder = Recorder(asked.out, probes={"held out": probes})
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(
            output_dir=str(asked.out.with_name(f"{asked.out.name}-trainer")), save_strategy="no",
            report_to=[], max_steps=asked.steps, per_device_train_batch_size=asked.batch,
            learning_rate=1e-4, lr_scheduler_type="cosine", warmup_steps=2,
            packing=False, completion_only_loss=True,
            max_grad_norm=0.0,  # estimates do not follow a clip that bites
            bf16=False,
            gradient_checkpointing=False,
        ),
        train_dataset=Dataset.from_list(trained),
        processing_class=tokenizer,
        callbacks=[recorder],
        compute_loss_func=mean_of_samples,  # samples count alike, whatever their length
    )  # fmt: skip
    trainer.train()


if __name__ == "__main__":
    main()
