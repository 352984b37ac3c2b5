"""Text to train on: read or generated, split, tokenized."""

from reorder_core.corpus.overlap import overlap
from reorder_core.corpus.prepare import prepare_corpus
from reorder_core.corpus.samples import EncodedCorpus, TextSample, TokenizedSamples

__all__ = ["EncodedCorpus", "TextSample", "TokenizedSamples", "overlap", "prepare_corpus"]
