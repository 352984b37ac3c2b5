"""A training by Transformers' own Trainer, recorded and built: the same numbers."""

import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from pretrained import save_model
from transformers import (
    AutoModelForCausalLM,
    DataCollatorForLanguageModeling,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
)
from typer.testing import CliRunner

from reorder_core.building.build import build_run
from reorder_core.cli.commands import app
from reorder_core.config import RunConfig, read_config
from reorder_core.errors import ConfigError, CorpusError
from reorder_core.estimators import open_estimator
from reorder_core.orders.order import make_order
from reorder_core.recording import Recorder, mean_of_samples
from reorder_core.store.run import Run, open_run
from reorder_core.training.loop import make_batch
from reorder_core.training.model import FlatModel

STEPS, SIZE, LENGTH = 6, 4, 20
QUICK = {
    "projection": {"coordinates": 3000, "anchors": 3, "rank": 48, "bits": 16},
    "calibration": {"orders": 0},
    "position": {"orders": 16},
}


def rows(count: int, seed: int, shortest: int = LENGTH) -> list[list[int]]:
    random = np.random.default_rng(seed)
    return [
        random.integers(3, 384, random.integers(shortest, LENGTH + 1)).tolist()
        for _ in range(count)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model") / "llama", "llama")


def trainer_of(
    folder: Path,
    callbacks: list[Any],
    sequences: list[list[int]],
    lora: bool = False,
    **options: Any,
) -> Trainer:
    """A Trainer as people write one."""
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"), eos_token="</s>", pad_token="<pad>"
    )
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    if lora:
        from peft import LoraConfig, get_peft_model

        targets = ["q_proj", "v_proj"]
        model = get_peft_model(model, LoraConfig(r=2, lora_alpha=4, target_modules=targets))
    loss = options.pop("loss", None)
    arguments = TrainingArguments(
        output_dir=str(folder.parent / "out"), report_to=[], save_strategy="no", use_cpu=True,
        disable_tqdm=True, seed=3,
        **{
            "per_device_train_batch_size": SIZE, "max_steps": STEPS, "learning_rate": 2e-3,
            "max_grad_norm": 0.0, "lr_scheduler_type": "linear", "warmup_steps": 2, **options,
        },
    )  # fmt: skip
    data: Any = [{"input_ids": tokens, "attention_mask": [1] * len(tokens)} for tokens in sequences]
    collator = DataCollatorForLanguageModeling(tokenizer, mlm=False)
    return Trainer(
        model=model, args=arguments, train_dataset=data, data_collator=collator,
        processing_class=tokenizer, callbacks=callbacks, compute_loss_func=loss,
    )  # fmt: skip


def recorded(folder: Path, tmp_path: Path, **options: Any) -> tuple[Trainer, Path]:
    """A training that has been recorded, its build made quick."""
    sequences = options.pop("sequences", rows(STEPS * SIZE, 1))
    recorder = Recorder(tmp_path / "recording", {"noise": rows(6, 2)}, lambda row: "rows")
    trainer = trainer_of(folder, [recorder], sequences, **options)
    trainer.train()
    made_quick(tmp_path / "recording")
    return trainer, tmp_path / "recording"


def made_quick(recording: Path) -> None:
    file = recording / "build.yaml"
    projection = QUICK["projection"] | {"anchors": 4}
    value = yaml.safe_load(file.read_text()) | QUICK | {"projection": projection}
    file.write_text(yaml.safe_dump(value))


def built(recording: Path, tmp_path: Path) -> Run:
    return open_run(build_run(read_config(recording / "build.yaml"), tmp_path / "run"))


