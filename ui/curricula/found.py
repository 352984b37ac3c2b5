"""What a search found: its course, the best order in words, truth beside estimates, files."""

import numpy as np
import pandas as pd
import streamlit as st

from reorder_core.curricula.asked import Task
from reorder_core.curricula.objective import Objective
from reorder_core.curricula.result import front_of, known_words
from reorder_core.curricula.search_state import SearchState, Tried
from reorder_core.curricula.told import in_words, whereabouts
from reorder_core.export.curriculum import file_stem, index_json, order_json
from reorder_core.orders.links import encode_order
from reorder_core.store.run import Run
from ui.app import panels
from ui.app import state as session
from ui.app.markdown import plain
from ui.charts import curricula
from ui.charts.template import Source, isolated
from ui.timeline.address import ORDER, RUN


def show(run: Run, task: Task, state: SearchState) -> None:
    """All figures of the verified orders."""
    ranked = front_of(task, state)
    if not ranked:
        st.warning("Every order that was trained diverged; try a run with a lower learning rate.")
        return
    best = ranked[0]
    left, right = st.columns(2)
    with left:
        if len(task.objectives) == 1:
            _course(task, state)
        else:
            best = _front(run, task, state, ranked)
    with right:
        _agreement(task, state)
    _order(run, best)


def _source(task: Task, state: SearchState) -> Source:
    """An estimate was made before its order was trained; those of the last round knew most."""
    last = max((entry.round for entry in state.verified), default=0)
    return Source(task.run.id, f"retrained; {known_words(task.run, state, last)} at most")


def _course(task: Task, state: SearchState) -> None:
    objective = task.objectives[0]
    better = "higher" if objective.raises else "lower"
    about = f"Each diamond is an order that was really trained; {better} is better."
    frame = pd.DataFrame(
        {"number": number, "value": e.realised[0], "source": e.source}
        for number, e in enumerate(state.verified, 1) if e.realised
    )  # fmt: skip
    frame["best"] = frame["value"].cummax() if objective.raises else frame["value"].cummin()
    random = float(np.mean(state.random[0])), float(np.std(state.random[0]))
    figure = curricula.progress(
        frame,
        random,
        objective.short,
        _unit(objective),
        mode=panels.mode(),
        source=_source(task, state),
    )
    with panels.panel("curriculum_progress", "Best order so far", about):
        panels.draw(figure, lambda: frame, f"Best so far: {frame['best'].iloc[-1]:.4f}")


def _unit(objective: Objective) -> str:
    return objective.unit.replace("nats per token", "nats/token")


