"""One sample: its tokens by loss, its response curve, and whose training helps or hurts it."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from reorder_core.store.run import Run
from ui.app import panels, state, words
from ui.charts.template import Source, isolated, meta
from ui.memorization import figures as curves
from ui.memorization.sections import TABLE, say
from ui.queries import analysed, recalled
from ui.queries.recalled import Known
from ui.recall import figures, sentences, tokens
from ui.recall.sections import compared, order_on_screen, source
from ui.timeline import opened

LOSS, CHANGE = "Loss", "Change"


@st.fragment
def one(run: Run) -> None:
    """The sample view."""
    about = (
        "Each token on a ground as dark as its loss is high, after the reference run and under the "
        "order beside it; *Change* shows the difference, red and a solid rule where it rose, blue "
        "and a dashed one where it fell. The number is told on hover and in the file."
    )
    with panels.panel("sample", "One sample, token by token", about):
        first = recalled.reference(run)
        assert first is not None
        with st.container(horizontal=True, vertical_alignment="bottom"):
            chosen = _choice(run)
            other = compared(run, "sample")
            how = (
                LOSS
                if other is None
                else st.segmented_control(
                    "Colour", [LOSS, CHANGE], default=LOSS, required=True, key="ro_token_colour"
                )
            )
        losses = {known.name: _losses(run, known, chosen) for known in (first, other)
                  if known is not None}  # fmt: skip
        say(sentences.sample(run, chosen, losses))
        parts = tokens.pieces(run.samples[chosen].text, _ends(run, first, chosen))
        _text(parts, losses, str(how))
        table = tokens.table(parts, losses)
        panels.save_table("ro_tokens", "Tokens", source(run, first, other).file(f"tokens-{chosen}"),
                          lambda: table)  # fmt: skip
        _response(run, chosen)
        _influence(run, chosen)
    opened.follow()


def _choice(run: Run) -> int:
    flagged = [s.sample_id for s in run.samples if s.flags]
    picked = list(state.chosen_samples(run.id))
    ids = list(dict.fromkeys([*picked, *flagged, *range(run.count)]))
    label = {i: f"{words.of_sample(run, i)} · {isolated(run.samples[i].text[:40])}" for i in ids}
    return int(st.selectbox("Sample", ids, format_func=label.__getitem__, key="ro_sample"))


def _ends(run: Run, first: Known, chosen: int) -> list[int]:
    count = run.samples[chosen].tokens
    return [int(end) for end in first.recall.extra["ends"][chosen, :count]]


def _losses(run: Run, known: Known, chosen: int) -> NDArray[np.float64]:
    """Of the sample's tokens from the second on."""
    return known.recall.token_loss[chosen, : run.samples[chosen].tokens - 1].astype(np.float64)


def _text(parts: list[str], losses: dict[str, NDArray[np.float64]], how: str) -> None:
    first, *rest = losses.items()
    if how == CHANGE and rest:
        name, values = rest[0]
        change = np.concatenate([[np.nan], values - first[1]])
        limit = max(0.05, float(np.nanmax(np.abs(change))))
        st.caption(f"Change under {name}, darkest at ±{limit:.2f} nats.")
        st.html(tokens.coloured(parts, change, panels.mode(), limit, True,
                                f"Tokens by change of loss, {name}"))  # fmt: skip
        return
    for name, values in losses.items():
        st.caption(f"Measured on {name}, darkest from {tokens.MOST_NATS:g} nats.")
        st.html(tokens.coloured(parts, np.concatenate([[np.nan], values]), panels.mode(),
                                tokens.MOST_NATS, False, f"Tokens by loss, {name}"))  # fmt: skip


def _response(run: Run, chosen: int) -> None:
    frame = curves.curves_frame(run, analysed.effects(run), analysed.moves(run), [chosen])
    figure = curves.curves(frame, panels.mode(), Source(run.id, TABLE))
    figure.update_layout(meta=meta(figure) | {"name": "response"})
    panels.draw(figure, lambda: frame, "The sample’s final loss against its step")


def _influence(run: Run, chosen: int) -> None:
    order = order_on_screen(run)
    found = recalled.influence(run, order, chosen)
    say(sentences.influence(run, found, chosen))
    figure, frame = figures.influence(run, found, chosen, panels.mode(),
                                      Source(run.id, "projected, backwards"))  # fmt: skip
    panels.draw(figure, lambda: found, "Whose training helps and hurts the sample",
                lambda point: _open(run, frame, point))  # fmt: skip


def _open(run: Run, frame, point: dict) -> None:
    found = frame[frame["label"] == str(point["customdata"])]
    if len(found):
        sample = int(found["sample"].iloc[0])
        step = int(analysed.samples(run).iloc[sample]["best_step"])
        opened.open_move(run, opened.move_to(run, sample, step))
