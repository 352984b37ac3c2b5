"""All quantities of the order on screen, where they are asked for."""

from typing import Any

import streamlit as st

from reorder_core.cache.service import Answer
from reorder_core.errors import OrderError, StoreError
from reorder_core.export.bundle import to_csv
from reorder_core.judge.measuring import lacking
from reorder_core.orders.order import Order, order_hash
from reorder_core.store.queries import QUERIES
from reorder_core.store.run import Run
from ui.app import jobs, state, visitors
from ui.app.markdown import plain
from ui.charts.template import isolated
from ui.queries import quantities
from ui.queries.service import published

_HELP = "[What each quantity is](/help?page=adding-a-quantity)"


def show(run: Run, order: Order, answer: Answer) -> None:
    """A short table: what follows from losses, and what is measured; closed, it costs nothing."""
    if not st.toggle("All quantities", key=state.QUANTITIES):
        return
    found = quantities.under(run, order, answer)
    table = quantities.frame(run, found)
    shown = table.assign(of=table["of"].map(isolated))
    st.dataframe(shown, hide_index=True, column_config=_columns(), placeholder="–",
                 key=f"{state.QUANTITIES}_{run.id}", row_height=30, height="content")  # fmt: skip
    for sentence in quantities.reasons(found):
        st.caption(plain(sentence))
    _measure(run, order)
    with st.container(horizontal=True, vertical_alignment="center"):
        estimates = any(part.source == "estimated" for part in found)
        st.caption(f"Estimates: {plain(answer.words)}. {_HELP}" if estimates else _HELP)
        name = f"reorder-{run.id}-{order_hash(order)[:8]}-quantities.csv"
        st.download_button("Download as CSV", lambda: to_csv(table), name, "text/csv",
                           on_click="ignore", key=f"{state.QUANTITIES}_csv")  # fmt: skip
        _query(run)


def _measure(run: Run, order: Order) -> None:
    """The button that trains once more for what was not measured when the order was trained."""
    truth, asked = run.ledger.of(order), ("measure", str(run.path))
    trained = run.reference_order
    if run.trains_as(order) != run.trains_as(trained):
        if truth is None:
            return  # Verify measures
        trained, asked = truth.order, (*asked, "--hash", truth.order_hash)
    if not lacking(run, trained):
        return
    name = f"measure {order_hash(trained)[:8]}"
    job = jobs.queue().find(run.id, name)
    working = job is not None and job.active
    label = "Measuring …" if working else "Measure now: one training"
    off, key = working or visitors.read_only(), f"{state.QUANTITIES}_measure"
    st.button(label, key=key, disabled=off, on_click=_begin, args=(run, name, asked))
    if job is not None and job.state == "failed":
        st.caption(plain(f"Not measured: {job.message}."))


def _begin(run: Run, name: str, asked: tuple[str, ...]) -> None:
    try:
        visitors.must_be_free_to("retrain or cancel")
        jobs.queue().submit_batch(run.path, run.id, name, asked)
    except OrderError as error:
        st.toast(f"Not done: {plain(str(error))}.", icon=":material/block:")
    else:
        state.request_rerun()  # what follows jobs stands outside this fragment


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
