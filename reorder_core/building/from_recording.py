"""What a build takes from a recorded training: tokens, start, and the path to compare with."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reorder_core.config import RunConfig
from reorder_core.corpus.encoding import Encoder
from reorder_core.corpus.prepare import digest_of, report
from reorder_core.corpus.samples import Document, EncodedCorpus, TextSample, TokenizedSamples
from reorder_core.corpus.sources.recorded import Recorded
from reorder_core.corpus.sources.source import Found
from reorder_core.errors import ConfigError, CorpusError
from reorder_core.recording.layout import START, STATES, TOKENS
from reorder_core.store.files import read_arrays, read_metadata
from reorder_core.training.loop import TrainState

MOST_APART = 0.01
"""Of the way that the training went; sums in another order part it by a hundredth of that."""


def is_recorded(config: RunConfig) -> bool:
    """Whether the run stands for a training that someone recorded."""
    return isinstance(config.corpus, Recorded)


def recorded_text(config: RunConfig, encoder: Encoder) -> EncodedCorpus:
    """The recorded samples, in the order in which they were trained, and the probes."""
    file = _folder(config) / TOKENS
    arrays, metadata = read_arrays(file), read_metadata(file)
    domains = {
        "train": json.loads(metadata["domains"]), "probe": json.loads(metadata["probe_domains"])
    }  # fmt: skip
    parts = {
        name: _samples(encoder, np.array(arrays[kind]), np.array(arrays[f"{kind}_lengths"]), found)
        for name, (kind, found) in {
            "train": ("train", domains["train"]), "probes": ("probe", domains["probe"]),
        }.items()
    }  # fmt: skip
    starts = np.array(arrays["train_starts"])
    if (starts > 1).any():
        parts["train"] = replace(parts["train"], starts=starts)
    nothing = np.empty((0, config.corpus.sequence_length), np.int32)
    parts["base"] = TokenizedSamples((), nothing, np.empty(0, np.int32))
    trained = {row.tobytes() for row in parts["train"].tokens}
    if any(row.tobytes() in trained for row in parts["probes"].tokens):
        raise CorpusError("a probe of the recording was trained, too; record with other probes")
    read = _read(parts) | {"digest": config.corpus.fingerprint()}
    return EncodedCorpus(**parts, tokenizer=encoder.tokenizer, digest=digest_of(parts), read=read)


def _read(parts: dict[str, TokenizedSamples]) -> dict[str, Any]:
    """What `build` tells of it: each sample and each probe is a document."""
    documents: dict[str, list[Document]] = {}
    for name in ("train", "probes"):
        for sample in parts[name].samples:
            one = Document(sample.text, sample.domain, sample.source)
            documents.setdefault(sample.domain, []).append(one)
    found = Found([one for part in documents.values() for one in part])
    return report(found, documents, {}, parts, ("samples as a Trainer was given them",))


def recorded_start(config: RunConfig, size: int) -> TrainState:
    """Parameters and Adam's moments before the first recorded update."""
    file = _folder(config) / START
    arrays, updates = read_arrays(file), int(read_metadata(file)["updates"])
    theta = torch.tensor(np.array(arrays["theta"]))
    if len(theta) != size:
        raise ConfigError(
            f"the recording trained {len(theta):,} parameters, but the model that its config "
            f"describes trains {size:,}; record again, or mend model in the config"
        )
    state = TrainState.fresh(theta)
    if updates:
        state.first_moment, state.second_moment = (
            torch.tensor(np.array(arrays[name])) for name in ("first_moment", "second_moment")
        )
        state.updates = updates
    return state


def compare_with_recording(config: RunConfig, kept: dict[int, np.ndarray]) -> float:
    """How far the run trained here is from the recorded one, as a share of its way.

    `kept` holds θ by step. Raises ConfigError where they part, which says that
    something in that training is not in the config.
    """
    recorded = read_arrays(_folder(config) / STATES)
    steps, thetas = np.array(recorded["step"]).tolist(), np.array(recorded["theta"])
    way = float(np.linalg.norm(thetas[-1] - thetas[0]))
    common = [step for step in steps if step in kept]
    apart = max(float(np.linalg.norm(kept[s] - thetas[steps.index(s)])) for s in common)
    share = apart / way if way else np.inf
    if not share <= MOST_APART:
        raise ConfigError(
            f"the recorded training cannot be followed: trained again from its start in its order, "
            f"the parameters end {100 * share:.1f} % of the way apart (at most "
            f"{100 * MOST_APART:.0f} % is expected). Samples of different lengths need "
            "compute_loss_func=reorder_core.recording.mean_of_samples; a callback or a loss of "
            "your own may be another cause"
        )
    return share


def _folder(config: RunConfig) -> Path:
    corpus = config.corpus
    assert isinstance(corpus, Recorded)
    return corpus.path


def _samples(
    encoder: Encoder, tokens: np.ndarray, lengths: np.ndarray, domains: list[str]
) -> TokenizedSamples:
    sequences = [row[:n].tolist() for row, n in zip(tokens, lengths, strict=True)]
    texts = encoder.tokenizer.decode_batch(sequences)
    samples = tuple(
        TextSample(text, domain, (), f"recorded, {number}")
        for number, (text, domain) in enumerate(zip(texts, domains, strict=True), start=1)
    )
    return TokenizedSamples(samples, tokens, lengths)
