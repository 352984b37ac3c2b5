"""Recalls of the open run, and what follows from them; computed once and kept.

Kept while the run's published files, its ledger and its recalls stay what they are.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from reorder_core.analysis import attack, exposures, extraction
from reorder_core.orders.order import Order, order_hash
from reorder_core.recall.record import Recall, Recalls
from reorder_core.store.run import Run
from ui.queries import estimates, judged

MOST = 64
"""Retrainings whose recalls are looked at; more would make the page slow."""

SCORES = {"loss": attack.by_loss, "Min-K %": attack.by_min_k}
"""Of membership."""


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """One order's recall."""

    order: Order
    recall: Recall
    name: str
    """For a choice: `the reference`, `retrained 0c301c96`, `by taylor 0c301c96`."""
    kind: str
    """`reference`, `retrained` or an estimator's name."""


def recalls(run: Run) -> Recalls:
    return _recalls(run, str(run.path), run.fingerprint)


def key(run: Run) -> tuple[str, str, str]:
    """What decides all that follows from recalls."""
    return run.fingerprint, run.ledger.stamp, recalls(run).stamp


def reference(run: Run) -> Known | None:
    found = recalls(run).of(order_hash(run.reference_order))
    return None if found is None else Known(run.reference_order, found, "the reference",
                                            "reference")  # fmt: skip


def retrained(run: Run) -> list[Known]:
    """Those of the ledger's retrainings, at most MOST."""
    own = order_hash(run.reference_order)
    found = []
    for hashed, estimator in recalls(run).all():
        entry = None if estimator or hashed == own else run.ledger.get(hashed)
        recall = None if entry is None else recalls(run).of(hashed)
        if entry is not None and recall is not None:
            found.append(Known(entry.order, recall, f"retrained {hashed[:8]}", "retrained"))
    return found[:MOST]


def here(run: Run, order: Order) -> list[Known]:
    """What is known of the order on screen: its retraining's, then estimated parameters'."""
    own, known = run.trains_as(order), []
    reference_too = reference(run)
    if reference_too is not None and own == run.trains_as(run.reference_order):
        return [reference_too]
    truth = run.ledger.of(order)
    if truth is not None and (found := recalls(run).of(truth.order_hash)) is not None:
        known.append(Known(truth.order, found, f"retrained {truth.order_hash[:8]}", "retrained"))
    for hashed, estimator in recalls(run).all():
        if estimator and hashed == order_hash(order):
            found = recalls(run).of(hashed, estimator)
            if found is not None:
                known.append(Known(order, found, f"by {estimator} {hashed[:8]}", estimator))
    return known


def randomly_retrained(run: Run) -> int:
    """The ledger's random orders, which `recall --random` takes from."""
    families = judged.drawn_families(run)
    return sum(family == "random" and run.ledger.get(hashed) is not None
               for hashed, family in families.items())  # fmt: skip


def exposure(run: Run) -> pd.DataFrame:
    """Measured: a line a canary and order; see `exposures.measured`, and `order` (its hash)."""
    return _exposure(run, *key(run))


def forecast(run: Run) -> exposures.Forecast | None:
    """None where the reference was not recalled."""
    return _forecast(run, *key(run))


def forecast_of(run: Run, order: Order) -> pd.DataFrame:
    """Estimated exposure under an order; see `Forecast.frame`."""
    return _forecast_of(run, *key(run), order_hash(order), order)


def fared(run: Run) -> pd.DataFrame:
    """A line a canary and retraining: sample, order, exposure, forecast, lo, hi; never from its
    own recall. Empty below `exposures.FEWEST` retrainings."""
    return _fared(run, *key(run))


def extracted(run: Run, known: Known) -> pd.DataFrame:
    """A line a sample; see `extraction.extracted`."""
    return _extracted(run, *key(run), known.name, known)


def by_prompt(run: Run, known: Known, length: int) -> pd.DataFrame:
    return _by_prompt(run, *key(run), known.name, length, known)


def attacks(run: Run) -> pd.DataFrame:
    """A line an order and score: order, kind, score, area and caught with their ends."""
    return _attacks(run, *key(run))


def roc(run: Run, known: Known, score: str) -> attack.Roc | None:
    """How well "loss" or "Min-K %", measured on an order, tells its members from others."""
    return _roc(run, *key(run), known.name, score, known)


def influence(run: Run, order: Order, sample: int) -> pd.DataFrame:
    """A line a trained visit: sample, step, effect of having trained it on the sample's own loss.

    Nats, to first order; estimated by the replay, backwards.
    """
    return _influence(run, run.fingerprint, order_hash(order), sample, order)


