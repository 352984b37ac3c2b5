"""A figure on a page: its heading with an explanation, the chart, files to take away."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from reorder_core.export.spreadsheet import neutral
from ui.app import component, state
from ui.charts import template
from ui.charts.template import Mode


def mode() -> Mode:
    """The theme on screen; on the first run after a switch it may still be the one before."""
    return "dark" if st.context.theme.type == "dark" else "light"


@contextmanager
def panel(name: str, title: str, about: str) -> Iterator[None]:
    """A frame with a heading; `about` explains it on hover and focus. Draw the rest inside."""
    with st.container(border=True, key=f"ro_figure_{name}"):
        st.subheader(title, help=about, anchor=False)
        yield


def draw(
    figure: go.Figure,
    table: Callable[[], pd.DataFrame],
    alt: str,
    pick: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """The chart, and buttons for its picture and its data as CSV.

    `table` gives the data, asked for only on a click. `pick` is called with
    the point that was clicked ("x", "y", "customdata" …). Streamlit makes a chart
    anew when its data change; while they do not, zoom and hidden legend
    entries survive reruns.
    """
    meta = template.meta(figure)
    key = f"ro_chart_{meta['name']}"
    picked = (lambda: _picked(key, pick)) if pick else None
    st.plotly_chart(
        figure, key=key, theme=None, config=template.config(figure), alt=alt,
        on_select=picked or "ignore", selection_mode="points",
    )  # fmt: skip
    with st.container(horizontal=True, horizontal_alignment="right", gap=None):
        component.pictures(key, meta["title"])
        save_table(key, meta["title"], meta["file"], table)


def save_table(key: str, title: str, file: str, table: Callable[[], pd.DataFrame]) -> None:
    """A button that saves a table as CSV."""
    st.download_button(
        "CSV", lambda: _csv(table()), f"{file}.csv", "text/csv", key=f"{key}_csv",
        type="tertiary", on_click="ignore", help=f"Save the data of “{title}”",
    )  # fmt: skip


def _csv(table: pd.DataFrame) -> bytes:
    return neutral(table).to_csv(index=False).encode()


def _picked(key: str, pick: Callable[[dict[str, Any]], None]) -> None:
    points = state.selected_points(key)
    if points:
        pick(points[0])
