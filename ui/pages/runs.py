"""The runs page: the list, two runs side by side, deleting one."""

import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from reorder_core.analysis.two_runs import FEWEST, Compared, compared
from reorder_core.errors import OrderError
from reorder_core.estimators import DEFAULT
from reorder_core.store.leftovers import remove_scratch
from reorder_core.store.run import Run, open_run
from ui.app import known_runs, panels, state, visitors
from ui.app.known_runs import KnownRun
from ui.app.markdown import plain
from ui.charts.template import Mode, Source, blank, colour, escaped


def listed(run: Run) -> None:
    """All runs that can be opened, and a button to open another."""
    st.title("Runs", anchor=False)
    known = known_runs.known_runs()
    frame = pd.DataFrame([_row(found, run) for found in known])
    two_digits = st.column_config.NumberColumn(format="%.2f")
    st.dataframe(
        frame, hide_index=True, key="ro_runs_table",
        column_config={"R² on random orders": two_digits},
    )  # fmt: skip
    others = {found.id: found for found in known if found.id != run.id}
    if not others:
        st.caption("Only this one. Runs lie in data/, in runs/ and in folders REORDER_RUNS names.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Open another", list(others), format_func=lambda id: others[id].title,
            key="ro_runs_open",
        )  # fmt: skip
        st.button("Open", on_click=_open, key="ro_runs_open_it")


def _open() -> None:
    run_id = state.shown("ro_runs_open")  # as it is on screen, though the page may not follow yet
    state.pick_run(run_id)
    st.query_params.from_dict({"run": run_id})


def _row(found: KnownRun, run: Run) -> dict[str, object]:
    opened = _opened(found)
    reports = {} if opened is None else {r.family: r for r in opened.fidelity}
    judged = reports.get("random")
    measured = judged and judged.estimators.get(DEFAULT)
    return {
        "run": found.name + (" (open)" if found.id == run.id else ""),
        "samples": found.samples,
        "steps": found.steps,
        "model": opened.config.model.title if opened else "",
        "text": opened.config.corpus.label if opened else "",
        "retrained orders": len(opened.ledger) if opened else None,
        "R² on random orders": np.nan if measured is None else measured.r2,
        "prepared, in trainings": round(opened.precompute_rre, 1) if opened else None,
        "id": found.id,
    }


def _opened(found: KnownRun) -> Run | None:
    try:
        return _held(found.path, known_runs.stamp(found.path))
    except OSError:
        return None


@st.cache_resource(max_entries=16, show_spinner=False)
def _held(path: object, changed: object) -> Run:
    return open_run(path)  # type: ignore[arg-type]


def compare(run: Run) -> None:
    """What two runs of the same text made of each sample."""
    others = {found.id: found for found in known_runs.known_runs() if found.id != run.id}
    if not others:
        return
    about = (
        "A point a text that both trained. Across: what this run learned of it, up: what the other "
        "did (loss before training minus loss after). Far from the line, the two differ."
    )
    with panels.panel("two-runs", "Two runs side by side", about):
        chosen = st.selectbox(
            "Compare with", list(others), format_func=lambda id: others[id].title,
            key="ro_runs_compare",
        )  # fmt: skip
        other = _opened(others[chosen])
        found = None if other is None else compared(run, other)
        if other is None or found is None:
            st.markdown(
                f"Fewer than {FEWEST} texts are in both. Runs of the same text compare: another "
                "model, size, seed or learning rate, the rest of the config as it was."
            )
            return
        said = words(run, other, found)
        st.caption(plain(said))
        panels.draw(scatter(run, other, found, panels.mode()), lambda: found.frame, said)


def words(run: Run, other: Run, found: Compared) -> str:
    """How alike the two are, and the text that they differ most on."""
    apart = found.frame.learned_one - found.frame.learned_other
    most = found.frame.loc[apart.abs().idxmax()]
    said = (
        f"{len(found.frame)} texts are in both. What was learned of them goes together with ρ "
        f"{found.learned:.2f} (Spearman)"
    )
    if np.isfinite(found.curves):
        said += f"; where a text should stand, with a median ρ of {found.curves:.2f}"
    return (
        f"{said}. They differ most on #{int(most.one)} of {most.domain}: {run.name} learned "
        f"{most.learned_one:+.2f} nats of it, {other.name} {most.learned_other:+.2f}."
    )


def scatter(run: Run, other: Run, found: Compared, mode: Mode) -> go.Figure:
    """What was learned of each text, one run against the other."""
    frame, name = found.frame, "two-runs"
    figure = blank(name, "Two runs side by side", mode, Source(run.id, other.id), 420, other.id)
    ends = [float(frame[["learned_one", "learned_other"]].min(axis=None)),
            float(frame[["learned_one", "learned_other"]].max(axis=None))]  # fmt: skip
    figure.add_scatter(
        x=ends, y=ends, mode="lines", name="as much", hoverinfo="skip",
        line={"color": colour("truth", mode), "width": 1, "dash": "dash"},
    )  # fmt: skip
    for number, domain in enumerate(sorted(set(frame.domain)), start=1):
        part = frame[frame.domain == domain]
        figure.add_scatter(
            x=part.learned_one, y=part.learned_other, mode="markers", name=escaped(domain),
            marker={"color": colour(f"domain-{1 + (number - 1) % 8}", mode), "size": 7},
            text=[f"#{one} / #{two}" for one, two in zip(part.one, part.other, strict=True)],
            hovertemplate="%{text}: %{x:+.2f} and %{y:+.2f} nats<extra></extra>",
        )  # fmt: skip
    figure.update_layout(
        xaxis_title=f"learned by {escaped(run.name)}, nats/token",
        yaxis_title=f"learned by {escaped(other.name)}, nats/token",
    )
    return figure


def delete(run: Run) -> None:
    """Runs in the folder that this app builds into can be deleted, by writing their name."""
    home = known_runs.home()
    inside = {
        found.id: found
        for found in known_runs.known_runs()
        if found.id != run.id and found.path.resolve().parent == home.resolve()
    }
    if not inside or visitors.read_only():
        return
    with st.expander("Delete a run"):
        chosen = st.selectbox(
            "Run", list(inside), format_func=lambda id: inside[id].title, key="ro_runs_delete"
        )
        name = inside[chosen].name
        written = st.text_input(f"Write {name} to confirm", key="ro_runs_delete_name")
        st.button(
            "Delete with its retrainings", disabled=written != name, key="ro_runs_delete_it",
            on_click=_delete, args=(inside[chosen],),
        )  # fmt: skip


def _delete(found: KnownRun) -> None:
    try:
        visitors.must_be_free_to("delete runs")
        home = known_runs.home()
        if found.path.resolve().parent != home.resolve():
            raise OrderError(f"{found.path} is not in {home}")
        remove_scratch(home)
        with tempfile.TemporaryDirectory(prefix=f"reorder-{os.getpid()}-", dir=home) as scratch:
            found.path.rename(Path(scratch) / "run")  # all of it leaves the list at once
    except (OrderError, OSError) as error:
        st.toast(f"Not deleted: {plain(str(error))}.", icon=":material/block:")
    else:
        st.toast(f"{plain(found.title)} is deleted.", icon=":material/delete:")
