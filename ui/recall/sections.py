"""The Extraction page's sections: each a heading, its sentence, its figure and files."""

import numpy as np
import pandas as pd
import streamlit as st

from reorder_core.analysis import attack as attacking
from reorder_core.orders.order import order_hash
from reorder_core.recall.plan import prompt_length
from reorder_core.store.run import Run
from ui.app import panels, state
from ui.charts.ranges import Axes, ranges
from ui.charts.template import Source
from ui.memorization.sections import say
from ui.queries import estimates, recalled
from ui.queries.recalled import Known
from ui.recall import figures, sentences
from ui.timeline import opened

LENGTHS = (4, 8, 16, 32)
REFERENCE = "the reference"


def order_on_screen(run: Run):
    return state.history(run.id, run.reference_order).order


def at_reference(run: Run) -> bool:
    return run.trains_as(order_on_screen(run)) == run.trains_as(run.reference_order)


def source(run: Run, *known: Known | None, also: str = "") -> Source:
    """A footer that says of which orders something was measured."""
    names = [one.name for one in known if one is not None]
    told = f"measured on {', '.join(names)}" if names else ""
    return Source(run.id, "; ".join(part for part in (told, also) if part))


@st.fragment
def canaries(run: Run) -> None:
    """The secrets' exposure against position and repetitions."""
    about = (
        "log₂ |R| − log₂ rank of a planted secret’s loss among those of other secrets of its form. "
        "Dots: measured on the reference. Diamonds: measured on retrainings. Squares: estimated "
        "for the order on screen, with its 90 % interval. Above the dotted line one in twenty "
        "secrets stands by chance. A click on a diamond opens its order on the Timeline."
    )
    measured = recalled.exposure(run)
    if not len(measured):
        return
    with panels.panel("exposure", "Canaries: how exposed are the secrets", about):
        here = None if at_reference(run) else recalled.forecast_of(run, order_on_screen(run))
        found = recalled.fared(run)
        say(sentences.exposure(measured), sentences.by_step(measured),
            sentences.fared(found, measured))  # fmt: skip
        if here is not None:
            bits = [f"{value:.2f}" for value in here["exposure"]]
            say(f"Estimated for the order on screen: {', '.join(bits)} bits.")
        orders = len(set(measured["order"])) - 1
        against: figures.Against = "step"
        if np.ptp(measured["times"].to_numpy()):  # dose and response, where doses differ
            chosen = st.segmented_control("Against", ["Step", "Repetitions"], default="Step",
                                          required=True, key="ro_exposure_against")  # fmt: skip
            against = "times" if chosen == "Repetitions" else "step"
        also = f"{orders} retrainings" + ("" if here is None else "; estimated: replay")
        shown = (
            measured
            if here is None
            else pd.concat(
                [measured, here.assign(known="estimated", order=order_hash(order_on_screen(run)))],
                ignore_index=True,
            )
        )
        figure = figures.exposure(
            run,
            measured,
            here,
            panels.mode(),
            source(run, recalled.reference(run), also=also),
            against,
        )
        panels.draw(figure, lambda: shown, "Exposure of each canary’s secret against its step",
                    lambda point: _open_order(run, point))  # fmt: skip
        poor = int((measured.loc[measured["known"] == "reference", "p"] < 0.05).sum())
        if poor:
            st.caption(
                f"The skew-normal law that ranks are read off does not fit the drawn secrets of "
                f"{poor} canaries (Kolmogorov-Smirnov, p < .05): read high exposures as a size."
            )
    opened.follow()


def _open_order(run: Run, point: dict) -> None:
    values = point.get("customdata") or []
    entry = run.ledger.get(str(values[0])) if len(values) else None
    if entry is not None:
        opened.open_order(run, entry.order)


@st.fragment
def extraction(run: Run) -> None:
    """(k, l)-extractable samples, and greedy continuations beside the true text."""
    about = (
        "Given its first k tokens, does the model go on with the next l as they are in the sample, "
        "always taking the most likely token? The line: share of all samples, by the length of the "
        "prompt; bands: 90 %."
    )
    with panels.panel("extractable", "Extraction: what comes out when asked", about):
        first, other = recalled.reference(run), compared(run, "extraction")
        assert first is not None
        found = recalled.extracted(run, first)
        under = None if other is None else recalled.extracted(run, other)
        say(sentences.extraction(found, under, other.name if other else "", run))
        longest = max(sample.tokens for sample in run.samples)
        lengths = [n for n in LENGTHS if n < longest] or [1]
        length = st.segmented_control("Tokens to come out, l", lengths, required=True,
                                      default=lengths[min(1, len(lengths) - 1)],
                                      key="ro_extract_l") or lengths[0]  # fmt: skip
        frame = _by_prompt(run, first, other, int(length))
        shades = {REFERENCE: "reference"} | ({} if other is None else {other.name: "truth"})
        figure = ranges(
            frame,
            shades,
            Axes("tokens of the prompt, k", "share extractable", 3),
            name="extractable",
            mode=panels.mode(),
            source=source(run, first, other),
            title=f"Samples whose next {length} tokens come out",
            height=340,
        )
        panels.draw(figure, lambda: frame, "Share of extractable samples by length of prompt")
        table = continuations(run, first, other)
        st.dataframe(table, hide_index=True, height=300, key="ro_continuations")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f"The flagged samples and those with the largest gain. k is {prompt_length(run)} "
                "tokens, half of a shorter sample, and all before the secret of a canary."
            )
            panels.save_table(
                "ro_continuations",
                "Greedy continuations",
                source(run, first, other).file("continuations"),
                lambda: table,
            )


