"""The fidelity page's tables: estimators on one family, the ledger of retrained orders."""

import math
from collections.abc import Callable
from copy import copy
from typing import Any
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from reorder_core.judge.verified import MOST_PER_FAMILY
from reorder_core.records.fidelity import FidelityReport
from reorder_core.store.run import Run
from ui.app import panels, state
from ui.app.open_run import RUN
from ui.charts.template import Source
from ui.pages.fidelity_figures import Shown
from ui.pages.fidelity_frames import Judging, report_frame
from ui.pages.fidelity_sentences import FAMILY_WORDS

COLUMNS: dict[str, tuple[str, int, str]] = {
    "r2": ("explained, R²", +1, "Share of the order’s effect on samples’ final losses that is "
           "explained. 1 is perfect, 0 no better than “the order changes nothing”, below 0 worse."),
    "r2_heldout": ("explained of held-out, R²", +1, "The same for held-out losses by domain."),
    "coverage90": ("inside 90 %", 0, "Share of retrained losses inside the 90 % interval."),
    "coverage90_heldout": ("held-out inside 90 %", 0, "The same for held-out losses."),
    "rho_sample": ("which order is best for a sample, ρ", +1, "Spearman rank correlation across "
                   "orders, for each sample, then averaged."),
    "rho_within": ("which samples are poorly learned, ρ", +1, "Spearman across the samples of one "
                   "order, averaged. High for anyone: samples differ more than orders do."),
    "rho_heldout": ("which order generalizes best, ρ", +1, "Spearman across orders of the mean "
                    "held-out loss."),
    "rel_mae": ("error; 1: no change", -1, "Mean absolute error of final losses, in units of the "
                "error of assuming that the order changes nothing. Below 1 the estimate helps."),
    "query_ms_p50": ("query, ms", -1, "Median time of one estimate where it was measured."),
    "precompute_rre": ("cost before, trainings", -1, "Precomputation in trainings of the analysed "
                       "run (RRE), with the retrainings that it learned from."),
    "bytes": ("stored, MB", -1, "Size of the arrays that it keeps."),
}  # fmt: skip
"""Measure → heading, better (more +1, less −1, near 90 % 0), explanation."""


def reports(run: Run, report: FidelityReport, estimator: str) -> None:
    """Every estimator that the report measured, with the best of each column marked."""
    words = FAMILY_WORDS.get(report.family, report.family)
    about = (
        "● the best of its column; ○ not told apart from it: its interval reaches the best. The "
        "baseline “reference”, which says that nothing changes, stays out of that. In brackets: "
        "95 % bootstrap intervals over orders."
    )
    with panels.panel("reports", "Estimators against real retraining", about):
        spread = (f"; a sample’s final loss varies by {report.spread:.3f} nats over them"
                  if report.spread is not None else "")  # fmt: skip
        st.caption(f"{report.orders} {words}, seed {report.seed}{spread}")
        frame = report_frame(report)
        st.dataframe(
            copy(marked(frame, estimator)), hide_index=True, key="ro_table_reports",
            column_config=_columns(frame), placeholder="–",
            alt="Measures of each estimator on these orders",
        )  # fmt: skip
        title, file = f"Estimators on {words}", Source(run.id, report.family).file("fidelity")
        with st.container(horizontal=True, horizontal_alignment="right"):
            panels.save_table("ro_chart_reports", title, file, lambda: frame)


def _columns(frame: pd.DataFrame) -> dict[str, Any]:
    shown = {name: st.column_config.NumberColumn(label, help=about)
             for name, (label, _, about) in COLUMNS.items() if name in frame}  # fmt: skip
    return {"estimator": st.column_config.TextColumn("estimator", pinned=True), **shown}


@st.cache_resource(max_entries=32, show_spinner=False)
def marked(frame: Any, estimator: str) -> Any:
    """The table as it is read: measures with interval and mark; the chosen row stands out.

    Kept, as its cells are many; draw a copy.
    """
    table = frame[["estimator", *(name for name in COLUMNS if name in frame)]].copy()
    if "bytes" in table:
        table["bytes"] = table["bytes"] / 1e6
    style = table.style
    for name in table.columns[1:]:
        best = _best(frame, name)
        for row in table.index:
            subset = pd.IndexSlice[[row], [name]]
            style = style.format(_cell(dict(frame.loc[row]), name, best), subset=subset)
    chosen = table.index[table["estimator"] == estimator]
    return style.set_properties(subset=pd.IndexSlice[chosen, :], **{"font-weight": "700"})


def _best(frame: Any, name: str) -> float:
    """The best value of a column, the do-nothing baseline aside; nan where there are not two."""
    values = frame.loc[frame["estimator"] != "reference", name].dropna()
    better = COLUMNS[name][1]
    if len(values) < 2:
        return float("nan")
    if better == 0:
        return float(values.loc[(values - 0.9).abs().idxmin()])
    return float(values.max() if better > 0 else values.min())