def _agreement(task: Task, state: SearchState) -> None:
    objective = task.objectives[0]
    rows = [
        {"source": e.source, "kind": "found" if e.round else "proposal",
         "estimated": e.estimated[0].value, "lo": e.estimated[0].lo, "hi": e.estimated[0].hi,
         "realised": e.realised[0]}
        for e in state.verified if e.realised
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    figure = curricula.agreement(
        frame,
        objective.short,
        _unit(objective),
        mode=panels.mode(),
        source=_source(task, state),
    )
    about = (
        "The estimate is the one that was made before the order was trained. A search looks for "
        "orders that are estimated to be good, so its finds tend to lie above the line: their "
        "estimates were too hopeful, and the next round has learned from that."
    )
    with panels.panel("curriculum_agreement", "Estimate against retraining", about):
        panels.draw(figure, lambda: frame, "Estimate against retraining of each verified order")


def _front(run: Run, task: Task, state: SearchState, ranked: list[Tried]) -> Tried:
    """The front; the compromise that was clicked, else the best one."""
    hashes = {entry.hash for entry in ranked}
    frame = pd.DataFrame(
        {"x": e.realised[0], "y": e.realised[1], "source": e.source, "front": e.hash in hashes,
         "hash": e.hash}
        for e in state.verified if e.realised
    )  # fmt: skip
    names = [
        f"{o.short} ({'higher' if o.raises else 'lower'} is better), {_unit(o)}"
        for o in task.objectives
    ]
    figure = curricula.pareto(frame, names, mode=panels.mode(), source=Source(run.id, "retrained"))
    about = "Orders that were really trained. Click one to read of it below and open it."

    def picked(point: dict) -> None:
        session.set_picked_order(run.id, str(point.get("customdata")))

    with panels.panel("curriculum_front", "Compromises between two aims", about):
        panels.draw(figure, lambda: frame, "Two objectives of each verified order", picked)
    wanted = session.picked_order(run.id)
    return next((e for e in state.verified if e.hash == wanted), ranked[0])


def _order(run: Run, entry: Tried) -> None:
    """One order in words and by where domains went, with what to do with it."""
    told = whereabouts(run, entry.order)
    middles = (np.arange(len(told.domain_share)) + 0.5) / len(told.domain_share)
    shares = pd.DataFrame(told.domain_share, index=middles, columns=list(run.domains))
    figure = curricula.whereabouts(
        shares, [s.domain for s in run.samples], mode=panels.mode(),
        source=Source(run.id, order=entry.hash),
    )  # fmt: skip
    with panels.panel(
        "curriculum_order", "The order found", "Shares of domains in each stretch of training."
    ):
        st.markdown(f"Found by {plain(entry.source)}. {plain(in_words(run, entry.order))}")
        panels.draw(figure, shares.reset_index, in_words(run, entry.order))
        _take_away(run, entry)


def _take_away(run: Run, entry: Tried) -> None:
    stem = file_stem(run, entry.hash)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(
            "pages/timeline.py", label="Open on the Timeline", icon=":material/open_in_new:",
            query_params={RUN: run.id, ORDER: encode_order(entry.order)},
        )  # fmt: skip
        st.download_button(
            "Order, JSON", order_json(run, entry.order), f"{stem}.json", "application/json",
            key="ro_curriculum_json", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            "Index for datasets.select", index_json(run, entry.order), f"{stem}_index.json",
            "application/json", key="ro_curriculum_index", on_click="ignore",
        )  # fmt: skip
    st.caption(
        "To train in it elsewhere: `dataset.select(json.load(open(FILE)))` without shuffling, or "
        "`OrderSampler` of `reorder_core.export.sampler`, as `examples/train_in_order.py` does "
        "with `transformers.Trainer`."
    )


def proposals(run: Run, task: Task, state: SearchState) -> None:
    """All proposals and finds in a table, with what each cost."""
    found = [(entry.source, entry) for entry in state.verified if entry.round]
    rows = [_row(run, task, name, entry) for name, entry in [*found, *state.proposals.items()]]
    frame = pd.DataFrame(rows)
    order = frame.columns[1:]
    first = f"{isolated(task.objectives[0].text)}: retrained"
    frame = frame.sort_values(
        first, ascending=not task.objectives[0].raises, na_position="last", kind="stable"
    )
    st.subheader("Against what people would try", anchor=False)
    st.dataframe(
        frame, hide_index=True, width="stretch", key="ro_curriculum_table",
        column_config={
            "open": st.column_config.LinkColumn("Timeline", display_text="open"),
            **{name: st.column_config.NumberColumn(name, format="%.4f")
               for name in order if name not in ("open", "RRE")},
        },
    )  # fmt: skip
    spent = state.paid * task.price
    st.caption(
        f"RRE: cost in trainings of this run. All retrainings together {spent:.1f} RRE; estimates "
        f"of {state.priced:,} orders cost none."
    )


def _row(run: Run, task: Task, name: str, entry: Tried) -> dict[str, object]:
    row: dict[str, object] = {"order": name}
    for at, objective in enumerate(task.objectives):
        found, name = entry.estimated[at], isolated(objective.text)
        row[f"{name}: estimated"] = found.value
        row[f"{name}: low"], row[f"{name}: high"] = found.lo, found.hi
        known = entry.realised[at] if entry.realised else None
        row[f"{name}: retrained"] = np.nan if known is None else known
    row["RRE"] = round(task.price, 2) if entry.realised else 0.0
    row["open"] = f"timeline?{RUN}={run.id}&{ORDER}={encode_order(entry.order)}"
    return row
