"""Saved views: named orders with a note, in the order of the deck."""

from typing import Any

from reorder_core.cache.saved_views import View
from ui.timeline.panels.tree import Node, button, el, verified

EMPTY = (
    "Nothing saved yet. A saved view keeps the order, the sample selected and the curve shown; "
    "in this sequence they are the slides of a talk."
)
_NOTE = "note, shown as caption in a talk"


def drawn(views: list[View], retrained: list[bool], note: str) -> list[Node]:
    """The forms and the list; retrained: which of the views' orders were; note: a caution."""
    count = len(views)
    rows = [_row(v, at, count, r) for at, (v, r) in enumerate(zip(views, retrained, strict=True))]
    return [
        el("form", *_fields("Name of the view", "Note", "name of this view", _NOTE),
           el("button", "Save this view", type="submit", class_="ro-button ro-primary",
              data_command="save-view"),
           class_="ro-save-form", on={"submit": "save-view", "view": True}),
        el("p", note, class_="ro-note", hidden=not note),
        el("form", el("input", type="hidden", name="id"), *_fields("New name", "New note"),
           el("div", el("button", "Keep", type="submit", class_="ro-button ro-primary"),
              button("Cancel", on={"opens": "rename"}), class_="ro-group"),
           class_="ro-save-form", data_folds="rename", on={"submit": "rename-view"},
           once={"hidden": True}),
        el("ol", *(rows or [el("li", EMPTY, class_="ro-nothing")]),
           class_="ro-views", aria_label="Saved views"),
    ]  # fmt: skip


def slide(view: View) -> dict[str, Any]:
    """A view as a slide of a talk."""
    return {"title": view.name, "note": view.note, "hash": view.hash,
            "send": ["open-view", {"id": view.id}]}  # fmt: skip


def _fields(name: str, note: str, name_hint: str = "", note_hint: str = "") -> list[Node]:
    return [
        el("input", class_="ro-input", type="text", name="name", maxlength=80, required=True,
           aria_label=name, placeholder=name_hint),
        el("textarea", class_="ro-input", name="note", rows=2, maxlength=500, aria_label=note,
           placeholder=note_hint),
    ]  # fmt: skip


def _row(view: View, at: int, count: int, retrained: bool) -> Node:
    made = f"{view.created:%Y-%m-%d %H:%M}" if view.created else ""
    opens = el(
        "button", el("b", view.name), verified(retrained),
        el("span", view.note, class_="ro-view-note") if view.note else None,
        el("span", f"{made} UTC", class_="ro-view-made"),
        type="button", class_="ro-view-open", on={"send": ["open-view", {"id": view.id}]},
    )  # fmt: skip
    name = view.name

    def small(act: str, words: str, on: dict[str, Any], disabled: bool = False) -> Node:
        return el("button", act, type="button", class_="ro-mini", aria_label=f"{words} {name}",
                  data_tip=words, disabled=disabled, on=on)  # fmt: skip

    def placed(to: int) -> dict[str, Any]:
        return {"send": ["place-view", {"id": view.id, "place": to}]}

    fill = {"id": view.id, "name": name, "note": view.note}
    remove = {"send": ["delete-view", {"id": view.id}], "sure": "delete?"}
    acts = el(
        "div",
        small("↑", "Earlier in the deck:", placed(at - 1), at == 0),
        small("↓", "Later in the deck:", placed(at + 1), at == count - 1),
        small("edit", "Rename", {"opens": "rename", "fill": fill}),
        small("×", "Delete", remove),
        class_="ro-view-acts",
    )
    return el("li", opens, acts, key=view.id, class_="ro-view", data_view=view.id,
              data_order=view.hash, data_mark="aria-current")  # fmt: skip