def _cell(row: dict[str, Any], name: str, best: float) -> Callable[[float], str]:
    """How a cell is written."""
    real = row["estimator"] != "reference"
    low, high = (float(row.get(f"{name}_{end}", math.nan)) for end in ("lo", "hi"))
    known = math.isfinite(low) and math.isfinite(high)
    top = real and row[name] == best
    near = real and not top and known and COLUMNS[name][1] != 0 and low <= best <= high
    mark = "● " if top else "○ " if near else ""

    def written(value: float) -> str:
        if value != value:
            return "–"
        if name.startswith("coverage"):
            return f"{mark}{100 * value:.0f} %"
        digits = 3 if known or name.startswith("r") else 2 if value < 1 else 1
        interval = f" [{low:.2f}, {high:.2f}]" if known else ""
        return f"{mark}{value:.{digits}f}{interval}".replace("-", "−")

    return written


def ledger(shown: Shown, found: Judging, fitted: int) -> None:
    """Every retrained order that judges; a row leads to it on the Timeline."""
    about = (
        "Every order that was really retrained and that the estimator was not fitted on. Changes "
        "are against the reference run, in nats per token. Select a row to open it on the Timeline."
    )
    table = ledger_table(shown.run, found)
    with panels.panel("ledger", "Ledger of retrained orders", about):
        st.dataframe(
            table, hide_index=True, key="ro_table_ledger", column_config=_ledger_columns(),
            height=420, on_select=lambda: _open(found, list(table.index)),
            selection_mode="single-row", alt="Retrained orders and how the estimates of them did",
        )  # fmt: skip
        with st.container(horizontal=True, horizontal_alignment="right"):
            panels.save_table(
                "ro_chart_ledger",
                "Ledger of retrained orders",
                shown.source.file("ledger"),
                lambda: found.orders.drop(columns="link"),
            )
        st.caption(ledger_words(found, fitted))


def ledger_table(run: Run, found: Judging) -> pd.DataFrame:
    """What the table shows, the largest error first; its index is the row of `found.orders`."""
    orders: Any = found.orders
    links = [
        f"timeline?{urlencode({RUN: run.id} | link)}#{digest[:8]}"
        for link, digest in zip(orders["link"], orders["hash"], strict=True)
    ]
    table = orders.drop(columns=["link", "hash", "expected"]).assign(order=links)
    for name in ("inside", "probe_inside"):
        table[name] = 100 * table[name]
    names = ["order", *(name for name in table.columns if name != "order")]
    return table[names].sort_values("error", ascending=False)


def _ledger_columns() -> dict[str, Any]:
    number, nats, percent = st.column_config.NumberColumn, "%.4f", "%.0f %%"
    return {
        "order": st.column_config.LinkColumn("order", display_text="#(.+)$", pinned=True,
                                             help="Opens on the Timeline, in another tab"),
        "family": st.column_config.TextColumn("family", help="The way of drawing that gave it; "
                                              "“by hand” where a person chose it"),
        "change": number("samples moved by", format=nats, help="Real change of a sample’s final "
                         "loss, absolute, mean over samples"),
        "error": number("error of estimate", format=nats, help="Mean absolute error of the "
                        "samples’ estimated losses. Smaller than the change: it helps"),
        "probe_change": number("held-out change", format="%+.4f", help="Real change of the mean "
                               "held-out loss; below zero: generalizes better"),
        "probe_error": number("its error", format=nats),
        "inside": number("inside 90 %", format=percent, help="Share of samples whose retrained "
                         "loss lies inside the 90 % interval"),
        "probe_inside": number("held-out inside 90 %", format=percent),
        "distance": number("distance", format="%.3f", help="How far the estimated final weights "
                           "lie from the reference run’s, relative to how far training went"),
    }  # fmt: skip


def ledger_words(found: Judging, fitted: int) -> str:
    """How many orders of each family, and which of the ledger's are not among them."""
    counts = found.orders["family"].value_counts()
    told = ", ".join(f"{counts[name]} {words}" for name, words in FAMILY_WORDS.items()
                     if name in counts)  # fmt: skip
    were = "was" if fitted == 1 else "were"
    left_out = (
        f" {fitted} more in the ledger {were} used to fit this estimator and judge"
        f"{'s' if fitted == 1 else ''} nothing here."
    )
    return f"{told}.{left_out if fitted else ''} At most the {MOST_PER_FAMILY} newest of a family."


def _open(found: Judging, rows: list[int]) -> None:
    chosen = state.selected_rows("ro_table_ledger")
    if chosen:
        state.set_opening(dict(found.orders["link"].iloc[rows[chosen[0]]]))
