"""The four figures of the order on screen, as the browser hands them to plotly.

What they show (which loss, which axis, which tables are open) is the browser's
choice, and kept in the session.
"""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from reorder_core.cache.service import Answer
from reorder_core.export.bundle import to_csv
from reorder_core.orders.order import Order, order_hash
from reorder_core.records.estimates import Difference
from reorder_core.store.ledger import Retrained
from reorder_core.store.run import Run
from ui.app import state
from ui.app.history import History
from ui.app.numbers import number
from ui.charts.template import Source, domain_colours, domain_groups
from ui.charts.timeline import plot
from ui.charts.timeline.memorization import Shown, Tiles, memorization
from ui.charts.timeline.plot import Array, Changes, Drawn, changes
from ui.charts.timeline.rows import generalization, moved
from ui.charts.timeline.trajectory import trajectory
from ui.timeline import move_effects
from ui.timeline.panels.tree import Node, el
from ui.timeline.requests.events import Event, Figures
from ui.timeline.requests.handling import After, handles

_WHOSE = {"heldout": "held-out text", "training": "all samples"}
_NOTHING = changes(np.zeros(0), np.zeros(0))


@handles(Figures)
def choose(event: Event, run: Run, history: History) -> After:
    """Remember what the figures are to show."""
    state.set_figures(run.id, event.request)
    return After.NOTHING


def record(run: Run, order: Order, answer: Answer, previous: Difference | None) -> dict[str, Any]:
    """The figures of an order for the browser; `previous` is what the last move alone changed."""
    shown = state.figures(run.id) or Figures(type="figures")
    drawn = draw(run, order, answer, previous, shown)
    return {
        "shown": shown.model_dump(exclude={"type"}),
        "plots": {name: plot.written(one.plot) for name, one in drawn.items()},
        "tables": {name: table(drawn[name].table()) for name in shown.tables},
    }


def draw(
    run: Run, order: Order, answer: Answer, previous: Difference | None, shown: Figures
) -> dict[str, Drawn]:
    """The figures by their names."""
    source = Source(run.id, answer.words, order_hash(order))
    estimate, truth = answer.estimate, run.ledger.of(order)
    base, ends = run.reference.final, estimate.interval
    of_samples = changes(base.samples, estimate.final.samples, ends and ends.samples,
                         truth and truth.final.samples)  # fmt: skip
    of_domains = changes(base.probes, estimate.final.probes, ends and ends.probes,
                         truth and truth.final.probes)  # fmt: skip
    known = _known(run)
    steps = np.asarray(run.eval_steps).tolist()
    return {
        "generalization": generalization(run.probe_domains, of_domains, known.colours, "named",
                                         source),
        "ranking": _moved(run, of_samples, previous, shown, source),
        "memorization": memorization(_tiles(run, order, of_samples), known.groups, run.steps,
                                     run.batch_size, "named", source,
                                     Shown(shown.measure, shown.bent)),
        "trajectory": trajectory(steps, *_curves(run, answer, truth, shown), "named", source),
    }  # fmt: skip


def csv(run: Run, history: History, answer: Answer, name: str) -> tuple[str, bytes]:
    """A figure's numbers as a file: its name, its bytes."""
    shown = state.figures(run.id) or Figures(type="figures")
    drawn = draw(run, history.order, answer, move_effects.of_last_move(run, history), shown)[name]
    frame = drawn.table()
    return f"{drawn.plot['layout']['meta']['file']}.csv", to_csv(
        frame.drop(columns="sample_id", errors="ignore")
    )


def table(frame: pd.DataFrame) -> list[Node]:
    """The numbers as a table; a row of a sample is a button that selects it."""
    ids = frame.pop("sample_id").tolist() if "sample_id" in frame else [None] * len(frame)
    if not len(frame):
        return [el("p", "Nothing to list.", class_="ro-nothing")]
    head = el("thead", el("tr", *(el("th", name, scope="col") for name in frame.columns)))
    rows = frame.itertuples(index=False)
    body = (_row(sample, list(cells)) for sample, cells in zip(ids, rows, strict=True))
    return [el("table", head, el("tbody", *body))]


def _row(sample: int | None, cells: list[Any]) -> Node:
    first, *rest = cells
    words = [number(one, 4) if isinstance(one, float) else str(one) for one in rest]
    if sample is None:
        head: Node = str(first)
    else:
        head = el("button", str(first), type="button", class_="ro-rank", data_sample=sample,
                  data_value=f"{rest[-1]:.9g}", on={"select": sample})  # fmt: skip
    return el("tr", el("th", head, scope="row"), *(el("td", one) for one in words),
              key=None if sample is None else str(sample))  # fmt: skip


class _Known:
    """What stays the same while orders change."""

    def __init__(self, run: Run) -> None:
        domains = [sample.domain for sample in run.samples]
        self.colours = domain_colours(domains)
        self.groups = domain_groups(domains)
        self.of_visit = np.array(domains, dtype=object)[run.visits.sample_of]
        self.samples = [
            (s.text[:200], s.flags[0] if s.flags else "", self.colours[s.domain])
            for s in run.samples
        ]


def _known(run: Run) -> _Known:
    return _of_run(run, run.fingerprint)


@st.cache_resource(max_entries=4, show_spinner=False)
def _of_run(_run: Run, fingerprint: str) -> _Known:
    return _Known(_run)


def _moved(
    run: Run, of_samples: Changes, previous: Difference | None, shown: Figures, source: Source
) -> Drawn:
    found, against = of_samples, "the reference order"
    if shown.against == "previous":
        against = "the order before"
        found = _NOTHING if previous is None else _alone(previous)
    return moved(_known(run).samples, found, against, "named", source)


def _alone(move: Difference) -> Changes:
    low, high = move.interval.samples
    return Changes(move.change.samples, low, high, np.full(len(low), np.nan))


def _tiles(run: Run, order: Order, of_samples: Changes) -> Tiles:
    visit = order[: run.visits.trained]
    sample = run.visits.sample_of[visit]
    return Tiles(
        visit, sample, _known(run).of_visit[visit], np.arange(len(visit)),
        run.reference.losses_at.samples[0][sample], run.reference.final.samples[sample],
        of_samples.of(sample),
    )  # fmt: skip


def _curves(
    run: Run, answer: Answer, truth: Retrained | None, shown: Figures
) -> tuple[dict[str, Array], str]:
    """The curves that there are, and of what they are."""
    found = {"reference": run.reference.losses_at, "estimate": answer.estimate.losses_at}
    if truth is not None:
        found["retrained"] = truth.losses_at
    if shown.curve == "heldout":
        return {key: losses.probes.mean(1) for key, losses in found.items()}, _WHOSE["heldout"]
    if shown.curve == "training" or shown.sample is None or shown.sample >= run.visits.count:
        return {key: losses.samples.mean(1) for key, losses in found.items()}, _WHOSE["training"]
    sample = int(run.visits.sample_of[shown.sample])
    return {key: losses.samples[:, sample] for key, losses in found.items()}, f"sample {sample}"
