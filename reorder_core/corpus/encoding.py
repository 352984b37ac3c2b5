"""Byte-level BPE, or a pretrained model's own tokenizer: cutting documents into token windows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from tokenizers import Encoding, Tokenizer, decoders, models, pre_tokenizers, trainers

from reorder_core.corpus.chats import Chat
from reorder_core.corpus.samples import EOS, PAD, Document, TextSample, TokenizedSamples

SHORTEST_TAIL = 16
"""A document's last window is dropped when it has fewer tokens than this."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """A tokenizer and what it puts before and after a text."""

    tokenizer: Tokenizer
    beginning: tuple[int, ...] = ()
    """Tokens that begin every sequence, such as <s>."""
    ending: int = EOS
    """The token that ends a whole document."""
    chat: Chat | None = None
    """How it writes chats, where that is asked for and it can."""


@dataclass(frozen=True, slots=True)
class Window:
    """The tokens of one sample, with its ending where it has one, without padding."""

    tokens: tuple[int, ...]
    domain: str
    flags: tuple[str, ...] = ()
    source: str = ""
    place: tuple[int, ...] = ()
    """Its document's place, then its number within."""
    start: int = 1
    """The first token that the loss counts: 1, as nothing predicts the first."""

    @property
    def content(self) -> tuple[int, ...]:
        """The tokens without <eos>: two samples with the same content read the same."""
        return without_ending(self.tokens)


def without_ending(tokens: Sequence[int]) -> tuple[int, ...]:
    """The tokens without the <eos> at their end, where they have one."""
    return tuple(tokens[: len(tokens) - (tokens[-1] == EOS)])


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> Encoder:
    """A byte-level BPE with <pad> = 0 and <eos> = 1; smaller where the text is short of pairs."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=["<pad>", "<eos>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    assert tokenizer.token_to_id("<pad>") == PAD
    assert tokenizer.token_to_id("<eos>") == EOS
    # A text that spells out "<eos>" is text, not the end of a document.
    tokenizer.encode_special_tokens = True
    return Encoder(tokenizer)


def cut_windows(documents: Sequence[Document], encoder: Encoder, length: int) -> list[list[Window]]:
    """For each document, its consecutive windows of at most `length` tokens."""
    plain = [document.text for document in documents if not document.templated]
    texts = iter(encoder.tokenizer.encode_batch(plain, add_special_tokens=False))
    chats = [document.text for document in documents if document.templated]
    if chats:
        assert encoder.chat is not None
        said = iter(encoder.chat.tokenizer.encode_batch(chats, add_special_tokens=False))
        bare = replace(encoder, beginning=())
        return [
            _windows(d, next(said), bare, length) if d.templated
            else _windows(d, next(texts), encoder, length)
            for d in documents
        ]  # fmt: skip
    return [_windows(document, next(texts), encoder, length) for document in documents]


def _windows(document: Document, encoding: Encoding, encoder: Encoder, length: int) -> list[Window]:
    ids, offsets = encoding.ids, encoding.offsets
    length -= len(encoder.beginning)
    if len(ids) <= length:
        ending = [encoder.ending] if document.whole and len(ids) < length else []
        pieces = [ids + ending]
    elif document.single:
        stop = _cut(document.text, offsets, 0, length - 1, at_sentence=True)
        pieces = [[*ids[:stop], *[encoder.ending] * (not document.templated)]]
    else:
        pieces, start = [], 0
        while start < len(ids):
            stop = _cut(document.text, offsets, start, start + length)
            pieces.append(ids[start:stop])
            start = stop
        if len(pieces[-1]) < min(SHORTEST_TAIL, length):
            pieces.pop()
    start = 1
    if document.before:
        ends = [stop for _, stop in offsets]
        first = int(np.searchsorted(ends, document.before, side="right"))
        start = max(1, first + len(encoder.beginning))
    # One token alone has nothing to predict.
    return [
        Window(
            (*encoder.beginning, *piece),
            document.domain,
            source=document.source,
            place=(*document.place, number),
            start=start,
        )
        for number, piece in enumerate(pieces)
        if len(piece) > 1 and len(encoder.beginning) + len(piece) > start
    ]


def _cut(
    text: str, offsets: list[tuple[int, int]], start: int, stop: int, at_sentence: bool = False
) -> int:
    """The best end ≤ `stop` of a window: before a space, never inside a character.

    A character outside ASCII may take several tokens, all with its offsets.
    """
    if stop >= len(offsets):
        return len(offsets)
    between = [i for i in range(start + 1, stop + 1) if offsets[i][0] >= offsets[i - 1][1]]
    if at_sentence:
        ends = [i for i in between if text[offsets[i - 1][1] - 1] in ".!?\n"]
        if ends:
            return ends[-1]
    near = [i for i in between if i > stop - max(1, (stop - start) // 12)]
    spaces = [i for i in near if text[offsets[i][0]].isspace()]
    return (spaces or between or [stop])[-1]


def stack(windows: Sequence[Window], encoder: Encoder, length: int) -> TokenizedSamples:
    """Windows as one right-padded (n, length) array beside the text they decode to."""
    tokens = np.full((len(windows), length), PAD, dtype=np.int32)
    for row, window in zip(tokens, windows, strict=True):
        row[: len(window.tokens)] = window.tokens
    sequences = [list(window.tokens) for window in windows]
    texts = encoder.tokenizer.decode_batch(sequences) if windows else []
    samples = tuple(
        TextSample(text, w.domain, w.flags, w.source)
        for text, w in zip(texts, windows, strict=True)
    )
    lengths = np.array([len(w.tokens) for w in windows], np.int32)
    starts = np.array([w.start for w in windows], np.int32)
    return TokenizedSamples(samples, tokens, lengths, starts if (starts > 1).any() else None)
