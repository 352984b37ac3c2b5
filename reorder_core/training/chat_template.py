"""A tokenizer's chat template: jinja that comes with a model, rendered as data.

It is written by whoever made the model. Transformers renders it in jinja's
immutable sandbox, which reaches no attribute of Python's own, no file and no
network; nothing else of the folder is run.
"""

from collections.abc import Sequence
from typing import Any

from jinja2.exceptions import TemplateError
from tokenizers import Tokenizer
from transformers.utils.chat_template_utils import render_jinja_template

from reorder_core.corpus.chats import Chat
from reorder_core.corpus.samples import Turn

_TODAY = "{%- macro strftime_now(form) -%}2025-01-01{%- endmacro -%}"
"""What a template is told that asks for the date: the same text gives the same run any day."""


def chat_of(tokenizer: Any, backend: Tokenizer) -> Chat | None:
    """The template of a tokenizer of Transformers, None where it has none.

    `backend` is a tokenizer of its own that this may change.
    """
    if not tokenizer.chat_template:
        return None
    backend.encode_special_tokens = False
    added = backend.get_added_tokens_decoder().values()
    special = tuple(token.content for token in added if token.special)
    return Chat(_Jinja(tokenizer), backend, special)


class _Jinja:
    """Writes turns by the tokenizer's template."""

    def __init__(self, tokenizer: Any) -> None:
        self._template = _TODAY + tokenizer.get_chat_template()
        self._known = dict(tokenizer.special_tokens_map)

    def __call__(self, turns: Sequence[Turn], prompt: bool = False) -> str:
        said = [{"role": role, "content": content} for role, content in turns]
        try:
            rendered, _ = render_jinja_template(
                [said], chat_template=self._template, add_generation_prompt=prompt, **self._known
            )
            return rendered[0]
        except (TemplateError, TypeError, ValueError, KeyError, RecursionError) as error:
            reason = " ".join(str(error).split())[:160]
            raise ValueError(f"the tokenizer's chat template refuses it: {reason}") from None
