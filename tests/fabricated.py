"""A tiny but valid run folder, written by the real writer, without any training."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from reorder_core.building.stages import BuildContext, BuildStage, BuildState
from reorder_core.config import RunConfig
from reorder_core.corpus.samples import EncodedCorpus, TextSample, TokenizedSamples
from reorder_core.store.lock import BuildLock
from reorder_core.store.run import Run
from reorder_core.store.sealed import sealed
from reorder_core.store.texts import write_corpus

COUNT, STEPS, BATCH = 12, 4, 3
DOMAINS = ("code", "prose")
EVAL_STEPS = np.array([0, 2, 4], dtype=np.int32)


def tiny_config(name: str = "tiny", seed: int = 3) -> RunConfig:
    return RunConfig.model_validate(
        {
            "name": name,
            "seed": seed,
            "corpus": {"kind": "controlled", "samples": COUNT, "base_samples": 0},
            "training": {"steps": STEPS, "batch_size": BATCH},
            "projection": {"anchors": 2},
        }
    )


def _part(count: int, word: str) -> TokenizedSamples:
    samples = tuple(
        TextSample(f"{word} {i} θ", DOMAINS[i % 2], ("canary",) if i == 1 else (), f"{word}.txt")
        for i in range(count)
    )
    lengths = np.full(count, 5, dtype=np.int32)
    return TokenizedSamples(samples, np.ones((count, 8), dtype=np.int32), lengths)


def _write_corpus(context: BuildContext) -> float:
    no_tokenizer: Any = None
    encoded = EncodedCorpus(
        _part(COUNT, "train"), _part(4, "probe"), _part(0, "base"), no_tokenizer, "c0ffee"
    )
    write_corpus(context.path / "corpus.json", encoded)
    context.save("tokens", {"train": encoded.train.tokens})
    return 0.0


def _write_reference(context: BuildContext) -> float:
    random = np.random.default_rng(context.config.seed)
    context.save("start", {"weight": random.normal(size=(4, 4)).astype(np.float32)})
    context.save(
        "reference",
        {
            "order": np.arange(COUNT, dtype=np.int32),
            "loss": random.uniform(3, 4, STEPS).astype(np.float32),
            "learning_rate": np.full(STEPS, 1e-3, dtype=np.float32),
            "eval_steps": EVAL_STEPS,
            "sample_loss_at": random.uniform(3, 4, (3, COUNT)).astype(np.float32),
            "probe_loss_at": random.uniform(3, 4, (3, 2)).astype(np.float32),
        },
    )
    context.on_progress("training", STEPS, STEPS)
    return 1.0


def _write_position(context: BuildContext) -> float:
    random = np.random.default_rng(context.config.seed + 1)
    effect = {k: random.normal(size=(COUNT, STEPS)).astype(np.float16) for k in ("own", "held_out")}
    context.save("position", effect, {"orders": 8})
    return 0.25


TINY_STAGES = (
    BuildStage("corpus", ("corpus.json", "tokens.safetensors"), _write_corpus),
    BuildStage("reference", ("start.safetensors", "reference.safetensors"), _write_reference),
    BuildStage("position", ("position.safetensors",), _write_position),
)


def build_tiny(path: Path, config: RunConfig | None = None, stages=TINY_STAGES) -> Run:
    """A finished tiny run at `path`, made the way a real build is."""
    config = config or tiny_config()
    with BuildLock(path):
        state = BuildState(path, config)
        state.run_stages(stages, BuildContext(config, path, lambda *_: None))
        return state.publish({"data": config.seed})


def flip_last_byte(path: Path) -> None:
    """Alter a file as little as can be."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def rewritten(path: Path, **changes: Any) -> dict[str, Any]:
    """A JSON record with other values and the digest of these, as if it had been written so."""
    record = json.loads(path.read_text(encoding="utf-8")) | changes
    record.pop("digest", None)
    path.write_text(json.dumps(sealed(record)), encoding="utf-8")
    return record