def _by_prompt(run: Run, first: Known, other: Known | None, length: int) -> pd.DataFrame:
    frames = []
    for known in (first, other):
        if known is not None:
            part = recalled.by_prompt(run, known, length)
            frames.append(pd.DataFrame({
                "series": known.name, "x": part["prompt"], "value": part["share"],
                "lo": part["lo"], "hi": part["hi"],
                "hover": [f"k = {k}, {n} samples" for k, n in
                          zip(part["prompt"], part["samples"], strict=True)],
            }))  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def continuations(run: Run, first: Known, other: Known | None) -> pd.DataFrame:
    """The samples that are continued: prompt, what is there, what the model goes on with."""
    ends, own, lines_ = first.recall.extra["ends"], recalled.extracted(run, first), []
    for place, (sample, k) in enumerate(zip(first.recall.shown, first.recall.prompt, strict=True)):
        text, cut = run.samples[int(sample)].text, int(ends[sample, k - 1])
        line = {
            "sample": int(sample), "flags": ", ".join(run.samples[int(sample)].flags),
            "k": int(k), "right": float(own["share"].to_numpy()[sample]), "prompt": text[:cut],
            "true": text[cut:], "reference": first.recall.greedy[place],
        }  # fmt: skip
        if other is not None:
            at = np.flatnonzero(other.recall.shown == sample)
            line[other.name] = other.recall.greedy[at[0]] if len(at) else ""
        lines_.append(line)
    return pd.DataFrame(lines_)


def compared(run: Run, where: str) -> Known | None:
    """The order that the reference is set beside: the one on screen first; None for none."""
    found = [one for one in recalled.here(run, order_on_screen(run)) if one.kind != "reference"]
    seen = {one.name for one in found}
    found += [one for one in recalled.retrained(run) if one.name not in seen]
    names = [one.name for one in found]
    if not names:
        return None
    name = st.selectbox("Beside the reference", names, key=f"ro_beside_{where}", width=280)
    return next(one for one in found if one.name == name)


@st.fragment
def attack(run: Run) -> None:
    """Loss and Min-K % as membership scores."""
    about = (
        "Can trained samples be told from others by what the model says of them? The loss, and the "
        "mean loss of the fifth of a text’s tokens that are least likely (Min-K %). The vertical "
        "line: one in a hundred others taken for members."
    )
    with panels.panel("roc", "Attack: can members be told", about):
        first = recalled.reference(run)
        assert first is not None
        curves, order = _curves(run, first), order_on_screen(run)
        sides = [len(side) for side in attacking.split(
            run, order, *attacking.by_loss(first.recall))]  # fmt: skip
        if not curves:
            st.markdown("No training domain has held-out text, so there is nobody to tell from.")
            return
        say(sentences.attack(curves, recalled.attacks(run), sides))
        also = "" if at_reference(run) else estimates.answer(run, order).words
        figure = figures.roc(curves, panels.mode(), source(run, first, also=also))
        table = figures.roc_table(curves)
        panels.draw(figure, lambda: table, "Receiver operating characteristic of the scores")
        st.dataframe(table.style.format(precision=3), hide_index=True, width="content")
        if not at_reference(run):
            st.caption(
                "Estimated: a member’s loss by the Timeline’s estimator; a held-out text is taken "
                "to change as the mean of its domain, of which alone there is an estimate."
            )


def _curves(run: Run, first: Known) -> dict[str, attacking.Roc]:
    """Name → curve: reference, and the order on screen, measured where it is, else estimated."""
    order, known = order_on_screen(run), [(REFERENCE, first)]
    if not at_reference(run):
        known += [(one.name, one) for one in recalled.here(run, order)[:1]]
    found = {f"{score}, {name}": recalled.roc(run, one, score)
             for name, one in known for score in recalled.SCORES}  # fmt: skip
    if not at_reference(run):
        final = estimates.answer(run, order).estimate.final
        estimated = attacking.by_estimated_loss(run, first.recall, final)
        sides = attacking.split(run, order, *estimated)
        found["loss, estimated for the order on screen"] = attacking.roc(*sides)
    return {name: one for name, one in found.items() if one is not None}
