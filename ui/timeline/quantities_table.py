"""All quantities of the order on screen, where they are asked for."""

from typing import Any

import streamlit as st

from reorder_core.cache.service import Answer
from reorder_core.errors import StoreError
from reorder_core.export.bundle import to_csv
from reorder_core.orders.order import Order, order_hash
from reorder_core.store.queries import QUERIES
from reorder_core.store.run import Run
from ui.app import state
from ui.app.markdown import plain
from ui.queries import quantities
from ui.queries.service import published

_HELP = "[What each quantity is](/help?page=adding-a-quantity)"


def show(run: Run, order: Order, answer: Answer) -> None:
    """A short table: what follows from losses, and what is measured; closed, it costs nothing."""
    if not st.toggle("All quantities", key=state.QUANTITIES):
        return
    found = quantities.under(run, order, answer)
    table = quantities.frame(run, found)
    st.dataframe(table, hide_index=True, column_config=_columns(), placeholder="–",
                 key=f"{state.QUANTITIES}_{run.id}", row_height=30, height="content")  # fmt: skip
    for sentence in quantities.reasons(found):
        st.caption(plain(sentence))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Estimates: {plain(answer.words)}. {_HELP}")
        name = f"reorder-{run.id}-{order_hash(order)[:8]}-quantities.csv"
        st.download_button("Download as CSV", lambda: to_csv(table), name, "text/csv",
                           on_click="ignore", key=f"{state.QUANTITIES}_csv")  # fmt: skip
        _query(run)


def _query(run: Run) -> None:
    """The SQL for the reference run's values, where the run was published with them."""
    try:
        if not published(run).can("quantities"):
            return
    except StoreError:
        return  # the table of all samples says what is wrong
    with st.popover("The query behind the reference"):
        st.caption(QUERIES["quantities"].sentence)
        st.code(QUERIES["quantities"].sql, language="sql")


def _columns() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "quantity": "Quantity",
        "of": "Of",
        "reference": number("Reference", help="On the reference run.", format="%.4f"),
        "here": number("This order", help="Under the order on screen.", format="%.4f"),
        "change": number("Change", help="This order minus the reference.", format="%+.4f"),
        "low_90": number("from", help="Lower end of the 90 % interval.", format="%.4f"),
        "high_90": number("to", help="Upper end of the 90 % interval.", format="%.4f"),
        "unit": "Unit",
        "better": st.column_config.TextColumn("Better", help="Which way a model is better."),
        "known": st.column_config.TextColumn(
            "Known as",
            help="Measured on the reference run, retrained, or estimated; below is why not.",
        ),
    }
