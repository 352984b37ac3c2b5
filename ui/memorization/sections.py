"""Memorization's sections: each a heading, its sentence, its figure and files to take away."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import streamlit as st

from reorder_core.analysis.one_moves import agreement, farthest
from reorder_core.store.run import Run
from ui.app import open_run, panels, state
from ui.app.markdown import plain
from ui.charts.cells import Grid, cells
from ui.charts.template import Source
from ui.memorization import figures, maps, sentences, table
from ui.queries import analysed
from ui.timeline import opened

TABLE = "position table"
"""What the footers call the estimator of single steps."""
DEFINED = "[How this is defined](/help?page=memorization)"
_PER_RATE = "Divide out the learning rate"
_PER_RATE_HELP = (
    "A step with a high learning rate leaves more of any sample, wherever the sample stands. This "
    "shows what is left at one and the same rate."
)


def lead() -> None:
    """What the page is about."""
    st.title("What did the model memorize, and what does a sample’s step do to it?", anchor=False)
    st.caption(
        "Loss in nats per token. *Measured*: read off the reference run. *Estimated*: from its "
        f"position table, without retraining. *Retrained*: from the ledger. {DEFINED} "
        "Token by token: [Extraction](/extraction)."
    )


def say(*sentences: str) -> None:
    """Sentences beside a figure; names in them may hold anything."""
    st.markdown(plain(" ".join(filter(None, sentences))))


@st.fragment
def chosen(run: Run) -> None:
    """What follows the samples chosen in the table: the table's part, and the map."""
    who(run)
    position_map(run)  # by itself where only its own choices change


def who(run: Run) -> None:
    """The table of all samples, and what it shows at a glance."""
    samples, source = analysed.samples(run), Source(run.id, TABLE)
    about = "Every training sample: its loss before and after training, and at other steps."
    with panels.panel("who", "Who is memorized", about):
        say(
            sentences.who(run, samples),
            sentences.swings(samples, analysed.effects(run)),
            sentences.presence(samples),
        )
        table.show(run, samples, source.file("samples"))
        chosen = state.chosen_samples(run.id)
        figure = figures.gain_and_swing(run, samples, chosen, panels.mode(), source)
        panels.draw(figure, lambda: samples, "Gain by training against swing over steps",
                    lambda point: _open_best(run, samples, point))  # fmt: skip
        if chosen:
            _curves(run, chosen, source)
    opened.follow()


def _curves(run: Run, chosen: tuple[int, ...], source: Source) -> None:
    frame = figures.curves_frame(run, analysed.effects(run), analysed.moves(run), chosen)
    panels.draw(figures.curves(frame, panels.mode(), source), lambda: frame,
                "The chosen samples’ final loss against their step")  # fmt: skip
    if len(chosen) > figures.CURVES:
        st.caption(f"Curves of the first {figures.CURVES} of {len(chosen)} chosen samples.")


def _open_best(run: Run, samples: pd.DataFrame, point: dict) -> None:
    line = samples.iloc[int(point["customdata"])]
    opened.open_move(run, opened.move_to(run, int(line["sample"]), int(line["best_step"])))


@st.fragment
def position_map(run: Run) -> None:
    """Final loss when trained at a step, minus at home, by sample and by domain."""
    about = (
        "A cell: the estimated final loss of the sample itself, had it been trained at that step, "
        "minus at its own (the dot). Blue: remembered better. Faint: not told from zero, all cells "
        "corrected for together. Hatched: beyond what retraining has shown. Diamonds: really "
        "retrained. A click opens the move on the Timeline."
    )
    with panels.panel("map", "What its step does to a sample", about):
        rows, sort, per_rate = _map_choice()
        effects, moves = analysed.effects(run, per_rate), analysed.moves(run)
        say(sentences.position_map(effects, agreement(moves), per_rate))
        if rows == "Domains":
            _domain_map(run, per_rate)
        else:
            _sample_map(run, per_rate, sort)
    opened.follow()


def _map_choice() -> tuple[str, maps.Sort, bool]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        rows = st.segmented_control("Rows", ["Samples", "Domains"], default="Samples",
                                    required=True, key="ro_map_rows")  # fmt: skip
        sort = st.selectbox("Sorted by", list(maps.SORTS), format_func=maps.SORTS.__getitem__,
                            key="ro_map_sort", disabled=rows == "Domains", width=220)  # fmt: skip
        per_rate = st.toggle(_PER_RATE, key="ro_map_rate", help=_PER_RATE_HELP)
    return rows or "Samples", sort, per_rate


def _sample_map(run: Run, per_rate: bool, sort: maps.Sort) -> None:
    effects, moves = analysed.effects(run, per_rate), analysed.moves(run)
    chosen = state.chosen_samples(run.id)
    ids = maps.places(run, effects, sort, chosen)
    reach = None if analysed.untrusted(run) else farthest(moves)
    grid = maps.sample_grid(run, effects, ids, reach)
    truth = None if per_rate else maps.truth_of(grid, ids, moves)
    figure = cells(grid, name="map", title="A sample’s own final loss by the step that trains it",
                   what="change, nats/token", mode=panels.mode(), source=Source(run.id, TABLE),
                   truth=truth)  # fmt: skip
    panels.draw(figure, lambda: maps.grid_table(grid), "Position map of samples",
                lambda point: _open_cell(run, grid, ids, point))  # fmt: skip
    of = f"the {len(chosen)} chosen" if chosen else f"{run.count}"
    st.caption(f"{len(ids)} of {of} samples, {maps.SORTS[sort]}.")


