"""Elements described in Python, put on the page by ui/web/shared/tree.js: texts and plain lists.

A text is a text and never markup. What an element does is told by `on`, which
ui/web/panels/acting.js obeys: `send` a request, `select` a sample, show a `move`.
"""

from collections.abc import Iterable
from typing import Any

Node = str | list[Any]
Child = Node | None
"""None is left out."""


def el(
    tag: str,
    *children: Child,
    key: str | None = None,
    on: dict[str, Any] | None = None,
    once: dict[str, Any] | None = None,
    **attributes: Any,
) -> Node:
    """`[tag, attributes, *children]`; `class_` is written class, `data_of` data-of.

    None or False leaves an attribute out. `key` tells an element from its
    siblings when they change places; `once` are attributes it only begins with.
    """
    given = {
        name.rstrip("_").replace("_", "-"): value
        for name, value in attributes.items()
        if value is not None and value is not False
    }
    extra = {"key": key, "on": on, "once": once}
    known = {name: value for name, value in extra.items() if value is not None}
    return [tag, given | known, *(child for child in children if child is not None)]


def button(label: str, *, primary: bool = False, **more: Any) -> Node:
    """A button that looks like one."""
    more.setdefault("class_", "ro-button ro-primary" if primary else "ro-button")
    return el("button", label, type="button", **more)


def info(text: str) -> Node:
    """A round "i" that explains a number on hover and focus."""
    return el("button", "i", type="button", class_="ro-info", aria_label=text, data_tip=text)


def options(entries: Iterable[tuple[str, str, dict[str, Any], bool]]) -> list[Node]:
    """Entries of a choice: value, text, what is sent along, whether it is the one shown."""
    return [
        el("option", text, key=value, value=value, on={"more": more}, selected=shown or None)
        for value, text, more, shown in entries
    ]


def verified(known: bool) -> Node | None:
    """The mark of what was really retrained."""
    if not known:
        return None
    return el("span", " ◇", class_="ro-verified-mark", data_tip="Really retrained")
