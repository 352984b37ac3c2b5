"""The best next moves for a goal, as far as they are estimated: previewed, applied by a button."""

from collections.abc import Sequence
from typing import Any

from reorder_core.explore.suggestions import Goal
from ui.app.numbers import interval, signed
from ui.charts.template import isolated
from ui.timeline.panels.tree import Node, button, el

ASK = (
    "Which single move from this order would do most for your goal? Every sample at every step, "
    "and every swap of two, is priced by the position table; the best are estimated, with a "
    "90 % interval."
)
NOTHING = "No single move is expected to do that from this order."


def goals(domains: Sequence[str]) -> list[Node]:
    """The form that asks for moves; the selected sample goes along with it."""
    named = [
        ("held-out", "lower held-out loss"),
        *((f"domain {name}", f"protect {name}: lower its held-out loss") for name in domains),
        ("remember", "remember the selected sample"),
        ("forget", "forget the selected sample"),
    ]
    choice = el("select", *(el("option", text, value=value) for value, text in named),
                class_="ro-select", name="aim", aria_label="Best next move to")  # fmt: skip
    ask = el("button", "Suggest", class_="ro-button ro-primary", data_command="suggest")
    return [
        el("form", el("label", "Best next move to ", choice, class_="ro-choice"), ask,
           class_="ro-branches", on={"submit": "suggest", "view": True, "keep": True})
    ]  # fmt: skip


def words(text: str) -> Node:
    return el("p", text, class_="ro-suggest-words", role="status")


def said(goal: Goal, rows: list[dict[str, Any]], done: int, total: int) -> str:
    """How far it is, and what came of it."""
    aim = _named(goal)
    if done < total:
        return f"To {aim}: {done} of the {total} most promising moves estimated …"
    if not rows:
        return f"To {aim}: {NOTHING}"
    clear = any(row["clear"] for row in rows)
    doubt = "" if clear else "None can be told from no effect. "
    return f"To {aim}: the best of {total} moves estimated. {doubt}Nats per token, 90 % interval."


def drawn(goal: Goal, rows: list[dict[str, Any]]) -> list[Node]:
    """Rows of `suggest.record`, the best first."""
    listed = (_row(goal, row) for row in rows)
    return [el("ol", *listed, class_="ro-moves", aria_label="Suggested moves")]


def _row(goal: Goal, row: dict[str, Any]) -> Node:
    move, words, (value, low, high) = row["move"], row["words"], row["effect"]
    digits = 4 if goal.aim in ("held-out", "domain") else 3
    side = ("rise" if value > 0 else "fall") if row["clear"] else "unclear"
    effect = el(
        "span", *_measured(goal),
        el("b", signed(value, digits), data_value=value, data_side=side),
        el("span", f" {interval(low, high, digits)}", class_="ro-move-range"),
    )  # fmt: skip
    apart = "cannot be told from no effect"
    unclear = None if row["clear"] else el("span", apart, class_="ro-suggest-unclear")
    go = el(
        "button", el("span", words, class_="ro-move-words"),
        el("span", effect, unclear, class_="ro-move-effect"),
        type="button", class_="ro-move-go", data_sample=move["samples"][0],
        on={"select": move["samples"][0]},
    )  # fmt: skip
    apply = button("Apply", data_command="apply-suggestion", aria_label=f"Apply: {words}",
                   on={"apply": move, "words": words})  # fmt: skip
    return el("li", go, apply, class_="ro-move ro-suggestion", on={"move": move})


def _named(goal: Goal) -> str:
    if goal.aim == "held-out":
        return "lower held-out loss"
    if goal.aim == "domain":
        return f"protect {isolated(goal.domain)}"
    return f"{goal.aim} sample {goal.sample}"


def _measured(goal: Goal) -> list[Node]:
    if goal.aim == "domain":
        return ["held-out ", el("bdi", goal.domain), " "]
    return ["held-out " if goal.aim == "held-out" else "own loss "]
