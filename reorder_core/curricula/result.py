"""What a search found, as numbers and in plain words; a null is a result."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from reorder_core.curricula import ranking
from reorder_core.curricula.asked import Task
from reorder_core.curricula.scoring import Z90, teaching
from reorder_core.curricula.search_state import SearchState, Tried
from reorder_core.errors import CurriculumError
from reorder_core.estimators import DEFAULT
from reorder_core.estimators.learning.retrainings import knowledge
from reorder_core.store.run import Run


@dataclass(frozen=True, slots=True)
class Gain:
    """An objective's best realised value against random orders."""

    value: float
    """What training in the order found gave; its estimate where nobody trained it."""
    random_mean: float
    """Of random orders that keep to the constraints, estimated."""
    random_sd: float
    deviations: float
    """How many standard deviations of random orders it is better; below 0 worse."""
    clear: bool
    """Whether that is more than the random orders' own 90 % and the estimates' error."""


def best_entry(task: Task, state: SearchState) -> Tried | None:
    """The verified order that is best; of several objectives, in the sum of scaled costs."""
    ranked = front_of(task, state)
    return ranked[0] if ranked else None


def front_of(task: Task, state: SearchState) -> list[Tried]:
    """Verified orders that no other beats in every objective, the best compromise first."""
    finite = [e for e in state.verified if e.realised and np.isfinite(e.realised).all()]
    if not finite:
        return []
    costs = ranking.costs_of(finite, task.objectives, state.random)
    return [finite[row] for row in ranking.front(costs)]


def gains(task: Task, state: SearchState, entry: Tried) -> list[Gain]:
    """What an order gains over random ones, objective by objective."""
    return [_gain(task, state, entry, at) for at in range(len(task.objectives))]


def _gain(task: Task, state: SearchState, entry: Tried, at: int) -> Gain:
    sign, drawn = task.objectives[at].sign, np.array(state.random[at])
    found = entry.estimated[at]
    value, pessimistic = found.value, found.hi if sign > 0 else found.lo
    if entry.realised is not None:
        value = pessimistic = entry.realised[at]
    mean, sd = float(drawn.mean()), float(drawn.std())
    reach = Z90 * float(np.hypot(sd, state.random_error[at]))
    ahead = sign * (mean - value) / max(sd, 1e-12)
    return Gain(value, mean, sd, float(ahead), bool(sign * (mean - pessimistic) > reach))


def verdict(task: Task, state: SearchState) -> str:
    """One or more sentences: what was gained, or that order makes no difference that shows."""
    entry = best_entry(task, state)
    if entry is None:
        return f"E{_none_left(state)[1:]}." if state.verified else "No order has been verified yet."
    told, lost, tried = [], diverged(state), len(state.verified)
    for objective, gain in zip(task.objectives, gains(task, state, entry), strict=True):
        against = (
            f"{gain.value:.4f} against {gain.random_mean:.4f} of random orders "
            f"(standard deviation {gain.random_sd:.4f})"
        )
        name = objective.short[0].upper() + objective.short[1:]
        if gain.clear:
            told.append(f"{name}: {against}, {gain.deviations:.1f} standard deviations better.")
        else:
            told.append(
                f"{name}: {against}. That is not beyond what random orders vary by: "
                "no order found is clearly better than a random one."
            )
    if lost:
        told.append(
            f"{lost} of the {tried} orders that were trained diverged: their losses are no "
            "numbers, so they are never best and teach nothing."
        )
    return " ".join(told)


def diverged(state: SearchState) -> int:
    """How many of the verified orders ended with losses that are no numbers."""
    return sum(not np.isfinite(e.realised).all() for e in state.verified if e.realised)


def _none_left(state: SearchState) -> str:
    return (
        f"every one of the {len(state.verified)} orders that were trained diverged, so none "
        "can be named; build the run with a lower learning rate"
    )


def answer(task: Task, state: SearchState) -> dict[str, Any]:
    """The object that `curriculum --json` prints; lists by objective where several were asked."""
    entry = best_entry(task, state)
    if entry is None:
        raise CurriculumError(_none_left(state))
    found = gains(task, state, entry)

    def one(values: Any) -> Any:
        values = list(values)
        return values if len(task.objectives) > 1 else values[0]

    record = {
        "run": task.run.id,
        "objective": one(objective.text for objective in task.objectives),
        "order": entry.order.tolist(),
        "estimated": one(part.record for part in entry.estimated),
        "realised": one(entry.realised or ()),
        "proposals": {
            name: {
                "estimated": one(part.value for part in proposal.estimated),
                "realised": None if proposal.realised is None else one(proposal.realised),
                "lo": one(part.lo for part in proposal.estimated),
                "hi": one(part.hi for part in proposal.estimated),
            }
            for name, proposal in state.proposals.items()
        },
        "rre": state.paid * task.price,
        "knows": known_words(task.run, state, entry.round),
        "better": one("higher" if o.raises else "lower" for o in task.objectives),
        "source": entry.source,
        "retrainings": state.paid,
        "budget": task.asked.budget,
        "seed": task.asked.seed,
        "constraints": list(task.constraints.words()),
        "reference": one(o.realised(task.run, task.run.reference_order) for o in task.objectives),
        "random": one(
            {"mean": gain.random_mean, "sd": gain.random_sd, "orders": len(state.random[0])}
            for gain in found
        ),
        "gain_sd": one(gain.deviations for gain in found),
        "clear": one(gain.clear for gain in found),
        "additive_bound": one(state.bound),
        "verified": [_verified(part, one) for part in state.verified],
        "diverged": diverged(state),
        "verdict": verdict(task, state),
        "search": state.path.stem,
    }
    if len(task.objectives) > 1:
        record["front"] = [
            {"order": part.order.tolist(), **_verified(part, one)} for part in front_of(task, state)
        ]
    return record


def known_words(run: Run, state: SearchState, number: int) -> str:
    """The estimator of a round with the retrainings it knew: "hybrid, 16 + 64 retrainings"."""
    runs = teaching(run, state.known_in(number))
    return knowledge(run, runs.hashes).words(DEFAULT)


def _verified(entry: Tried, one: Any) -> dict[str, Any]:
    return {
        "source": entry.source,
        "round": entry.round,
        "order_hash": entry.hash,
        "estimated": one(part.record for part in entry.estimated),
        "realised": one(entry.realised or ()),
    }
