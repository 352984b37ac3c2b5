"""The text of a row: one column, several joined by a template, or the turns of a chat."""

import re
from dataclasses import dataclass
from typing import Any, TypeGuard

from reorder_core.corpus.reading.cleaning import cleaned
from reorder_core.corpus.reading.rows import Number

TURN = "{role}: {content}"
"""How a turn of a chat is written unless corpus.template says otherwise; turns end lines."""
CHATS = ("messages", "conversations", "conversation")
"""Columns that hold a chat where the table has no text column."""
_KEYS = {"role": ("role", "from"), "content": ("content", "value", "text")}
_FIELD = re.compile(r"\{\{|\}\}|\{([^{}]+)\}|[{}]")


class NoText(ValueError):
    """A row's value that is no text; the message says what it holds."""


@dataclass(frozen=True, slots=True)
class Wording:
    """How a table's rows become texts."""

    column: str
    template: str | None = None
    response: str | None = None
    """The column that the loss is on; of a chat, its last turn. None: on all of the text."""
    by_tokenizer: bool = False
    """Whether chats are to be written by the tokenizer's own template, not here."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it reads."""
        return (self.column,) if self._is_of_turns or not self.template else fields(self.template)

    @property
    def _is_of_turns(self) -> bool:
        return self.template is not None and set(fields(self.template)) == {"role", "content"}

    def text(self, row: dict[str, Any]) -> str:
        """The row's text, "" where it has none; raises NoText for a value of another kind."""
        if self.template is None or self._is_of_turns:
            return self._value(self.column, row.get(self.column))
        if not any(row.get(name) not in (None, "") for name in self.columns):
            return ""
        return filled(self.template, {n: self._value(n, row.get(n)) for n in self.columns})

    def before(self, row: dict[str, Any]) -> str:
        """The beginning of the row's text that is read but not learned."""
        if self.response is None:
            return ""
        if self.template and not self._is_of_turns:
            head = self.template[: _place(self.template, self.response)]
            values = {n: self._value(n, row.get(n)) for n in self.columns}
            return filled(head, values)
        value = row.get(self.column)
        if not is_chat(value):
            raise NoText(f"{self.column!r} holds no chat; corpus.response_column names its column")
        turn = self.template or TURN
        last = _turn(self.column, value[-1])
        head = filled(turn[: _place(turn, "content")], last)
        return "\n".join([*(filled(turn, _turn(self.column, said)) for said in value[:-1]), head])

    def turns(self, row: dict[str, Any]) -> tuple[tuple[str, str], ...]:
        """The row's chat for the tokenizer's template; raises NoText where it holds none."""
        value = row.get(self.column)
        if not is_chat(value):
            raise NoText(
                f"{self.column!r} holds {_kind(value)}, and corpus.chat_template wants a chat: a "
                "list of {role, content}"
            )
        said = (_turn(self.column, turn) for turn in value)
        return tuple((cleaned(t["role"])[0], cleaned(t["content"])[0]) for t in said)

    def has_response(self, row: dict[str, Any]) -> bool:
        """Whether there is something to learn."""
        if self.response is None or self.response == self.column:
            return True
        return bool(self._value(self.response, row.get(self.response)).strip())

    def _value(self, column: str, value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, bytes):
            try:
                return value.decode("utf-8")
            except UnicodeDecodeError:
                raise NoText(f"{column!r} holds bytes that are not UTF-8") from None
        if isinstance(value, str) and (self.template or not isinstance(value, Number)):
            return value
        if is_chat(value):
            turn = self.template if self._is_of_turns and self.template else TURN
            return "\n".join(filled(turn, _turn(column, said)) for said in value)
        if self.template and isinstance(value, (int, float)):
            return str(value)
        raise NoText(f"{column!r} holds {_kind(value)} ({str(value)[:40]!r}); expected text")


def fields(template: str) -> tuple[str, ...]:
    """The columns that a template names; raises ValueError for one that names none."""
    names = []
    for match in _FIELD.finditer(template):
        if match[1]:
            names.append(match[1])
        elif match[0] in "{}":
            raise ValueError(f"a single {match[0]} at character {match.start()}; write it twice")
    if not names:
        raise ValueError('it names no column; write one as "{prompt}"')
    return tuple(dict.fromkeys(names))


def _place(template: str, name: str) -> int:
    """Where {name} stands, at last."""
    return max((m.start() for m in _FIELD.finditer(template) if m[1] == name), default=0)


def filled(template: str, values: dict[str, str]) -> str:
    """The template with each {name} replaced; nothing in a value is read as a template."""
    return _FIELD.sub(lambda m: values[m[1]] if m[1] else m[0][0], template)


def is_chat(value: Any) -> TypeGuard[list[dict[str, Any]]]:
    """Whether it is a list of turns, each with a role and what was said."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(turn, dict) and all(_key(turn, part) for part in _KEYS) for turn in value
        )
    )


def _key(turn: dict[str, Any], part: str) -> str | None:
    return next((name for name in _KEYS[part] if name in turn), None)


def _turn(column: str, turn: dict[str, Any]) -> dict[str, str]:
    role, content = (turn[_key(turn, part) or ""] for part in _KEYS)
    if isinstance(content, list):  # parts of a message, some of them pictures
        content = "".join(str(p.get("text") or "") for p in content if isinstance(p, dict))
    if not isinstance(content, str | None):
        raise NoText(f"{column!r} holds a turn with {_kind(content)}; expected text")
    return {"role": str(role), "content": content or ""}


def _kind(value: Any) -> str:
    names = {Number: "a number", int: "a number", float: "a number", bool: "true or false"}
    return names.get(type(value), type(value).__name__)
