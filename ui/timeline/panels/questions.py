"""Guided questions: one click shows a question, its orders one after the other, and the answer."""

from typing import Any

from reorder_core.explore.scenarios import Scenario, Stop
from reorder_core.orders.order import order_hash
from ui.timeline.panels.tree import Node, button, el

WAITING = "estimating …"


def drawn(
    scenarios: tuple[Scenario, ...], asked: tuple[str, int] | None, answer: str,
    retrained: list[bool],
) -> list[Node]:  # fmt: skip
    """The questions, and the one asked with which of its orders was shown last.

    answer: to that one; retrained: which of its orders were.
    """
    shown = next((one for one in scenarios if asked and one.key == asked[0]), None)
    choices = [
        el("button", one.title, type="button", class_="ro-guide-choose", data_guide=one.key,
           aria_pressed="true" if one is shown else "false",
           on=_nothing() if one is shown else _at(one, 0))
        for one in scenarios
    ]  # fmt: skip
    head = el("div", el("span", "Guided questions", class_="ro-guide-name"),
              el("div", *choices, class_="ro-group", role="group", aria_label="Guided questions"),
              class_="ro-guide-head")  # fmt: skip
    if shown is None or asked is None:
        return [head]
    question = shown.question
    if shown.compared > len(shown.stops):
        question += f" Best and worst of {shown.compared} by estimate."
    opened = el(
        "div",
        el("p", question, class_="ro-guide-question"),
        _stops(shown, asked[1], retrained),
        el("p", answer or WAITING, class_="ro-guide-answer", aria_live="polite"),
        class_="ro-guide-open",
    )
    return [head, opened]


def slides(
    scenarios: tuple[Scenario, ...], asked: tuple[str, int] | None, answer: str
) -> list[dict[str, Any]]:
    """Every order of every question as a slide of a talk; only what is asked is answered."""
    return [
        {"title": one.question, "hash": order_hash(stop.order), **_at(one, i),
         "note": _note(one, stop, answer if asked and one.key == asked[0] else "")}
        for one in scenarios
        for i, stop in enumerate(one.stops)
    ]  # fmt: skip


def _note(one: Scenario, stop: Stop, answer: str) -> str:
    last = stop is one.stops[-1]
    return f"… and {stop.title}. {answer or WAITING}" if last else f"{stop.title} …"


def _stops(shown: Scenario, last: int, retrained: list[bool]) -> Node:
    count = len(shown.stops)
    stops = [
        el("button", stop.title, " ◇" if known else None, type="button",
           class_="ro-button ro-guide-stop", data_stop=i, data_order=order_hash(stop.order),
           data_mark="aria-pressed", on=_at(shown, i))
        for i, (stop, known) in enumerate(zip(shown.stops, retrained, strict=True))
    ]  # fmt: skip
    return el(
        "div",
        button("Previous", on=_at(shown, (last - 1) % count), data_command="guide-previous"),
        *stops,
        button("Next", on=_at(shown, (last + 1) % count), data_command="guide-next"),
        button("Close", on=_nothing(), data_command="guide-close"),
        class_="ro-group ro-guide-stops",
    )


def _at(one: Scenario, stop: int) -> dict[str, Any]:
    """Show an order of a question, and the sample that it moves."""
    doing: dict[str, Any] = {"send": ["guide", {"key": one.key, "stop": stop}]}
    samples = one.stops[stop].samples
    return doing | {"select": samples[0]} if samples else doing


def _nothing() -> dict[str, Any]:
    return {"send": ["guide", {"key": ""}]}
