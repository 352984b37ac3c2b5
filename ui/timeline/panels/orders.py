"""The dialog that starts from another order: presets, and one that is pasted or uploaded."""

from reorder_core.explore.presets import LARGEST_SEED
from ui.timeline.panels.tree import Node, button, el

_PLAIN = (
    ("reversed", "Reversed", None),
    ("interleaved", "Domains interleaved", "Each domain spread evenly over the whole training"),
    ("shortest-first", "Shortest first", None),
    ("longest-first", "Longest first", None),
    ("easy-to-hard", "Easy to hard",
     "By each sample’s loss before training, the lowest first"),
    ("hard-to-easy", "Hard to easy",
     "By each sample’s loss before training, the highest first"),
)  # fmt: skip
_EXAMPLES = '3 0 7 …  or  [3, 0, 7, …]  or  {"run": "…", "order": [3, 0, 7, …]}'
_OWN = (
    "This run’s sample ids, each once, with spaces, commas or lines between them, or as JSON; "
    "what Share exports can be used as well. Up to 2 MB."
)


def presets() -> list[Node]:
    """Named orders; that of domain blocks is the browser's, which knows their sequence."""
    plain = (button(label, data_preset=name, title=tip, on={"send": ["preset", {"name": name}]})
             for name, label, tip in _PLAIN)  # fmt: skip
    seed = el("input", class_="ro-input ro-seed", type="number", name="seed", min=0,
              max=LARGEST_SEED, step=1, once={"value": 0}, aria_label="Seed")  # fmt: skip
    return [
        el("h3", "Presets"),
        el("div", *plain, class_="ro-group"),
        el("form", el("input", type="hidden", name="name", value="random"),
           el("button", "Random", class_="ro-button", data_preset="random"),
           el("label", "seed ", seed, class_="ro-choice"),
           class_="ro-group", novalidate=True, on={"submit": "preset", "keep": True}),
    ]  # fmt: skip


def own() -> list[Node]:
    """An order of one's own; the browser reads a file into the text."""
    text = el("textarea", class_="ro-input ro-paste", name="text", rows=4, aria_label="Order file",
              spellcheck="false", placeholder=_EXAMPLES)  # fmt: skip
    file = el("input", type="file", accept=".json,.txt,application/json",
              aria_label="Upload an order file")  # fmt: skip
    use = el("button", "Use this order", class_="ro-button ro-primary", data_command="paste")
    return [
        el("h3", "Your own"),
        el("p", _OWN, class_="ro-hint"),
        el("form", el("input", type="hidden", name="source", once={"value": "pasted order"}), text,
           el("div", file, el("span", class_="ro-spring"), use, class_="ro-group"),
           on={"submit": "paste", "keep": True}),
    ]  # fmt: skip
