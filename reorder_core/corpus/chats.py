"""Chats as a pretrained model's own template writes them, for documents that are turns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from tokenizers import Tokenizer

from reorder_core.corpus.reading.cleaning import shown
from reorder_core.corpus.samples import Document, Turn
from reorder_core.corpus.sources.source import Found
from reorder_core.errors import ConfigError, CorpusError

ASSISTANT = ("assistant", "model", "gpt", "bot")
"""Who answers, by the names that data sets give it."""
_TELLS = 3


class Template(Protocol):
    """What writes turns as text; raises ValueError for turns that it does not take."""

    def __call__(self, turns: Sequence[Turn], prompt: bool = False) -> str:
        """The chat as text; with `prompt`, up to where the assistant begins to answer."""
        ...


@dataclass(frozen=True, slots=True)
class Chat:
    """A tokenizer's chat template, and the tokenizer as it reads what that writes."""

    template: Template
    tokenizer: Tokenizer
    """Special tokens that are spelled out are special tokens."""
    special: tuple[str, ...]
    """Those tokens, which no turn may spell out."""


def has_chats(found: Found) -> bool:
    """Whether some document is turns that a template is to write."""
    return any(document.turns for document in found.documents)


def written(found: Found, chat: Chat | None, why_not: str) -> Found:
    """The documents with every chat as text; `why_not` says why there is no template.

    A chat that spells out a special token is left out, which a note tells.
    Raises ConfigError without a template, CorpusError for a chat that it refuses.
    """
    if not has_chats(found):
        return found
    if chat is None:
        raise ConfigError(
            f"corpus.chat_template is true, but {why_not}; leave it out, and turns are written as "
            '"role: content", or as corpus.template says'
        )
    documents, left_out, faults = [], 0, []
    for document in found.documents:
        if any(token in content for _, content in document.turns for token in chat.special):
            left_out += 1
            continue
        try:
            documents.append(_written(document, chat.template) if document.turns else document)
        except ValueError as error:
            faults.append(f"{document.source}: {error}")
    if faults:
        more = f", and {len(faults) - _TELLS} more" * (len(faults) > _TELLS)
        raise CorpusError("; ".join(faults[:_TELLS]) + more)
    if not documents:
        raise CorpusError("every chat spells out a special token of the tokenizer; none is left")
    told = f"left out {left_out} chats that spell out a special token of the tokenizer"
    notes = ("chats are written by the tokenizer's own template", *[told] * bool(left_out))
    return replace(found, documents=documents, notes=(*found.notes, *notes))


def _written(document: Document, template: Template) -> Document:
    turns = tuple((_role(role), content) for role, content in document.turns)
    text = template(turns)
    before = _before(turns, text, template) if document.answer_only else 0
    return replace(document, text=text, before=before, turns=(), templated=True, whole=False)


def _before(turns: Sequence[Turn], text: str, template: Template) -> int:
    """Characters of the text before the last answer; its end mark is learned, too."""
    role, answer = turns[-1]
    if role != "assistant":
        raise ValueError(
            f"its last turn is of {shown(role, 20)!r}, but the loss is asked on the assistant's; "
            "end each chat with an answer"
        )
    if len(turns) > 1:
        prompt, asked = template(turns[:-1], prompt=True), template(turns[:-1])
        if prompt != asked and text.startswith(prompt):  # it does begin the answer
            return len(prompt)
    place = text.rfind(answer.strip())
    if place < 0 or not answer.strip():
        raise ValueError(
            "the template does not write the last answer as it stands, so that the loss cannot be "
            "put on it; leave out corpus.response_column"
        )
    return place


def _role(role: str) -> str:
    """The role as templates name it; data sets of shared chats have names of their own."""
    lower = role.strip().lower()
    if lower in ASSISTANT:
        return "assistant"
    return "user" if lower == "human" else lower
