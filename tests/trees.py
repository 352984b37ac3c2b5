"""Reading what Python describes for the browser (ui/timeline/panels/tree.py)."""

from collections.abc import Iterator, Sequence
from typing import Any

from ui.timeline.panels.tree import Node


def text(node: Node) -> str:
    return node if isinstance(node, str) else "".join(text(child) for child in node[2:])


def found(nodes: Sequence[Node], **wanted: Any) -> Iterator[list[Any]]:
    """Elements anywhere in the tree that have these attributes; `on` by what it can do."""
    for node in nodes:
        if isinstance(node, str):
            continue
        if all(wanted[name] == node[1].get(name.replace("_", "-")) for name in wanted):
            yield node
        yield from found(node[2:], **wanted)