def _domain_map(run: Run, per_rate: bool) -> None:
    effects = analysed.effects(run, per_rate)
    grid = maps.domain_grid(run, effects, not analysed.untrusted(run))
    figure = cells(grid, name="map-domains", mode=panels.mode(), source=Source(run.id, TABLE),
                   title="A domain’s samples: own final loss by the step that trains one of them",
                   what="mean change, nats/token")  # fmt: skip
    panels.draw(figure, lambda: maps.grid_table(grid), "Position map of domains")


def _open_cell(run: Run, grid: Grid, ids: np.ndarray, point: dict) -> None:
    row, column = grid.cell(int(point["customdata"]))
    opened.open_move(run, opened.move_to(run, int(ids[row]), grid.step_of(column)))


@st.fragment
def forgetting(run: Run) -> None:
    """What is left of training on a sample after a while, by real retrainings."""
    about = (
        "From retrainings in random orders. A sample’s fall in loss, minus that of samples of its "
        "domain that were not trained yet (difference in differences): what training on it did. "
        "Bands: 90 % over orders drawn again."
    )
    with panels.panel("forgetting", "What is left of it later", about):
        orders = len(analysed.random_retrainings(run))
        if orders < 2:
            _retrain_first(run, orders)
            return
        checkpoints = [int(c) for c in run.eval_steps[1:]]
        usual = max((c for c in checkpoints if c < run.steps), default=run.steps)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            checkpoint = st.segmented_control(
                "Looked at after step", checkpoints, default=usual, required=True,
                key="ro_checkpoint",
            ) or usual  # fmt: skip
            per_rate = st.toggle(_PER_RATE, key="ro_forget_rate", help=_PER_RATE_HELP)
        _event_study(run, orders, checkpoint, per_rate)
        _profile(run, orders, per_rate)


def _event_study(run: Run, orders: int, checkpoint: int, per_rate: bool) -> None:
    study = analysed.event_study(run, per_rate, checkpoint)
    half = analysed.half_lives(run, per_rate, checkpoint)
    say(sentences.forgetting(study, half, checkpoint, orders))
    source = Source(run.id, _retrained(orders))
    figure = figures.event_study(
        study, [s.domain for s in run.samples], checkpoint, per_rate, panels.mode(), source
    )
    panels.draw(figure, lambda: study, "What is left of training against steps since")
    st.dataframe(_half_life_table(half), hide_index=True, width="content")
    _note_left_out(run, study["domain"], "at this checkpoint")


def _half_life_table(half: pd.DataFrame) -> pd.DataFrame:
    """In words, since "not reached" is a result."""

    def told(steps: float) -> str:
        return "not reached" if np.isposinf(steps) else "–" if steps != steps else f"{steps:.0f}"

    def between(low: str, high: str) -> str:
        if low == high:
            return low
        return f"{low} or more" if high == "not reached" else f"{low} to {high}"

    lines = half.to_dict("records")
    return pd.DataFrame({
        "domain": half["domain"],
        "half-life, steps": [told(one["half_life"]) for one in lines],
        "90 % interval": [between(told(one["lo"]), told(one["hi"])) for one in lines],
        "peak, nats": half["peak"].round(4),
        "looked at, steps after the peak": half["seen"],
    })  # fmt: skip


def _note_left_out(run: Run, kept: Iterable[str], where: str) -> None:
    lacking = sorted(set(run.domains) - set(kept))
    if lacking:
        st.caption(f"Without a control {where}, so left out: {plain(', '.join(lacking))}.")


def _profile(run: Run, orders: int, per_rate: bool) -> None:
    found = analysed.profile(run, per_rate)
    grid, ordered = figures.profile_grid(found)
    st.markdown(f"**Memorization profile.** {plain(sentences.profile(found))}")
    figure = cells(grid, name="profile", title="Memorization profile: treatment step × checkpoint",
                   what="loss against the control’s, nats/token", mode=panels.mode(),
                   source=Source(run.id, _retrained(orders)))  # fmt: skip
    panels.draw(figure, lambda: ordered, "Memorization profile")
    _note_left_out(run, analysed.comparable(run), "at every checkpoint")


def _retrain_first(run: Run, orders: int) -> None:
    had = "No random order has" if not orders else "Only one random order has"
    st.markdown(
        f"**{had} been retrained.** Forgetting is measured on real retrainings. For 32, run"
    )
    st.code(
        f"python -m reorder_core fidelity {open_run.shown(run.path)} --family random --orders 32 "
        "--seed 7",
        language="bash",
    )


def planted(run: Run) -> None:
    """Canaries and poison against ordinary samples; nothing where nothing was planted."""
    late, curves = analysed.late_against_early(run), analysed.response_curves(run)
    if len(late) < 2:
        return
    orders = len(analysed.random_retrainings(run))
    about = (
        "Samples that were planted, by how often their text occurs, and all others. Line: "
        "estimated mean over the group, with its 90 % interval. Diamonds: its samples in random "
        "retrainings, 90 % over orders. Each around its own mean over steps."
    )
    with panels.panel("planted", "Canaries and poison against ordinary samples", about):
        say(sentences.planted(late, orders))
        source = Source(run.id, f"{TABLE}; {_retrained(orders)}")
        for column, group in zip(st.columns(len(late)), late["group"], strict=True):
            with column:
                st.markdown(f"**{plain(group)}**")
                figure = figures.planted(curves, group, panels.mode(), source)
                panels.draw(figure, lambda g=group: figures.planted_frame(curves, g),
                            f"Final loss of {group} by step")  # fmt: skip


def _retrained(orders: int) -> str:
    return f"{orders} random retrainings"