def losses_of(trainer: Trainer, run: Run) -> np.ndarray:
    tokens = run.load_checked("tokens")
    model: Any = trainer.model
    flat = FlatModel(model, tokens["train"].shape[1])
    batch = make_batch(np.array(tokens["train"]), np.array(tokens["train_lengths"]))
    return flat.losses(flat.initial_parameters(), batch).detach().numpy()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lora": True, "lr_scheduler_type": "cosine", "learning_rate": 0.05},
        {"gradient_accumulation_steps": 2, "per_device_train_batch_size": 2},
        {"weight_decay": 0.5},
        {"sequences": rows(STEPS * SIZE, 4, shortest=9), "loss": mean_of_samples,
         "weight_decay": 0.0, "adam_beta2": 0.99},
    ],
    ids=["full", "lora", "accumulated", "decay of matrices", "of several lengths"],
)  # fmt: skip
def test_a_recorded_training_is_built_with_the_numbers_that_it_had(
    folder: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    trainer, recording = recorded(folder, tmp_path, **options)
    run = built(recording, tmp_path)
    assert (run.steps, run.batch_size, run.domains) == (STEPS, SIZE, ("rows",))
    before = run.reference.before.samples
    assert np.abs(run.reference.final.samples - before).max() > 0.02  # it did train
    np.testing.assert_allclose(run.reference.final.samples, losses_of(trainer, run), atol=2e-4)
    rates = np.array(run.reference.learning_rate)
    assert rates[0] < rates[1] < rates[2] > rates[3] > rates[-1] > 0


def test_a_recording_and_a_build_of_the_same_data_give_the_same_numbers(
    folder: Path, tmp_path: Path
) -> None:
    """Same text, same order, same start: one by `build CONFIG`, one recorded in a Trainer.

    The build of a recording trains once more from the recorded start by the same code, so
    that all agrees as soon as tokens, start and rates do. The tolerance, a millionth, is for
    a machine whose sums depend on a batch's padding.
    """
    text = "the dog ran to the hill and the cat sat on the mat. "
    random = np.random.default_rng(8)
    lines = [{"text": "".join(random.permutation(list(3 * text)))} for _ in range(60)]
    (tmp_path / "texts.jsonl").write_text("\n".join(map(json.dumps, lines)))
    direct = open_run(build_run(RunConfig.model_validate(QUICK | {
        "name": "direct",
        "corpus": {"kind": "folder", "path": str(tmp_path / "texts.jsonl"), "samples": STEPS * SIZE,
                   "probes_per_domain": 4, "sequence_length": LENGTH},
        "model": {"from": str(folder)},
        "training": {"steps": STEPS, "batch_size": SIZE, "learning_rate": 2e-3,
                     "optimizer": "adamw", "reference_order": "file"},
        "calibration": {"orders": 2}, "position": {"orders": 16},
    }), tmp_path / "direct"))  # fmt: skip
    tokens = direct.load_checked("tokens")
    ids, lengths = np.array(direct.reference_order), np.array(tokens["train_lengths"])
    sequences = [tokens["train"][i][: lengths[i]].tolist() for i in ids]
    probes = [row[:n].tolist() for row, n in zip(tokens["probes"], tokens["probe_lengths"],
                                                 strict=True)]  # fmt: skip
    recorder = Recorder(tmp_path / "recording", {direct.probe_domains[0]: probes},
                        lambda row: direct.domains[0])  # fmt: skip
    trainer = trainer_of(folder, [recorder], sequences, lr_scheduler_type="constant",
                         warmup_steps=0)  # fmt: skip
    trainer._get_train_sampler = lambda *_: torch.utils.data.SequentialSampler(sequences)  # type: ignore[method-assign]
    trainer.train()
    file = tmp_path / "recording" / "build.yaml"
    value = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump(value | QUICK | {"calibration": {"orders": 2}}))
    recorded = built(tmp_path / "recording", tmp_path)
    assert np.array_equal(recorded.reference_order, ids), "both in the text's own order"
    one, other = direct.reference.losses_at, recorded.reference.losses_at
    assert np.abs(one.samples[-1] - one.samples[0]).max() > 0.02, "it did train"
    for name, a, b in (
        ("samples' losses", one.samples, other.samples),
        ("held-out losses", one.probes, other.probes),
        *((f"projected {n}", a, recorded.arrays("projected")[n])
          for n, a in direct.arrays("projected").items()),
    ):  # fmt: skip
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6, err_msg=name)
    for estimator in ("projected", "hybrid"):
        both = [open_estimator(run, estimator) for run in (direct, recorded)]
        for seed in range(4):
            order = make_order(np.random.default_rng(seed).permutation(STEPS * SIZE), STEPS * SIZE)
            a, b = (opened.estimate(order).final.samples for opened in both)
            assert np.abs(a - one.samples[-1]).max() > 1e-3, "the order does something"
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


