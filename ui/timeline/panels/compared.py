"""The order on screen against another one, in numbers: every metric, and what differs most."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from reorder_core.records.estimates import Difference
from reorder_core.records.losses import Losses
from reorder_core.store.run import Run
from ui.app.numbers import clip, interval, side, signed
from ui.charts.marks import outside
from ui.timeline.panels import named
from ui.timeline.panels.tree import Child, Node, el, options

MOST, PLANTED = 8, 12
"""Samples listed of those that differ most, and of those with a mark."""
LONGEST = 44
"""Letters of an order's name."""


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    value: float
    low: float
    high: float
    truth: float | None
    """The same difference between real retrainings; None where one is missing."""
    sample: int | None = None
    text: str = ""
    inner: bool = False
    """A part of the row above."""
    tip: str | None = None


def choice(
    chosen: dict[str, Any], views: list[tuple[str, str]], points: list[tuple[int, str, str]]
) -> Node:
    """With what to compare. views: id and name; points of the history: place, hash and words."""
    base = chosen["base"]
    kept = [(f"view {id}", clip(name, LONGEST), {"base": "view", "id": id},
             base == "view" and chosen["id"] == id) for id, name in views]  # fmt: skip
    past = [(f"place {at} {digest}", clip(f"{at}: {words}", LONGEST),
             {"base": "place", "place": at, "hash": digest},
             base == "place" and chosen["place"] == at)
            for at, digest, words in points]  # fmt: skip
    plain = [(name, f"the {name} order", {"base": name}, base == name)
             for name in ("reference", "previous")]  # fmt: skip
    groups = (("Saved views", kept), ("Points of the history", past))
    return el(
        "label", "Against ",
        el("select", *options(plain),
           *(el("optgroup", *options(group), label=name) for name, group in groups if group),
           class_="ro-select", aria_label="Compare this order with", on={"choose": "compare"}),
        class_="ro-choice",
    )  # fmt: skip


def problem(words: str) -> list[Node]:
    """Why there is nothing to compare with."""
    return [el("p", f"Nothing to compare with: {words}.", class_="ro-nothing")]


def drawn(run: Run, found: Difference, truth: Losses | None) -> list[Node]:
    """Two tables; truth: the difference between real retrainings of both orders."""
    most = _most(run, found, truth)
    same = el("p", "Both orders train the same.", class_="ro-nothing")
    return [
        _table("Difference, this order minus the other", _metrics(run, found, truth)),
        _table("Samples that differ most", most) if most else same,
    ]


def _metrics(run: Run, found: Difference, truth: Losses | None) -> list[_Row]:
    change, (low, high) = found.change, found.interval
    domains = [
        _Row(name, float(change.probes[i]), float(low.probes[i]), float(high.probes[i]),
             None if truth is None else float(truth.probes[i]), inner=True)
        for i, name in enumerate(run.probe_domains)
    ]  # fmt: skip
    return [
        _Row("Held-out, mean", float(found.held_out), float(found.held_out_interval[0]),
             float(found.held_out_interval[1]), None if truth is None else float(truth.held_out)),
        *domains,
        _Row("Training, mean", float(change.samples.mean()), float(low.samples.mean()),
             float(high.samples.mean()), None if truth is None else float(truth.samples.mean()),
             tip="Its interval averages the samples’, which is its upper bound"),
        *(_of_sample(found, truth, i, f"{flag} {i}", inner=True)
          for i, flag in named.marked(run)[:PLANTED]),
    ]  # fmt: skip


def _most(run: Run, found: Difference, truth: Losses | None) -> list[_Row]:
    sizes = np.abs(found.change.samples)
    first = [int(i) for i in np.argsort(-sizes, kind="stable")[:MOST] if sizes[i] > 0]
    return [
        _of_sample(found, truth, i, f"sample {i}", text=clip(run.samples[i].text, 34))
        for i in first
    ]


def _of_sample(
    found: Difference, truth: Losses | None, sample: int, name: str, **more: Any
) -> _Row:
    low, high = found.interval.samples[:, sample]
    known = None if truth is None else float(truth.samples[sample])
    value = float(found.change.samples[sample])
    return _Row(name, value, float(low), float(high), known, sample, **more)


def _table(title: str, rows: list[_Row]) -> Node:
    heads = (el("th", name, scope="col") for name in ("what", "difference, nats per token"))
    return el(
        "table", el("caption", title),
        el("thead", el("tr", *heads), class_="ro-hidden"),
        el("tbody", *map(_drawn, rows)),
        class_="ro-compare-table",
    )  # fmt: skip


def _drawn(row: _Row) -> Node:
    name = el("bdi", row.name)
    if row.sample is not None:
        name = el("button", row.name, type="button", class_="ro-sort", data_sample=row.sample,
                  on={"select": row.sample})  # fmt: skip
    text = el("small", row.text) if row.text else None
    head = el("th", name, text, scope="row", data_tip=row.tip)
    ends = el("small", interval(row.low, row.high, 4))
    told = el("td", *_told(row), ends, data_side=side(row.low, row.high), data_value=row.value)
    return el("tr", head, told, key=row.name, data_metric=row.name, data_inner=row.inner)


def _told(row: _Row) -> list[Child]:
    """The difference; where both orders were retrained, that leads."""
    if row.truth is None:
        return [signed(row.value, 4)]
    out = bool(outside(row.truth, row.low, row.high))
    words = "retrained, outside the interval" if out else "retrained"
    return [
        signed(row.truth, 4),
        el("small", words, class_="ro-compare-truth", data_truth=row.truth, data_missed=out),
        el("small", f"estimated {signed(row.value, 4)}"),
    ]
