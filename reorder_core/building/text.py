"""The stage that reads the text."""

import numpy as np

from reorder_core.building.from_recording import is_recorded, recorded_text
from reorder_core.building.stages import BuildContext
from reorder_core.config import PretrainedModel
from reorder_core.corpus.prepare import prepare_corpus
from reorder_core.corpus.samples import TokenizedSamples
from reorder_core.store.files import write_text
from reorder_core.store.texts import write_corpus
from reorder_core.training.pretrained import load_encoder


def prepare_text(context: BuildContext) -> float:
    """corpus.json, tokenizer.json, tokens and base_tokens; costs no training."""
    config = context.config
    context.on_progress("reading text", 0, 1)
    chats = getattr(config.corpus, "chat_template", False)
    encoder = None
    if isinstance(config.model, PretrainedModel):
        encoder = load_encoder(config.model, chats)
    if is_recorded(config):
        assert encoder is not None
        corpus = recorded_text(config, encoder)
    else:
        corpus = prepare_corpus(
            config.corpus, config.tokenizer, config.seed, encoder,
            in_file_order=config.training.reference_order == "file",
        )  # fmt: skip
    write_corpus(context.path / "corpus.json", corpus)
    write_text(context.path / "tokenizer.json", corpus.tokenizer.to_str())
    names = sorted({sample.domain for sample in corpus.probes.samples})
    domain = np.array([names.index(s.domain) for s in corpus.probes.samples], np.int32)
    context.save(
        "tokens",
        {
            "train": corpus.train.tokens, "train_lengths": corpus.train.lengths,
            "probes": corpus.probes.tokens, "probe_lengths": corpus.probes.lengths,
            "probe_domain": domain, **_starts("train", corpus.train),
            **_starts("probe", corpus.probes),
        },
    )  # fmt: skip
    context.save(
        "base_tokens",
        {
            "tokens": corpus.base.tokens,
            "lengths": corpus.base.lengths,
            **_starts("base", corpus.base),
        },
        {"vocab_size": corpus.tokenizer.get_vocab_size()},
    )
    return 0.0


def _starts(name: str, part: TokenizedSamples) -> dict[str, np.ndarray]:
    """Where the loss begins, for texts of which not all is learned."""
    return {} if part.starts is None else {f"{name}_starts": part.starts}