def test_a_loss_on_completions_only_is_recorded_as_such(folder: Path, tmp_path: Path) -> None:
    sequences = rows(STEPS * SIZE, 1)
    recorder = Recorder(tmp_path / "recording", {"noise": rows(6, 2)})
    trainer = trainer_of(folder, [recorder], sequences)
    plain = trainer.data_collator

    def masking(batch: Any) -> Any:
        collated = plain(batch)
        collated["labels"][:, :7] = -100
        return collated

    trainer.data_collator = masking
    trainer.train()
    made_quick(tmp_path / "recording")
    run = built(tmp_path / "recording", tmp_path)
    tokens = run.load_checked("tokens")
    assert set(np.array(tokens["train_starts"]).tolist()) == {7}
    assert run.reference.final.samples.shape == (STEPS * SIZE,)


def test_the_command_builds_a_recording_and_tells_what_was_read(
    folder: Path, tmp_path: Path
) -> None:
    _, recording = recorded(folder, tmp_path)
    arguments = ["build", "--from", str(recording), "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.stderr
    assert f"read: {STEPS * SIZE + 6} documents" in done.stdout
    assert "samples as a Trainer was given them" in done.stdout


def test_a_training_whose_loss_is_another_is_told_apart(folder: Path, tmp_path: Path) -> None:
    """The Trainer's own loss counts tokens alike, ours samples."""
    uneven = rows(STEPS * SIZE, 4, shortest=3)
    _, recording = recorded(folder, tmp_path, sequences=uneven)
    with pytest.raises(ConfigError, match="cannot be followed.*mean_of_samples"):
        built(recording, tmp_path)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"max_grad_norm": 0.01}, r"clipping changed 6 of 6 updates.*max_grad_norm=0"),
        ({"optim": "sgd"}, "optim is 'sgd'"),
        ({"label_smoothing_factor": 0.1}, "label_smoothing_factor changes the loss"),
        ({"bf16": True}, "train in float32"),
    ],
)
def test_what_an_estimate_could_not_follow_is_refused(
    folder: Path, tmp_path: Path, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        recorded(folder, tmp_path, **options)


def test_decay_of_matrices_only_is_recorded_as_such_and_other_groups_are_refused(
    folder: Path, tmp_path: Path
) -> None:
    _, recording = recorded(folder, tmp_path, weight_decay=0.5)
    assert (
        yaml.safe_load((recording / "build.yaml").read_text())["training"]["decayed"] == "matrices"
    )
    trainer = trainer_of(folder, [Recorder(tmp_path / "other", {"noise": rows(6, 2)})],
                         rows(STEPS * SIZE, 1))  # fmt: skip
    first, *others = trainer.model.parameters()  # type: ignore[union-attr]
    groups = [{"params": [first], "weight_decay": 0.0}, {"params": others, "weight_decay": 0.1}]
    trainer.optimizer = torch.optim.AdamW(groups, lr=1e-3)
    with pytest.raises(ConfigError, match="weight decay is 0, 0.1 for different parameters"):
        trainer.train()


def test_a_clip_that_never_bites_is_no_reason_to_refuse(folder: Path, tmp_path: Path) -> None:
    recorded(folder, tmp_path, max_grad_norm=1e6)


def test_a_sample_trained_twice_is_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="was trained twice"):
        recorded(folder, tmp_path, sequences=rows(STEPS * SIZE // 2, 1))


def test_recording_costs_less_than_a_tenth(folder: Path, tmp_path: Path) -> None:
    """Interleaved, so that what else the machine does weighs on both alike."""
    data, times = rows(40 * SIZE, 1), {True: [], False: []}
    for number in range(18):
        with_recorder = bool(number % 2)
        kept = [Recorder(tmp_path / str(number), {"noise": rows(4, 2)})] if with_recorder else []
        trainer = trainer_of(folder, kept, data, max_steps=40)
        began = time.process_time()
        trainer.train()
        times[with_recorder].append(time.process_time() - began)
    ratio = statistics.median(times[True]) / statistics.median(times[False])
    assert ratio < 1.1, times
