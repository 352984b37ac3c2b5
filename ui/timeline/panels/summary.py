"""The line of headline figures: what this order would have changed, in four numbers."""

import math
from dataclasses import dataclass

import numpy as np

from reorder_core.cache.service import Answer
from reorder_core.orders.order import Order, slots_of
from reorder_core.records.estimates import Difference
from reorder_core.records.losses import Losses
from reorder_core.store.run import Run
from ui.app.numbers import MISSING, digits_for, interval, number, signed
from ui.charts.marks import outside
from ui.timeline.panels import named
from ui.timeline.panels.tree import Node, el, info

LABELS = {
    "heldout": (
        "Held-out loss",
        "Mean loss on text never trained on, averaged over domains, in nats per token; below it "
        "the change against the reference order. Below zero: generalizes better.",
    ),
    "training": (
        "Training loss",
        "Mean final loss over all samples of the run, those on the bench included, in nats per "
        "token; below it the change against the reference order. Below zero: the training text is "
        "remembered better.",
    ),
    "most": (
        "Moved most",
        "The sample whose final loss differs most from the reference order.",
    ),
    "distance": (
        "Distance",
        "How far the estimated final weights lie from the reference run’s, relative to how far "
        "training went: 0 is the same model. Estimates lose trust as it grows.",
    ),
}
FARED = (
    "The estimator’s name says which retrainings it knows: those that the build designed + those "
    "of the ledger. How such numbers have fared: estimates of orders like this one, by the "
    "estimator as the build left it, against real retrainings that it had not seen. “interval "
    "held”: the share of retrained losses inside the 90 % intervals, of held-out losses by domain, "
    "or of single samples; “only” where that is below 80 %, so that such intervals are too narrow; "
    "“error”: the mean absolute error of the number above, nats per token. More on the page "
    "Fidelity."
)
_NOTHING = 1e-6
"""Nats per token below which no sample has moved."""


@dataclass(frozen=True, slots=True)
class _Card:
    """A number, and the lines under it; empty ones take no room."""

    value: str
    note: str
    truth: str = ""
    last: str = ""
    raw: float | None = None
    """The number unrounded, for what reads the page."""
    change: float | None = None


@dataclass(frozen=True, slots=True)
class _Change:
    """Against the reference order; nan where something is not known."""

    value: float
    low: float = math.nan
    high: float = math.nan
    truth: float = math.nan


def drawn(
    run: Run, order: Order, answer: Answer, previous: Difference | None,
    fared: dict[str, str], source: str, at_reference: bool,
) -> list[Node]:  # fmt: skip
    """previous: what the last move changed; fared: `fared.record`; source: of the numbers."""
    estimate, base = answer.estimate, run.reference.final
    found = run.ledger.of(order)
    truth = None if found is None else found.final
    cards = {
        "heldout": _level(_held_out(estimate.final, estimate.interval, truth, base),
                          float(base.held_out), at_reference),
        "training": _level(_training(estimate.final, truth, base),
                           float(base.samples.mean()), at_reference),
        "most": _most(run, estimate.final, estimate.interval, truth, at_reference),
        "distance": _distance(run, order, estimate.distance),
    }  # fmt: skip
    last = {} if previous is None else _last(previous)
    judged = {} if at_reference else fared
    shown = [
        _card(key, card, last.get(key, ""), judged.get(key, "")) for key, card in cards.items()
    ]
    words = "" if at_reference else fared["words"]  # what was measured needs no judge
    return [
        el("div", *shown, class_="ro-kpis"),
        el("p", el("span", source, class_="ro-source", data_number="…"), " ",
           el("span", words, class_="ro-fared", data_number=""), info(FARED),
           class_="ro-provenance"),
    ]  # fmt: skip


