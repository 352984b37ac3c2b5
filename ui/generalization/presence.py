"""Presence: which samples each held-out domain needs, for runs with a bench."""

import numpy as np
import pandas as pd
import streamlit as st

from reorder_core.analysis.frames import column, lines
from reorder_core.store.run import Run
from ui.app import panels, words
from ui.charts.dots import Axis, dots
from ui.charts.template import Source, isolated, signed
from ui.generalization.frames import EACH
from ui.memorization.sections import TABLE, say
from ui.queries import analysed


@st.fragment
def needed(run: Run) -> None:
    """What held-out text loses without a sample; nothing where the run has no bench."""
    found = analysed.without(run)
    if not len(found):
        return
    about = (
        "Estimated held-out loss were the sample never trained, minus were it trained as in the "
        "reference (of a reserve sample: as at any step). Right: the domain needs it; left: it is "
        "better off without. To first order, and nothing takes the sample’s place."
    )
    with panels.panel("without", "Which samples does held-out text need at all", about):
        domain = str(st.selectbox("Held-out text", run.probe_domains, key="ro_without_of",
                                  width=220))  # fmt: skip
        own = lines(found, found["held_out"] == domain)
        say(sentence(run, own, domain))
        frame = drawn(run, own)
        figure = dots(
            frame,
            Axis("change of held-out loss without it, nats/token", 4),
            name="without",
            mode=panels.mode(),
            source=Source(run.id, TABLE),
            title=f"Held-out {isolated(domain)} without a sample: worse (right), better (left)",
        )
        panels.draw(figure, lambda: own, "Held-out loss without each sample")


def drawn(run: Run, own: pd.DataFrame) -> pd.DataFrame:
    """For `dots`: the samples that a domain needs most, and those it is best off without."""
    ranked = own.sort_values("change", ascending=False)
    part = pd.concat([ranked.head(EACH), ranked.tail(EACH)]).drop_duplicates("sample")
    change = column(part, "change")
    names = [f"{words.of_sample(run, int(i))} ({isolated(of)}){'' if trained else ', reserve'}"
             for i, of, trained in zip(part["sample"], part["domain"], part["trained"],
                                       strict=True)]  # fmt: skip
    return pd.DataFrame({
        "label": names, "series": "estimated", "value": change, "lo": column(part, "lo"),
        "hi": column(part, "hi"), "retrained": np.nan,
        "colour": np.where(change < 0, "fall", "rise"),
    })  # fmt: skip


def sentence(run: Run, own: pd.DataFrame, domain: str) -> str:
    """How many samples the domain needs, and what the most needed one is worth."""
    told = lines(own, own["told"])
    if not len(told):
        return (
            f"Held-out {domain} needs no single sample, as far as the estimates can tell; all "
            "pairs were looked at, and corrected for."
        )
    change = column(told, "change")
    best = int(np.abs(change).argmax())
    name = words.of_sample(run, int(told["sample"].to_numpy()[best]))
    return (
        f"Estimated: held-out {domain} needs {int((change > 0).sum())} samples and is better off "
        f"without {int((change < 0).sum())}, of {len(own)}, told from zero. The most: without "
        f"{name} it changes by {signed(float(change[best]), 4)} nats."
    )
