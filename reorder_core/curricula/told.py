"""An order in words and numbers: where domains, lengths and losses went."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from reorder_core.orders.order import Order, slots_of
from reorder_core.store.run import Run

Array = NDArray[np.floating]
PARTS = 8
"""Stretches of training that shares are taken over."""
SHOWS = 0.05
"""Share of the training by which a domain's middle must be off the centre to be told of."""
LINKED = 0.15
"""Rank correlation from which a property is told of."""


@dataclass(frozen=True, slots=True, eq=False)
class Whereabouts:
    """Where an order puts what; positions from 0, the start of training, to 1, its end."""

    domain_share: Array
    """(P, D) of each of P stretches, by domain of the run."""
    length: Array
    """(P,) mean tokens of a sample."""
    loss: Array
    """(P,) mean loss before training, nats per token."""
    middle: Array
    """(D,) mean position of each domain's samples."""
    length_rank: float
    """Spearman correlation of position and length: 1 is shortest first."""
    loss_rank: float
    """The same with the loss before training: 1 is easy to hard."""


def whereabouts(run: Run, order: Order) -> Whereabouts:
    """Of an order of the run's samples."""
    visits = run.visits
    trained = order[: visits.trained]
    known = np.sort(trained)
    of = visits.sample_of[known]  # of what is trained, visit by visit
    domain = np.array([run.domains.index(sample.domain) for sample in run.samples])[of]
    tokens = np.array([sample.tokens for sample in run.samples], float)[of]
    loss = run.reference.losses_at.samples[0].astype(float)[of]
    position = (slots_of(order)[known] + 0.5) / visits.trained
    parts = np.array_split(np.searchsorted(known, trained), min(PARTS, run.steps))
    share = np.stack([np.bincount(domain[p], minlength=len(run.domains)) / len(p) for p in parts])
    return Whereabouts(
        share,
        np.array([tokens[part].mean() for part in parts]),
        np.array([loss[part].mean() for part in parts]),
        np.array([position[domain == d].mean() for d in range(len(run.domains))]),
        _rank(position, tokens),
        _rank(position, loss),
    )


def in_words(run: Run, order: Order) -> str:
    """One or two sentences on what comes early and what late."""
    found = whereabouts(run, order)
    told = []
    early = [run.domains[d] for d in np.argsort(found.middle) if found.middle[d] < 0.5 - SHOWS]
    late = [run.domains[d] for d in np.argsort(found.middle) if found.middle[d] > 0.5 + SHOWS]
    if early:
        told.append(f"{_list(early)} come early")
    if late:
        told.append(f"{_list(late)} come late")
    for rank, forward, backward in (
        (found.length_rank, "short samples before long ones", "long samples before short ones"),
        (found.loss_rank, "easy samples before hard ones", "hard samples before easy ones"),
    ):
        if abs(rank) >= LINKED:
            told.append(f"{forward if rank > 0 else backward} (rank correlation {abs(rank):.2f})")
    if not told:
        return "Domains, lengths and losses are spread over the whole training."
    text = "; ".join(told)
    return f"{text[0].upper()}{text[1:]}."


def _rank(position: Array, values: Array) -> float:
    if np.ptp(values) == 0:
        return 0.0
    found: Any = spearmanr(position, values)
    return float(np.nan_to_num(found.statistic))


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
