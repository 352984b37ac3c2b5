"""Membership inference: can trained samples be told from others by what the model says of them?

Scores: the loss (Yeom et al. 2018), and Min-K % (Shi et al. 2024), the mean loss of the K % least
likely tokens. Members are the samples that an order trains, the others held-out texts of the same
domains and samples that it does not train; planted ones are left out on both sides.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reorder_core.orders.order import Order
from reorder_core.recall.record import Recall
from reorder_core.records.losses import Losses
from reorder_core.store.run import Run

Array = NDArray[Any]
MIN_K = 0.2
"""Share of a text's tokens that Min-K % looks at, the paper's best."""
FPR = 0.01
DRAWS = 400


@dataclass(frozen=True, slots=True, eq=False)
class Roc:
    """How well scores tell members from others."""

    false: Array
    """(P,) share of the others that are taken for members, ascending from 0 to 1."""
    true: Array
    """(P,) share of the members that are found."""
    area: float
    area_ends: tuple[float, float]
    """90 %, members and others drawn again."""
    caught: float
    """Of the members, at a share of FPR of the others."""
    caught_ends: tuple[float, float]


def sides(run: Run, order: Order) -> tuple[Array, Array, Array]:
    """(N,) which samples are members, (N,) and (P,) which samples and probes are not."""
    domains = set(run.probe_domains)
    plain = np.array([not s.flags and s.domain in domains for s in run.samples])
    trained = run.visits.times(order[None])[0] > 0
    shared = {s.domain for s, one in zip(run.samples, plain, strict=True) if one}
    return plain & trained, plain & ~trained, np.array([p.domain in shared for p in run.probes])


def split(run: Run, order: Order, samples: Array, probes: Array) -> tuple[Array, Array]:
    """Scores of members and of the others, from those of all samples (N,) and probes (P,)."""
    member, other, probe = sides(run, order)
    return samples[member], np.concatenate([samples[other], probes[probe]])


def by_loss(recall: Recall) -> tuple[Array, Array]:
    """(N,) and (P,) scores, the larger the likelier a member: the loss's negative."""
    return -recall.loss, -recall.probe_loss


def by_min_k(recall: Recall) -> tuple[Array, Array]:
    """(N,) and (P,) the negative mean loss of the K % of a text's tokens with the highest loss."""
    return min_k(recall.token_loss), min_k(recall.probe_token_loss)


def by_estimated_loss(run: Run, reference: Recall, final: Losses) -> tuple[Array, Array]:
    """Scores by an estimate's final losses (N,) and (D,).

    Of held-out texts only the domain's mean is estimated: each is taken to change as much.
    """
    known = run.reference.final.probes.astype(np.float64)
    column = {domain: at for at, domain in enumerate(run.probe_domains)}
    change = (final.probes - known)[[column[p.domain] for p in run.probes]]
    return -final.samples.astype(np.float64), -(reference.probe_loss + change)


def min_k(token_loss: Array, share: float = MIN_K) -> Array:
    """(B,) from (B, L−1) with nan where a token does not count; at least one token counts."""
    found = np.empty(len(token_loss))
    for number, row in enumerate(token_loss.astype(np.float64)):
        known = np.sort(row[np.isfinite(row)])[::-1]
        found[number] = -known[: max(1, int(share * len(known)))].mean() if len(known) else np.nan
    return found


def roc(members: Array, others: Array, draws: int = DRAWS) -> Roc | None:
    """The curve and what it comes to; None where a side is empty or a score is not finite.

    `draws`: how often both sides are drawn again for the intervals.
    """
    scores = np.concatenate([members, others])
    if not len(members) or not len(others) or not np.isfinite(scores).all():
        return None
    random, drawn = np.random.default_rng(0), []
    for _ in range(draws):
        again = random.choice(members, len(members)), random.choice(others, len(others))
        drawn.append((area(*again), caught(*again)))
    ends = np.percentile(np.array(drawn), [5, 95], axis=0)
    cuts = np.unique(scores)[::-1]
    false = np.concatenate([[0.0], shares_from(others, cuts)])
    true = np.concatenate([[0.0], shares_from(members, cuts)])
    return Roc(false, true, area(members, others), (float(ends[0, 0]), float(ends[1, 0])),
               caught(members, others), (float(ends[0, 1]), float(ends[1, 1])))  # fmt: skip


def area(members: Array, others: Array) -> float:
    """How often a member's score is above another's, ties half: the area under the curve."""
    ranked = np.sort(others)
    below = np.searchsorted(ranked, members, "left") + np.searchsorted(ranked, members, "right")
    return float(below.mean() / (2 * len(others)))


def caught(members: Array, others: Array, rate: float = FPR) -> float:
    """Share of the members above the score that at most `rate` of the others reach."""
    allowed = int(rate * len(others))
    return float((members > np.sort(others)[::-1][allowed]).mean())


def shares_from(scores: Array, cuts: Array) -> Array:
    """Of the scores, which share is at each cut or above."""
    return 1 - np.searchsorted(np.sort(scores), cuts, "left") / len(scores)
