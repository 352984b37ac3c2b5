"""The history as a list of moves in words, each with what it alone changed; and its branches."""

from typing import Any

from ui.app.numbers import interval, side, signed
from ui.timeline.panels.tree import Node, button, el, options, verified

EMPTY = (
    "No moves yet. Drag a tile to another step: each move is listed here with what it changed, "
    "and can be gone back to or left out."
)


def drawn(record: dict[str, Any]) -> list[Node]:
    """Of a `move_effects.history_record`."""
    place, moves = record["place"], record["moves"]
    rows = [_row(move, at, place) for at, move in enumerate([record["start"], *moves])]
    if not moves:
        rows.append(el("li", EMPTY, class_="ro-nothing"))
    return [
        el("div", *_branches(record), class_="ro-branches"),
        _form(),
        el("ol", *rows, class_="ro-moves", aria_label="Moves"),
    ]


def _branches(record: dict[str, Any]) -> list[Node | None]:
    here, branches = record["branch"], record["branches"]
    told = [
        (name, f"{name} ({count} move{'' if count == 1 else 's'})", {"name": name}, name == here)
        for name, count in branches
    ]
    last = next((n for n, _ in reversed(branches) if n not in (here, "main")), None)
    return [
        el("select", *options(told), class_="ro-select", aria_label="Branch",
           on={"choose": "switch"}),
        button("Branch here", on={"opens": "fork"}, data_command="fork",
               data_tip="Go on from this order on a branch of its own; this one stays as it is"),
        button(f"Delete {last}", data_command="forget", data_tip="Delete another branch",
               on={"send": ["forget", {"name": last}], "sure": f"Really delete {last}?"})
        if last else None,
    ]  # fmt: skip


def _form() -> Node:
    return el(
        "form",
        el("input", class_="ro-input", type="text", name="name", maxlength=40,
           aria_label="Name of the new branch", placeholder="name of the new branch"),
        el("button", "Create", type="submit", class_="ro-button ro-primary"),
        button("Cancel", on={"opens": "fork"}),
        class_="ro-branch-form", data_folds="fork", on={"submit": "fork"}, once={"hidden": True},
    )  # fmt: skip


def _row(move: dict[str, Any], at: int, place: int) -> Node:
    target = {"place": at, "hash": move["hash"]}
    words = el("span", move["words"], verified(move.get("verified", False)), class_="ro-move-words")
    go = el(
        "button", words, _effect(move) if at else None,
        type="button", class_="ro-move-go", aria_current="step" if at == place else None,
        on={"send": ["jump", target], "samples": move.get("samples", [])},
    )  # fmt: skip
    out = el(
        "button", "×", type="button", class_="ro-close ro-move-out",
        aria_label=f"Leave out: {move['words']}", on={"send": ["remove", target]},
        data_tip="Leave this move out and do the later ones without it",
    )  # fmt: skip
    return el("li", go, out if at else None, key=f"{at} {move['hash']}", class_="ro-move",
              data_place=at, data_ahead=at > place)  # fmt: skip


def _effect(move: dict[str, Any]) -> Node:
    """`own loss −0.410, held-out +0.0030`: what this move changed by itself."""
    known = move["effect"]
    if known is None:
        return el("span", "estimating …", class_="ro-move-effect")
    whose = "their loss" if len(move["samples"]) > 1 else "own loss"
    if move["kind"] == "order":
        whose = "training loss"
    return el("span", _part(whose, known["own"], 3), _part("held-out", known["heldOut"], 4),
              class_="ro-move-effect")  # fmt: skip


def _part(name: str, change: list[float], digits: int) -> Node:
    value, low, high = change
    where = side(low, high)
    return el(
        "span", f"{name} ",
        el("b", signed(value, digits), data_effect=name, data_value=value, data_side=where),
        el("span", f" {interval(low, high, digits)}", class_="ro-move-range"),
    )  # fmt: skip