@st.cache_resource(max_entries=4, show_spinner=False)
def _recalls(_run: Run, path: str, fingerprint: str) -> Recalls:
    return Recalls(_run)


@st.cache_data(max_entries=4, show_spinner=False)
def _exposure(_run: Run, fingerprint: str, ledger: str, stamp: str) -> pd.DataFrame:
    first, frames = reference(_run), []
    for one in [*([first] if first else []), *retrained(_run)]:
        found = exposures.measured(_run, one.recall, one.order, one.kind)
        frames.append(found.assign(order=one.recall.order_hash))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


@st.cache_resource(max_entries=4, show_spinner=False)
def _forecast(_run: Run, fingerprint: str, ledger: str, stamp: str) -> exposures.Forecast | None:
    first = reference(_run)
    if first is None or not len(first.recall.canary):
        return None
    projected: Any = estimates.estimator(_run, "projected")
    others = retrained(_run)
    return exposures.make_forecast(
        _run, projected, first.recall, [o.recall for o in others], [o.order for o in others]
    )


@st.cache_data(max_entries=32, show_spinner=False)
def _forecast_of(
    _run: Run, fingerprint: str, ledger: str, stamp: str, hashed: str, _order: Order
) -> pd.DataFrame:
    known = forecast(_run)
    assert known is not None
    own = [n for n, one in enumerate(retrained(_run))
           if _run.trains_as(one.order) == _run.trains_as(_order)]  # fmt: skip
    return known.frame(_order, without=own)


@st.cache_data(max_entries=4, show_spinner=False)
def _fared(_run: Run, fingerprint: str, ledger: str, stamp: str) -> pd.DataFrame:
    known, others, lines = forecast(_run), retrained(_run), []
    if known is None or not known.corrected:
        return pd.DataFrame()
    for number, one in enumerate(others):
        found = known.frame(one.order, without=[number])
        true = exposures.measured(_run, one.recall, one.order, one.kind)
        lines.append(pd.DataFrame({
            "sample": found["sample"], "order": one.recall.order_hash,
            "exposure": true["exposure"], "forecast": found["exposure"], "lo": found["lo"],
            "hi": found["hi"],
        }))  # fmt: skip
    return pd.concat(lines, ignore_index=True)


@st.cache_data(max_entries=16, show_spinner=False)
def _extracted(
    _run: Run, fingerprint: str, ledger: str, stamp: str, name: str, _known: Known
) -> pd.DataFrame:
    return extraction.extracted(_run, _known.recall)


@st.cache_data(max_entries=32, show_spinner=False)
def _by_prompt(
    _run: Run, fingerprint: str, ledger: str, stamp: str, name: str, length: int, _known: Known
) -> pd.DataFrame:
    return extraction.by_prompt(_run, _known.recall, length)


@st.cache_data(max_entries=4, show_spinner=False)
def _attacks(_run: Run, fingerprint: str, ledger: str, stamp: str) -> pd.DataFrame:
    first, lines = reference(_run), []
    for one in [*([first] if first else []), *retrained(_run)]:
        for score, of in SCORES.items():
            found = attack.roc(*attack.split(_run, one.order, *of(one.recall)),
                               draws=attack.DRAWS if one.kind == "reference" else 1)  # fmt: skip
            if found is not None:
                lines.append((one.recall.order_hash, one.kind, score, found.area,
                              *found.area_ends, found.caught, *found.caught_ends))  # fmt: skip
    columns = ["order", "kind", "score", "area", "area_lo", "area_hi", "caught", "caught_lo",
               "caught_hi"]  # fmt: skip
    return pd.DataFrame(lines, columns=columns)


@st.cache_resource(max_entries=32, show_spinner=False)
def _roc(
    _run: Run, fingerprint: str, ledger: str, stamp: str, name: str, score: str, _known: Known
) -> attack.Roc | None:
    scores = SCORES[score](_known.recall)
    return attack.roc(*attack.split(_run, _known.order, *scores))


@st.cache_data(max_entries=32, show_spinner=False)
def _influence(
    _run: Run, fingerprint: str, hashed: str, sample: int, _order: Order
) -> pd.DataFrame:
    projected: Any = estimates.estimator(_run, "projected")
    weight = np.zeros(_run.count, np.float32)
    weight[sample] = 1
    table = projected.effects(_order, weight, np.zeros(len(_run.probe_domains), np.float32))
    steps, visits = _run.visits.steps_of(_order[None])[0], np.arange(_run.visits.count)
    trained = steps < _run.steps
    return pd.DataFrame({
        "sample": _run.visits.sample_of[visits[trained]], "step": steps[trained],
        "effect": table[visits[trained], steps[trained]],
    })  # fmt: skip