def _card(key: str, card: _Card, last: str, judged: str) -> Node:
    name, tip = LABELS[key]
    raw = "" if card.raw is None else card.raw
    track = f"track record: {judged}" if judged else ""
    return el(
        "div",
        el("span", name, info(tip), class_="ro-kpi-label"),
        el("output", card.value, class_="ro-kpi-value", data_kpi=key, data_value=raw,
           data_number="…"),
        el("span", card.truth, class_="ro-kpi-truth", data_kpi_truth=key, data_number=""),
        el("span", card.note, class_="ro-kpi-note", data_kpi_change=key, data_value=card.change,
           data_number=""),
        el("span", last, class_="ro-kpi-note", data_kpi_last=key, data_number=""),
        el("span", track, class_="ro-kpi-note", data_kpi_fared=key, data_number=""),
        class_="ro-kpi",
    )  # fmt: skip


def _level(change: _Change, base: float, at_reference: bool) -> _Card:
    """The level, and under it what this order changes of it; where it was retrained, that leads."""
    known = math.isfinite(change.truth)
    level = base + (change.truth if known else change.value)
    if at_reference:
        note, judged = "measured: others are compared with it", ""
    else:
        ends = f", 90 % {interval(change.low, change.high, 4)}" if math.isfinite(change.low) else ""
        note = f"{'estimated ' if known else ''}{signed(change.value, 4)}{ends}"
        judged = _verdict(change, 4)
    return _Card(number(level), note, judged, raw=level, change=change.value)


def _held_out(final: Losses, ends: Losses | None, truth: Losses | None, base: Losses) -> _Change:
    zero = float(base.held_out)
    low, high = (math.nan, math.nan) if ends is None else (float(v) - zero for v in ends.held_out)
    known = math.nan if truth is None else float(truth.held_out) - zero
    return _Change(float(final.held_out) - zero, low, high, known)


def _training(final: Losses, truth: Losses | None, base: Losses) -> _Change:
    zero = float(base.samples.mean())
    known = math.nan if truth is None else float(truth.samples.mean()) - zero
    return _Change(float(final.samples.mean()) - zero, truth=known)


def _most(
    run: Run, final: Losses, ends: Losses | None, truth: Losses | None, at_reference: bool
) -> _Card:
    base = run.reference.final.samples
    best = (final if truth is None else truth).samples - base
    top = int(np.nanargmax(np.abs(best))) if np.isfinite(best).any() else 0
    if at_reference or not abs(best[top]) >= _NOTHING:
        return _Card(MISSING, "no sample")
    name = next(iter(named.flags(run)[top]), run.samples[top].domain)
    low, high = (math.nan, math.nan) if ends is None else ends.samples[:, top] - base[top]
    known = math.nan if truth is None else float(best[top])
    change = _Change(float(final.samples[top] - base[top]), float(low), float(high), known)
    return _Card(signed(float(best[top])), f"sample {top}, {name}", _verdict(change, 3),
                 raw=float(best[top]))  # fmt: skip


def _distance(run: Run, order: Order, distance: float | None) -> _Card:
    steps, there = (
        slots_of(order) // run.batch_size,
        slots_of(run.reference_order) // run.batch_size,
    )
    moved = int((steps != there).sum())
    what = "samples" if run.visits.is_plain else "visits"
    return _Card(number(distance), f"{moved} of {run.visits.count} {what} at another step")


def _last(previous: Difference) -> dict[str, str]:
    """What the last move alone changed."""
    change = previous.change.samples
    top = int(np.nanargmax(np.abs(change)))
    low, high = (float(end) for end in previous.held_out_interval)
    return {
        "heldout": f"last move {signed(previous.held_out, 4)} {interval(low, high, 4)}",
        "training": f"last move {signed(float(change.mean()), 4)}",
        "most": f"last move: sample {top} {signed(float(change[top]))}",
    }


def _verdict(change: _Change, digits: int) -> str:
    if not math.isfinite(change.truth):
        return ""
    shown = min(4, max(digits, digits_for(abs(change.truth)) - 1))
    out = outside(change.truth, change.low, change.high)
    off = number(abs(change.value - change.truth), shown)
    beyond = ", outside the interval" if out else ""
    return f"retrained {signed(change.truth, shown)} · estimate off by {off}{beyond}"
