"""Generalization's sections: each a heading, its sentence, its figure and files to take away."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np
import pandas as pd
import streamlit as st

from reorder_core.analysis import learning
from reorder_core.analysis.frames import lines
from reorder_core.errors import ReorderError
from reorder_core.orders.moves import Move, apply
from reorder_core.orders.order import order_hash
from reorder_core.store.run import Run
from ui.app import panels, state
from ui.charts.cells import cells
from ui.charts.dots import Axis, dots
from ui.charts.ranges import Axes, ranges
from ui.charts.template import Source, domain_colours, isolated
from ui.generalization import frames, sentences
from ui.generalization.frames import ALL, Course, PricedMove
from ui.memorization.maps import grid_table
from ui.memorization.sections import TABLE, say
from ui.queries import analysed, estimates
from ui.queries.estimates import Pair
from ui.queries.service import informed
from ui.timeline import opened

DEFINED = "[How this is defined](/help?page=memorization)"
SAVED = 4
"""Saved orders whose curves are drawn, the first of the deck."""
_FIRST_SECONDS, _SLICE_SECONDS, _POLL_SECONDS = 0.3, 0.6, 0.2
THIS, REFERENCE = "the order on screen", "the reference"


def lead() -> None:
    """What the page is about."""
    st.title("What does the order of training do to text that was never trained?", anchor=False)
    st.caption(
        "Held-out loss in nats per token. *Measured*: on the reference run. *Estimated*: without "
        f"retraining. *Retrained*: from the ledger. {DEFINED}"
    )


@st.fragment
def influence(run: Run) -> None:
    """Training domain × step × held-out domain."""
    about = (
        "A cell: how held-out loss is estimated to change when one sample of a training domain is "
        "trained at that step instead of at its own, on average over the domain’s samples. Blue: "
        "held-out text is known better. Faint: not told from zero, all cells corrected together."
    )
    with panels.panel("influence", "Where training text sits, and what held-out text makes of it",
                      about):  # fmt: skip
        found = analysed.influence(run)
        say(sentences.influence(run, found))
        chosen, summed = _influence_choice(run)
        grid = frames.influence_grid(run, found, chosen, summed)
        trusted = "" if not analysed.untrusted(run) else " (this run’s estimates deserve no trust)"
        figure = cells(
            grid, name="influence", mode=panels.mode(), source=Source(run.id, TABLE),
            title=f"Training domain → held-out loss{trusted}", what="change, nats/token",
            axis="one of its samples trained at step" if not summed else "trained at step",
        )  # fmt: skip
        panels.draw(figure, lambda: grid_table(grid), "Influence of training domains by step")
        if summed:
            st.caption("Added up over a domain’s samples, as if each moved alone; they interact.")


def _influence_choice(run: Run) -> tuple[str, bool]:
    rows = len(run.domains) * len(run.probe_domains)
    names = ([ALL] if rows <= frames.MOST_ROWS else []) + list(run.probe_domains)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Held-out text", names, key="ro_influence_of", width=220)
        summed = st.toggle("Added up over a domain’s samples", key="ro_influence_sum")
    return chosen or names[0], summed


def single_moves(run: Run) -> None:
    """The best and the worst single move for each held-out domain, with intervals.

    Their estimates take some seconds the first time: they come in slices, while
    the rest of the page is there.
    """
    lacking = _work(run, _FIRST_SECONDS)
    st.fragment(_single_moves, run_every=_POLL_SECONDS if lacking else None)(run, lacking > 0)


def _single_moves(run: Run, working: bool) -> None:
    if working and not _work(run, _SLICE_SECONDS):
        st.rerun()  # ends the polling
    about = (
        "Of all inserts of one sample, those that the position table ranks first and last for a "
        "held-out domain, estimated anew with a 90 % interval by the estimator of the Timeline. A "
        "click opens the move there."
    )
    with panels.panel("single-moves", "The best and the worst single move", about):
        lists = analysed.shortlists(run)
        if working:
            total = sum(map(len, lists.values()))
            st.caption(f"Estimating: {total - len(_lacking(run))} of {total} moves are done.")
            return
        moves = _priced(run, lists)
        frame, knows = frames.moves_frame(run, moves), informed(run).knows(run.reference_order)
        say(sentences.single_moves(run, moves))
        shown = frames.most_moved(moves)
        if len(shown) < len(moves):
            st.caption(
                f"Of {len(run.probe_domains)} domains the {frames.MOST_DOMAINS} that a single "
                "move changes most; the table has all."
            )
        figure = dots(
            frames.moves_frame(run, shown), Axis("change of its held-out loss, nats/token", 4),
            name="single-moves",
            title="Best and worst single move by held-out domain", mode=panels.mode(),
            source=Source(run.id, knows.words(estimates.ESTIMATOR)), above=True,
        )  # fmt: skip
        panels.draw(figure, lambda: frame, "Best and worst single moves",
                    lambda point: _open(run, moves, str(point["customdata"])))  # fmt: skip
    opened.follow()


def _lacking(run: Run) -> list[Pair]:
    """The moves that are not estimated yet."""
    return estimates.lacking(run, analysed.shortlisted(run))


def _work(run: Run, seconds: float) -> int:
    """Estimate moves for about so long; how many still lack."""
    lacking = _lacking(run)
    if lacking:
        estimates.work(run, lacking, seconds)
    return len(estimates.lacking(run, lacking))


def _priced(run: Run, lists: Mapping[tuple[str, str], Sequence[Move]]) -> list[PricedMove]:
    reference = run.reference_order
    differences = {
        key: [estimates.difference(run, apply(reference, move), reference) for move in moves]
        for key, moves in lists.items()
    }
    return frames.priced(run, lists, differences)


def _open(run: Run, moves: list[PricedMove], label: str) -> None:
    found = [one for one in moves if frames.move_label(run, one) == label]
    if found:
        opened.open_move(run, found[0].move)


@st.fragment
def needs(run: Run) -> None:
    """Which samples a held-out domain wants late, which early."""
    about = (
        "Estimated held-out loss with the sample in the second half of training minus in the "
        "first. Blue: the domain wants it late. A click opens the sample on the Timeline, at the "
        "step that serves the domain best."
    )
    with panels.panel("needs", "Which samples does held-out text need, and when", about):
        found = analysed.needs(run)
        domain = st.selectbox("Held-out text", run.probe_domains, key="ro_needs_of", width=220)
        frame = frames.needs_frame(run, found, str(domain))
        say(sentences.needs(run, found, str(domain)))
        if len(frame):
            figure = dots(
                frame, Axis("late minus early, nats/token", 4), name="needs", mode=panels.mode(),
                title=f"What held-out {isolated(domain)} wants late (left) or early (right)",
                source=Source(run.id, TABLE),
            )  # fmt: skip
            whole = lines(found, found["held_out"] == domain)
            panels.draw(figure, lambda: whole, "Samples wanted late or early",
                        lambda point: _open_needed(run, frame, str(domain), point))  # fmt: skip
    opened.follow()


def _open_needed(run: Run, frame: pd.DataFrame, domain: str, point: dict) -> None:
    found = lines(frame, frame["label"] == str(point["customdata"]))
    if len(found):
        sample = int(found["sample"].iloc[0])
        table = estimates.position_table(run).probe[run.probe_domains.index(domain)]
        opened.open_move(
            run, opened.move_to(run, sample, int(np.argmin(table[sample, : run.steps])))
        )


@st.fragment
def curves(run: Run) -> None:
    """Held-out loss along training: reference, order on screen, saved orders."""
    about = (
        "Held-out loss where it was evaluated. The band: where random retrainings lay. Diamonds: "
        "orders of these that were really retrained."
    )
    with panels.panel("curves", "Learning curves on held-out text", about):
        domain = learning.ALL
        if len(run.probe_domains) > 1:
            names = [learning.ALL, *run.probe_domains]
            domain = st.selectbox("Held-out text", names, key="ro_curves_of", width=220) or domain
        courses, spread = _courses(run), analysed.spreads(run)["loss"]
        orders = len(analysed.random_retrainings(run))
        say(sentences.curves(run, courses, spread, domain, orders))
        frame = frames.curves_frame(run, courses, spread, domain)
        axes = Axes("steps trained", "held-out loss, nats/token", line=None)
        order = state.history(run.id, run.reference_order).order
        known = informed(run).knows(order).words(estimates.ESTIMATOR)
        figure = ranges(frame, _shades(courses), axes, name="curves", mode=panels.mode(),
                        title=f"Held-out loss along training, {isolated(domain)}",
                        source=Source(run.id, known))  # fmt: skip
        panels.draw(figure, lambda: frame, "Learning curves on held-out text")
        st.caption(f"Evaluated after {_numbers(run.eval_steps)} steps; nothing is known between.")


def gap(run: Run) -> None:
    """How far training text pulled ahead of held-out text of its domain."""
    about = (
        "Held-out loss minus the mean loss of the training samples of the same domain, planted "
        "samples left out. It begins where the two texts happened to lie; what grows is what the "
        "model knows better of the text that it was trained on."
    )
    with panels.panel("gap", "From training text to held-out text", about):
        course, spread = _reference(run), analysed.spreads(run)["gap"]
        say(sentences.gap(run, course, spread, len(analysed.random_retrainings(run))))
        frame = frames.gap_frame(run, course, spread)
        if not len(frame):
            return
        shades = domain_colours(s.domain for s in run.samples) | {learning.ALL: "reference"}
        figure = ranges(frame, shades, Axes("steps trained", "held-out minus trained, nats/token"),
                        name="gap", title="Train-to-held-out gap along training",
                        mode=panels.mode(), source=Source(run.id))  # fmt: skip
        panels.draw(figure, lambda: frame, "Train-to-held-out gap")


def _shades(courses: list[Course]) -> dict[str, str]:
    usual = {frames.SPREAD: "reference", REFERENCE: "reference", THIS: "estimate"}
    saved = [course.name for course in courses if course.name not in usual]
    return usual | {name: f"domain-{at + 1}" for at, name in enumerate(saved)}


def _courses(run: Run) -> list[Course]:
    """The reference first, the order on screen where it is another, then saved ones."""
    order = state.history(run.id, run.reference_order).order
    found, seen = [_reference(run)], {order_hash(run.reference_order)}
    asked = [(THIS, order)]
    with suppress(ReorderError):  # no database to save in: there is nothing saved
        asked += [(view.name, view.order) for view in estimates.views(run).all()[:SAVED]]
    for name, one in asked:
        if order_hash(one) not in seen:
            seen.add(order_hash(one))
            found.append(_course(run, name, one))
    return found


def _course(run: Run, name: str, order) -> Course:
    estimate, truth = estimates.answer(run, order).estimate, run.ledger.of(order)
    return Course(name, estimate.losses_at, None if truth is None else truth.losses_at.probes)


def _reference(run: Run) -> Course:
    known = run.reference
    return Course(REFERENCE, known.losses_at, None)


def _numbers(values: np.ndarray) -> str:
    numbers = [str(int(value)) for value in values]
    return ", ".join(numbers[:-1]) + " and " + numbers[-1]
