"""The Share menu: a link to the view on screen, and files of it."""

from ui.timeline.panels.tree import Node, el

_ENTRIES = (
    ("link", "Copy link", "The address reproduces this view"),
    ("bundle", "Figure bundle (zip)",
     "Every figure as SVG and PNG, data, order, run card, citation"),
    ("csv", "Results (CSV)",
     "Losses of every sample and held-out domain, with intervals"),
    ("parquet", "Results (Parquet)", "The same table, for pandas, DuckDB or Polars"),
    ("order", "Order (JSON)", "Read by the command line and by this page"),
)  # fmt: skip


def entries() -> list[Node]:
    """One a thing to take away; the browser copies the link and draws the figures."""
    return [
        el("button", el("b", label), el("span", about), type="button", role="menuitem",
           class_="ro-menu-item", data_share=key, tabindex=-1, on={"take": key})
        for key, label, about in _ENTRIES
    ]  # fmt: skip
