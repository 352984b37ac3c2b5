"""A real run small enough to build in seconds: real text, model, training, retraining."""

import json
from typing import Any

import numpy as np

from reorder_core.config import RunConfig

TINY: dict[str, Any] = {
    "name": "tiny-real",
    "corpus": {
        "kind": "controlled", "samples": 48, "base_samples": 256, "probes_per_domain": 6,
        "sequence_length": 48, "canaries": 1, "canary_repetitions": 2, "poisoned": 1,
    },
    "tokenizer": {"vocab_size": 320},
    "model": {
        "family": "llama", "hidden_size": 16, "layers": 1, "heads": 2, "intermediate_size": 32,
    },
    "training": {
        "steps": 12, "batch_size": 4, "learning_rate": 0.001, "schedule": "cosine",
        "base": {"steps": 120, "batch_size": 16, "learning_rate": 0.003},
    },
    "projection": {"coordinates": 4000, "anchors": 3, "rank": 96, "bits": 16},
    "calibration": {"orders": 8},
    "position": {"orders": 64},
}  # fmt: skip

LONG: dict[str, Any] = {
    "name": "long-real",
    "corpus": {
        "kind": "controlled", "samples": 2048, "base_samples": 64, "probes_per_domain": 2,
        "sequence_length": 40,
    },
    "tokenizer": {"vocab_size": 300},
    "model": {
        "family": "llama", "hidden_size": 16, "layers": 1, "heads": 2, "intermediate_size": 16,
    },
    "training": {
        "steps": 256, "batch_size": 8, "learning_rate": 0.0003, "schedule": "cosine",
        "base": {"steps": 40, "batch_size": 16, "learning_rate": 0.003},
    },
    "projection": {"coordinates": 512, "anchors": 2, "rank": 16, "bits": 8},
    "calibration": {"orders": 2},
    "position": {"orders": 8},
    "keep_checkpoints": False,
}  # fmt: skip
"""2,048 samples in 256 steps, for the board: too coarse for its estimates to mean anything."""

MANY_DOMAINS: dict[str, Any] = {
    "name": "many-domains",
    "corpus": {
        "kind": "folder", "domain_column": "domain", "samples": 64, "base_samples": 60,
        "probes_per_domain": 1, "sequence_length": 48,
    },
    "tokenizer": {"vocab_size": 512},
    "model": {
        "family": "llama", "hidden_size": 16, "layers": 1, "heads": 2, "intermediate_size": 32,
    },
    "training": {
        "steps": 16, "batch_size": 4, "learning_rate": 0.001,
        "base": {"steps": 8, "batch_size": 4, "learning_rate": 0.003},
    },
    "projection": {"coordinates": 1024, "anchors": 2, "rank": 32},
    "calibration": {"orders": 2},
    "position": {"orders": 16},
}  # fmt: skip
"""Thirty domains, for what lists them; `of_many_domains` writes its text."""
_LATIN = "the river teacher bread carries old green bridge near market winter quiet letter clock"
_HEBREW = "חלון שעון הנהר את הלחם הישן בבוקר השקט מכתב כבד האופה הגן ירוק כיכר"
_ARABIC = "الشتاء النهر جديد السوق الحديقة البحار القديم المطر كتاب الجسر الخباز المدينة"


def of_many_domains(rows: int = 24) -> str:
    """JSON Lines of thirty domains with so many rows each."""
    words = {f"domain-{number:02d}": _LATIN for number in range(3, 30)}
    words |= {"עברית": _HEBREW, "العربية": _ARABIC}
    words["a name as long as a URL: https://example.org/path/to/a/data/set?split=train"] = _LATIN
    random = np.random.default_rng(0)
    return "".join(
        json.dumps({"text": f"{' '.join(random.choice(text.split(), 30))}\x07.", "domain": name},
                   ensure_ascii=False) + "\n"
        for name, text in words.items() for _ in range(rows)
    )  # fmt: skip


def tiny_real_config(**changes: Any) -> RunConfig:
    """TINY with top-level fields merged in."""
    value = {key: dict(v) if isinstance(v, dict) else v for key, v in TINY.items()}
    for key, change in changes.items():
        if isinstance(change, dict):
            value[key] = {**value.get(key, {}), **change}
        else:
            value[key] = change
    return RunConfig.model_validate(value)


def visits_config(name: str = "tiny-visits", **training: object) -> RunConfig:
    """As `tiny_real_config`, with two epochs, a reserve and spare visits of its canary."""
    corpus = TINY["corpus"] | {
        "samples": 24, "reserve": 4, "canaries": 1, "canary_repetitions": 1,
        "repetitions": {"canary": 3},
    }  # fmt: skip
    parts = {"corpus": corpus, "training": TINY["training"] | {"epochs": 2} | training}
    return RunConfig.model_validate(TINY | {"name": name} | parts)
