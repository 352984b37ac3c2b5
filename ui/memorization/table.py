"""Who is memorized: the table of all samples, its filters, and what is chosen in it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from reorder_core.analysis.frames import lines, records
from reorder_core.judge.measuring import of_reference
from reorder_core.quantities import QUANTITIES
from reorder_core.quantities.values import Found
from reorder_core.store.run import Run
from ui.app import panels, state
from ui.app.markdown import plain
from ui.timeline import opened

KEY = "ro_who"
LONGEST = 400
"""Characters of a text that travel to the browser."""
_REFERENCE, _ESTIMATED = "Measured on the reference run. ", "Estimated, from the position table. "
_NATS = "Nats per token."


def filtered(samples: pd.DataFrame, search: str, domains: list[str], planted: bool) -> pd.DataFrame:
    """Lines whose text, id or flags hold the search words, of these domains; all for none."""
    found = samples
    if domains:
        found = lines(found, found["domain"].isin(domains))
    if planted:
        found = lines(found, found["flags"] != "")
    for word in search.lower().split():
        columns = (found[name].tolist() for name in ("sample", "flags", "text"))
        texts = (f"{sample} {flags} {text}".lower() for sample, flags, text in
                 zip(*columns, strict=True))  # fmt: skip
        found = lines(found, np.array([word in text for text in texts], dtype=bool))  # also of none
    return found


def shown(found: pd.DataFrame, others: Sequence[Found] = ()) -> pd.DataFrame:
    """As the table shows it: steps counted from 1, long texts cut, other quantities after gain."""
    frame = found.reset_index(drop=True)
    for number, other in enumerate(others, 1):
        values = other.values.samples[frame["sample"].to_numpy()]
        frame.insert(frame.columns.tolist().index("gain") + number, _column(other), values)
    for name in ("step", "best_step", "worst_step"):
        frame[name] += 1
    frame["text"] = frame["text"].str.slice(0, LONGEST)
    return frame


def show(run: Run, samples: pd.DataFrame, file: str) -> None:
    """The table with its filters, the most memorized first; what is chosen in it goes to the
    session's state.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input("Search", key=f"{KEY}_search", placeholder="text, id or flag")
        domains = st.multiselect("Domains", run.domains, key=f"{KEY}_domains")
        flagged = any(samples["flags"])
        planted = st.toggle("Flagged only", key=f"{KEY}_flagged", disabled=not flagged)
    found = filtered(samples, search or "", domains, planted)
    found = found.sort_values("gain", ascending=False, kind="stable")
    others = _others(run)
    frame = shown(found, others)
    key, ids = f"{KEY}_{search}_{'.'.join(domains)}_{planted}", frame["sample"].tolist()
    st.dataframe(
        frame, key=key, height=320, hide_index=True, column_config=_columns(others),
        column_order=_order(frame, others), on_select="rerun", selection_mode="multi-row",
    )  # fmt: skip
    # A filter's table is another, in which nothing is chosen.
    rows = [row for row in state.selected_rows(key) if row < len(ids)]
    state.set_chosen_samples(run.id, tuple(int(ids[row]) for row in rows))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{len(found)} of {len(samples)} samples")
        panels.save_table(KEY, "Who is memorized", file, lambda: shown(found, others))
        _links(run, samples)
    for other in others:
        if other.reason:
            st.caption(plain(f"{other.quantity.title}: {other.reason}."))


def _others(run: Run) -> list[Found]:
    """What else each sample has on the reference run; its gain is its memorization."""
    known = ("loss", "memorization")
    return [of_reference(run, quantity) for name, quantity in QUANTITIES.items()
            if "samples" in quantity.of and name not in known]  # fmt: skip


def _column(other: Found) -> str:
    return f"quantity {other.quantity.name}"


def _links(run: Run, samples: pd.DataFrame) -> None:
    """Buttons that open the one chosen sample on the Timeline."""
    chosen = state.chosen_samples(run.id)
    if len(chosen) != 1:
        st.caption(
            "Choose rows at the left: the figures below follow; one row opens on the Timeline."
        )
        return
    line = records(samples.iloc[[chosen[0]]])[0]
    for name in ("best", "worst"):
        step = int(line[f"{name}_step"])
        st.button(
            f"Timeline: {chosen[0]} at its {name} step, {step + 1}", key=f"{KEY}_{name}",
            type="tertiary", icon=":material/open_in_new:", disabled=step == line["step"],
            on_click=lambda s=step: opened.open_move(run, opened.move_to(run, chosen[0], s)),
        )  # fmt: skip


_ORDER = (
    "sample", "domain", "flags", "before", "after", "gain", "best_step", "best", "worst_step",
    "worst", "swing", "swing_lo", "swing_hi", "step", "since", "alike", "text",
)  # fmt: skip


_PRESENCE = ("memorized", "memorized_lo", "memorized_hi")
"""Of a run with a bench."""


def _order(frame: pd.DataFrame, others: Sequence[Found]) -> list[str]:
    place, known = _ORDER.index("gain") + 1, set(frame.columns)
    of_presence = [name for name in _PRESENCE if name in known]
    return [*_ORDER[:place], *map(_column, others), *of_presence, *_ORDER[place:]]


def _columns(others: Sequence[Found]) -> dict[str, Any]:
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn

    def nats(label: str, help: str) -> Any:
        return number(label, help=help + _NATS, format="%.4f")

    return {
        _column(other): number(
            other.quantity.title.lower(),
            format="%.4f",
            help=f"{_REFERENCE}{plain(other.quantity.sentence)} In {plain(other.quantity.unit)}; "
            f"{other.quantity.better} is better.",
        )
        for other in others
    } | {
        "sample": number("sample", help="Its id.", pinned=True),
        "domain": text("domain"),
        "flags": text("flags", help="What was planted: canary, poison …"),
        "before": nats("before", _REFERENCE + "Its loss before training. "),
        "after": nats("after", _REFERENCE + "Its loss after training. "),
        "gain": nats("gain", _REFERENCE + "Before minus after: what training changed. "),
        "memorized": nats(
            "memorized",
            _ESTIMATED + "Counterfactual memorization: its final loss were it never "
            "trained minus were it trained as in the reference; of a reserve sample, in the mean "
            "over all steps. ",
        ),
        "memorized_lo": nats("memorized from", _ESTIMATED + "Lower end of its 90 % interval. "),
        "memorized_hi": nats("memorized to", _ESTIMATED + "Upper end of its 90 % interval. "),
        "best_step": number("best step", help=_ESTIMATED + "Trained there it ends lowest."),
        "best": nats("at best", _ESTIMATED + "Its final loss there, minus the reference’s. "),
        "worst_step": number("worst step", help=_ESTIMATED + "Trained there it ends highest."),
        "worst": nats("at worst", _ESTIMATED + "Its final loss there, minus the reference’s. "),
        "swing": nats("swing", _ESTIMATED + "At worst minus at best. "),
        "swing_lo": nats("swing from", _ESTIMATED + "Lower end of its 90 % interval. "),
        "swing_hi": nats("swing to", _ESTIMATED + "Upper end of its 90 % interval. "),
        "step": number("step", help=_REFERENCE + "The step that trains it."),
        "since": number("last seen", help=_REFERENCE + "Steps trained after it."),
        "alike": text("near-duplicates", help="Samples that share six of ten runs of three words."),
        "text": text("text", width="large"),
    }
