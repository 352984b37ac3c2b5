"""What Memorization and Generalization draw: analyses of the open run, computed once and kept.

Each is kept while the run's published files and, where retrainings count, its
ledger stay what they are.
"""

from typing import Any

import pandas as pd
import streamlit as st

from reorder_core.analysis import cohorts, half_life, held_out, learning, planted
from reorder_core.analysis.near_duplicates import near_duplicates
from reorder_core.analysis.one_moves import one_moves
from reorder_core.analysis.position_effects import Effects, own_effects
from reorder_core.analysis.remembered import presence, remembered
from reorder_core.analysis.retrained_orders import RetrainedOrders, random_orders
from reorder_core.judge.cautions import cautions
from reorder_core.orders.moves import Move, apply
from reorder_core.orders.order import Order
from reorder_core.store.run import Run
from ui.queries import estimates


def samples(run: Run) -> pd.DataFrame:
    """Every sample's line; see `reorder_core.analysis.remembered`."""
    return _samples(run, run.fingerprint)


def effects(run: Run, per_rate: bool = False) -> Effects:
    """What a sample's step does to its own final loss."""
    return _effects(run, run.fingerprint, per_rate)


def moves(run: Run) -> pd.DataFrame:
    """Retrained one-move orders, cell by cell."""
    return _moves(run, run.fingerprint, run.ledger.stamp)


def random_retrainings(run: Run) -> RetrainedOrders:
    """The ledger's random orders."""
    return _random(run, run.fingerprint, run.ledger.stamp)


def profile(run: Run, per_rate: bool) -> pd.DataFrame:
    """The memorization profile."""
    return _forgetting(run, run.fingerprint, run.ledger.stamp, per_rate)["profile"]


def comparable(run: Run) -> tuple[str, ...]:
    """The domains in the profile."""
    return _forgetting(run, run.fingerprint, run.ledger.stamp, False)["comparable"]


def event_study(run: Run, per_rate: bool, checkpoint: int) -> pd.DataFrame:
    """What is left of training against steps since, by domain."""
    return _forgetting(run, run.fingerprint, run.ledger.stamp, per_rate)["studies"][checkpoint]


def half_lives(run: Run, per_rate: bool, checkpoint: int) -> pd.DataFrame:
    return _forgetting(run, run.fingerprint, run.ledger.stamp, per_rate)["half"][checkpoint]


def response_curves(run: Run) -> pd.DataFrame:
    """Planted and ordinary samples' losses against their step."""
    return _planted(run, run.fingerprint, run.ledger.stamp)[0]


def late_against_early(run: Run) -> pd.DataFrame:
    return _planted(run, run.fingerprint, run.ledger.stamp)[1]


def influence(run: Run) -> held_out.Influence:
    """Training domain × step × held-out domain."""
    return _influence(run, run.fingerprint, run.ledger.stamp)


def needs(run: Run) -> pd.DataFrame:
    """Which samples a held-out domain wants late or early."""
    return _needs(run, run.fingerprint, run.ledger.stamp)


def without(run: Run) -> pd.DataFrame:
    """What leaving a sample out does to each held-out domain; empty without a bench."""
    return _without(run, run.fingerprint, run.ledger.stamp)


def shortlists(run: Run) -> dict[tuple[str, str], list[Move]]:
    """(held-out domain, "best" or "worst") → moves worth an estimate."""
    return _shortlists(run, run.fingerprint)


def shortlisted(run: Run) -> list[tuple[Order, Order]]:
    """All of these as orders, each with the reference that it is compared with."""
    return _shortlisted(run, run.fingerprint)


def spreads(run: Run) -> dict[str, pd.DataFrame]:
    """Where random orders lay along training: "loss" held out, and its "gap" to training text."""
    return _spreads(run, run.fingerprint, run.ledger.stamp)


def untrusted(run: Run) -> bool:
    """Whether the run's own retrainings say that its estimates are noise."""
    return _untrusted(run, run.fingerprint)


@st.cache_data(max_entries=4, show_spinner=False)
def _samples(_run: Run, fingerprint: str) -> pd.DataFrame:
    alike = near_duplicates([sample.text for sample in _run.samples])
    found = remembered(_run, effects(_run), alike)
    if not _run.visits.bench:
        return found
    apart = presence(_run, estimates.position_table(_run))
    return found.merge(apart, on="sample")


@st.cache_resource(max_entries=4, show_spinner=False)
def _effects(_run: Run, fingerprint: str, per_rate: bool) -> Effects:
    return own_effects(_run, estimates.position_table(_run), per_rate)


@st.cache_data(max_entries=4, show_spinner=False)
def _moves(_run: Run, fingerprint: str, ledger: str) -> pd.DataFrame:
    return one_moves(_run, estimates.position_table(_run))


@st.cache_resource(max_entries=2, show_spinner=False)
def _random(_run: Run, fingerprint: str, ledger: str) -> RetrainedOrders:
    return random_orders(_run)


@st.cache_data(max_entries=4, show_spinner=False)
def _forgetting(_run: Run, fingerprint: str, ledger: str, per_rate: bool) -> dict[str, Any]:
    found = cohorts.excess(_run, random_retrainings(_run), per_rate)
    checkpoints = found.checkpoints.tolist()[1:]
    return {
        "profile": cohorts.profile(found),
        "comparable": cohorts.comparable(found),
        "studies": {at: cohorts.event_study(found, at) for at in checkpoints},
        "half": {at: half_life.half_lives(found, at) for at in checkpoints},
    }


@st.cache_data(max_entries=4, show_spinner=False)
def _planted(_run: Run, fingerprint: str, ledger: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    orders = random_retrainings(_run)
    curves = planted.response_curves(_run, estimates.position_table(_run), orders)
    return curves, planted.late_against_early(_run, orders)


@st.cache_resource(max_entries=2, show_spinner=False)
def _influence(_run: Run, fingerprint: str, ledger: str) -> held_out.Influence:
    return held_out.influence(_run, estimates.position_table(_run))


@st.cache_data(max_entries=2, show_spinner=False)
def _needs(_run: Run, fingerprint: str, ledger: str) -> pd.DataFrame:
    return held_out.needs(_run, estimates.position_table(_run))


@st.cache_data(max_entries=2, show_spinner=False)
def _without(_run: Run, fingerprint: str, ledger: str) -> pd.DataFrame:
    return held_out.without(_run, estimates.position_table(_run))


@st.cache_resource(max_entries=2, show_spinner=False)
def _shortlists(_run: Run, fingerprint: str) -> dict[tuple[str, str], list[Move]]:
    return held_out.shortlists(_run, estimates.position_table(_run))


@st.cache_resource(max_entries=2, show_spinner=False)
def _shortlisted(_run: Run, fingerprint: str) -> list[tuple[Order, Order]]:
    reference = _run.reference_order
    return [(apply(reference, move), reference)
            for moves in shortlists(_run).values() for move in moves]  # fmt: skip


@st.cache_data(max_entries=2, show_spinner=False)
def _spreads(_run: Run, fingerprint: str, ledger: str) -> dict[str, pd.DataFrame]:
    orders = random_retrainings(_run)
    return {"loss": learning.spread(_run, orders), "gap": learning.gap_spread(_run, orders)}


@st.cache_data(max_entries=4, show_spinner=False)
def _untrusted(_run: Run, fingerprint: str) -> bool:
    return bool(cautions(_run))
