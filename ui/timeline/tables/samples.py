"""All samples as a table, linked with the board: rows chosen there are tiles chosen here."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from reorder_core.cache.service import Answer
from reorder_core.errors import StoreError
from reorder_core.export.bundle import to_csv
from reorder_core.orders.order import Order, order_hash
from reorder_core.store.queries import QUERIES
from reorder_core.store.run import Run
from ui.app import component, state
from ui.app.history import History
from ui.app.markdown import plain
from ui.queries import quantities
from ui.queries.quantities import Here
from ui.queries.service import published
from ui.timeline.requests.events import Event, Picked
from ui.timeline.requests.handling import After, handles

_NATS = {
    "before": ("Before", "Loss before training, nats per token."),
    "after": ("After", "Loss after the reference run, nats per token."),
    "gain": ("Gain", "Before minus after: what training took off. The larger, the more learned."),
    "change": ("Change", "Estimated change of the final loss under the order on screen; below "
               "zero: learned better than in the reference run."),
    "low_90": ("from", "Lower end of the change's 90 % interval."),
    "high_90": ("to", "Upper end of the change's 90 % interval."),
    "retrained": ("Retrained", "The same change, really retrained."),
}  # fmt: skip


def show(run: Run, order: Order, answer: Answer) -> None:
    """The table where it is asked for; it costs a drop nothing while it is closed."""
    opened = st.toggle("Table of all samples", key=state.TABLE)
    chosen: list[int] = []
    if opened:
        try:
            chosen = _table(run, order, answer)
        except StoreError as error:
            st.warning(str(error))
    component.publish("table", {"run": run.id, "open": opened, "chosen": chosen})


@handles(Picked)
def remember(event: Event, run: Run, history: History) -> After:
    """Remember the tiles chosen on the board, for showing only these."""
    state.set_picked(run.id, _samples_of(run, event.request.samples))
    return After.NOTHING


def _samples_of(run: Run, visits: list[int]) -> list[int]:
    """The samples of these tiles, each once."""
    known = [visit for visit in visits if visit < run.visits.count]
    return list(dict.fromkeys(run.visits.sample_of[known].tolist()))


def frame(run: Run, order: Order, answer: Answer, found: list[Here]) -> pd.DataFrame:
    """One row a sample: what it is, where it stands, its losses, its estimated change, and
    every other quantity `found` of it under this order.
    """
    table = _samples(run, run.fingerprint).copy()
    base, estimate = run.reference.final.samples, answer.estimate
    nothing = np.full(run.count, np.nan)
    ends = estimate.interval
    low, high = (nothing, nothing) if ends is None else ends.samples - base
    truth = run.ledger.of(order)
    first = run.visits.first_steps(order[None])[0]
    table["step"] = pd.arrays.IntegerArray(first + 1, first >= run.steps)
    table["change"], table["low_90"], table["high_90"] = estimate.final.samples - base, low, high
    table["retrained"] = nothing if truth is None else truth.final.samples - base
    first = ["sample_id", "domain", "flags", "step", "reference_step", "tokens", *_NATS]
    table = table.loc[:, [*first, "text", "source"]]
    for place, part in enumerate(quantities.of_samples(found)):
        table.insert(len(first) + place, column(part.quantity.name), part.found.values.samples)
    return table


def column(name: str) -> str:
    """Of a quantity; one that is called as a column of ours is told from it."""
    ours = {*_NATS, "sample_id", "domain", "flags", "step", "reference_step", "tokens", "text"}
    return f"{name}_value" if name in ours or name == "source" else name


def filtered(
    table: pd.DataFrame, search: str, domains: list[str], flags: list[str]
) -> pd.DataFrame:
    """The rows of any of these domains and flags whose text, flags or id hold the words."""
    words = search.strip().casefold()
    if domains:
        table = table.loc[table["domain"].isin(domains)]
    if flags:
        table = table.loc[[bool(set(row.split()) & set(flags)) for row in table["flags"]]]
    if words:
        inside = table["text"].str.casefold().str.contains(words, regex=False)
        named = table["flags"].str.contains(words, regex=False)
        table = table.loc[inside | named | (table["sample_id"].astype(str) == words)]
    return table


def _table(run: Run, order: Order, answer: Answer) -> list[int]:
    """Draw it; the samples of the rows that are selected."""
    found = quantities.under(run, order, answer)
    table = frame(run, order, answer, found)
    shown = _narrowed(run, table)
    event = st.dataframe(
        shown, hide_index=True, height=420, on_select="rerun", selection_mode="multi-row",
        key=f"{state.TABLE}_{run.id}", column_config=_columns(found), placeholder="",
    )  # fmt: skip
    rows = [row for row in event["selection"]["rows"] if row < len(shown)]
    for sentence in quantities.reasons(quantities.of_samples(found)):
        st.caption(plain(sentence))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{len(shown)} of {len(table)} samples; nats per token. Estimates: "
                   f"{answer.words}.")  # fmt: skip
        name = f"reorder-{run.id}-{order_hash(order)[:8]}-samples.csv"
        st.download_button("Download as CSV", lambda: to_csv(shown), name, "text/csv",
                           on_click="ignore")  # fmt: skip
    with st.popover("The query behind this"):
        query = QUERIES["samples"]
        st.caption(f"{query.sentence} Asked of results.duckdb in the run's folder; step, change "
                   "and its interval come from the estimate.")  # fmt: skip
        st.code(query.sql, language="sql")
    return [int(i) for i in shown["sample_id"].iloc[rows]]


def _narrowed(run: Run, table: pd.DataFrame) -> pd.DataFrame:
    picked = state.picked(run.id)
    flags = sorted({flag for row in table["flags"] for flag in row.split()})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input("Search text or id", key=f"{state.TABLE}_search", width=240)
        domains = st.multiselect("Domains", list(run.domains), key=f"{state.TABLE}_domains")
        marks = st.multiselect("Flags", flags, key=f"{state.TABLE}_flags")
        label = f"Only the {len(picked)} tiles selected" if picked else "Only selected tiles"
        only = st.toggle(label, key=f"{state.TABLE}_only", disabled=not picked)
    if only and picked:
        table = table.loc[table["sample_id"].isin(picked)]
    return filtered(table, search, domains, marks)


def _columns(found: list[Here]) -> dict[str, Any]:
    others = {
        column(part.quantity.name): st.column_config.NumberColumn(
            part.quantity.title, format="%.4f",
            help=f"{plain(part.quantity.sentence)} In {plain(part.quantity.unit)}, "
            f"{part.quantity.better} is better; {part.source} under the order on screen.",
        )
        for part in quantities.of_samples(found)
    }  # fmt: skip
    numbers = {
        name: st.column_config.NumberColumn(label, help=tip, format="%.4f")
        for name, (label, tip) in _NATS.items()
    }
    return (
        numbers
        | others
        | {
            "sample_id": st.column_config.NumberColumn("Sample", width="small"),
            "domain": "Domain",
            "flags": "Flags",
            "step": st.column_config.NumberColumn("Step", help="Under the order on screen."),
            "reference_step": st.column_config.NumberColumn(
                "Reference", help="Step in that order."
            ),
            "tokens": "Tokens",
            "text": st.column_config.TextColumn("Text", width="large"),
            "source": "Source",
        }
    )


@st.cache_data(max_entries=4, show_spinner=False)
def _samples(_run: Run, fingerprint: str) -> pd.DataFrame:
    table = published(_run).ask("samples")
    return table.assign(flags=[" ".join(flags) for flags in table["flags"]])
