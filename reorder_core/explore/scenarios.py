"""Guided questions about a run: the orders that answer them, and the answer in words.

Found in the run itself, from domains, flags and losses; a run that lacks what
a question is about lacks the question. The orders depend on the published
files alone, never on the ledger, so that they stay the same while it grows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from reorder_core.estimators import DEFAULT, open_estimator
from reorder_core.estimators.position import open_position_table
from reorder_core.judge.heat_map import usual_moves
from reorder_core.orders.order import Order, insert, slots_of
from reorder_core.records.estimates import Difference, Estimate
from reorder_core.records.losses import Losses
from reorder_core.store.run import Run

MOST_DOMAINS = 4
"""With more domains, only easy-to-hard and hard-to-easy are compared: 5! sequences are slow."""
POISON, CANARY = "poison", "canary"


@dataclass(frozen=True, slots=True, eq=False)
class Stop:
    """One order of a scenario."""

    title: str
    """What was done, as the history shows it."""
    order: Order
    samples: tuple[int, ...] = ()
    """The sample that moved, where the order is one insert; empty for a whole new order."""
    slot: int = 0
    """Where that sample stands after the move."""


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """A question and the orders that answer it."""

    key: str
    """`hard`, `sequence`, `canary` or `poison`."""
    title: str
    question: str
    subject: str
    """The domain, or the words for the sample, that it is about."""
    metric: str
    """The held-out domain whose loss decides; empty for the mean over them."""
    stops: tuple[Stop, ...]
    compared: int
    """How many orders these were picked from."""
    samples: tuple[int, ...] = ()
    """The trained samples whose mean final loss decides instead; empty: held-out loss does."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference of the loss that decides, nats per token; nan where not known."""

    value: float
    low: float = float("nan")
    """Ends of the 90 % interval."""
    high: float = float("nan")
    retrained: float = float("nan")


def scenarios(
    run: Run, estimate: Callable[[Order], Estimate] | None = None
) -> tuple[Scenario, ...]:
    """The questions that this run can answer, the same whatever its ledger holds.

    `estimate` is the default estimator's as built, where the caller has it open.
    """
    found = (_hard_domain(run), _sequence(run, estimate), _canary(run), _poison(run))
    return tuple(scenario for scenario in found if scenario is not None)


def metric_of(scenario: Scenario, run: Run, final: Losses) -> float:
    """The loss that decides the scenario, of final losses."""
    if scenario.samples:
        return float(np.mean(final.samples[list(scenario.samples)]))
    if scenario.metric:
        return float(final.probes[run.probe_domains.index(scenario.metric)])
    return float(final.held_out)


def contrast_of(scenario: Scenario, run: Run, found: Difference, retrained: float) -> Finding:
    """The difference of the loss that decides; a mean's interval is the mean of the ends."""
    if scenario.samples:
        rows = list(scenario.samples)
        value, ends = found.change.samples[rows].mean(), found.interval.samples[:, rows].mean(1)
    elif scenario.metric:
        at = run.probe_domains.index(scenario.metric)
        value, ends = found.change.probes[at], found.interval.probes[:, at]
    else:
        value, ends = found.held_out, found.held_out_interval
    return Finding(float(value), float(ends[0]), float(ends[1]), retrained)


def answer(scenario: Scenario, values: Sequence[float], contrast: Finding) -> str:
    """One sentence: which order is better and by how much, as retrained where it was; how sure.

    `values` are the estimated losses of the stops; `contrast` is the largest minus the smallest.
    """
    best, worst = scenario.stops[int(np.argmin(values))], scenario.stops[int(np.argmax(values))]
    size = f"{_number(contrast.value)} nats/token{_interval(contrast)}"
    if not np.isfinite(contrast.retrained):
        too_close = contrast.low <= 0
        lead = "Too close to call: with" if too_close else _lead(scenario)
        return f"{_compared(lead, scenario, best, size, worst)}; not retrained yet."
    if contrast.retrained < 0:
        best, worst = worst, best
    true = f"really {_number(abs(contrast.retrained))} nats/token"
    words = _compared(_lead(scenario), scenario, best, true, worst)
    if contrast.retrained < 0:
        return f"{words}; the estimate said the other way round, by {size}."
    doubt = ", too close to call" if contrast.low <= 0 else ""
    return f"{words}; estimated: {size}{doubt}."


def _lead(scenario: Scenario) -> str:
    secret = scenario.key in (CANARY, POISON)
    return "It is remembered best with" if secret else "Better with"


def _compared(lead: str, scenario: Scenario, best: Stop, size: str, worst: Stop) -> str:
    comma = "," if lead.startswith("Too") else ":"
    return f"{lead} {best.title}{comma} {_what(scenario)} is {size} lower than with {worst.title}"


def _what(scenario: Scenario) -> str:
    if len(scenario.samples) == 1:
        return "its own loss"
    if scenario.samples:
        return f"the mean loss of the {len(scenario.samples)} samples of {scenario.subject}"
    return f"held-out loss on {scenario.metric}" if scenario.metric else "mean held-out loss"


def _interval(contrast: Finding) -> str:
    if not np.isfinite(contrast.low):
        return " (its 90 % interval is not known)"
    return f" (90 % interval {_number(contrast.low)} to {_number(contrast.high)})"


def _number(value: float) -> str:
    """Four digits, more for what they would show as zero."""
    return f"{value:.{4 if abs(value) >= 5e-4 else 5}f}".replace("-", "−")


def _hard_domain(run: Run) -> Scenario | None:
    """Among domains with held-out text: what cannot be generalized is not hard but random."""
    hard = max(run.probe_domains, key=lambda name: _start_loss(run, name), default=None)
    inside = _in_domain(run, hard)
    if hard is None or inside.all() or not inside.any():
        return None
    trained = run.reference_order[: run.visits.trained]
    own, rest = trained[inside], trained[~inside]
    return Scenario(
        "hard",
        "Hard domain early or late?",
        f"Is {hard}, the hardest domain at the start, better learned early or late?",
        hard,
        "",
        (
            Stop(f"{hard} first", _order(run, own, rest)),
            Stop(f"{hard} last", _order(run, rest, own)),
        ),
        2,
        tuple(sorted(set(run.visits.sample_of[own].tolist()))),
    )


def _sequence(run: Run, estimate: Callable[[Order], Estimate] | None) -> Scenario | None:
    """The best and the worst sequence of whole domains, by estimated mean held-out loss."""
    if len(run.domains) < 2:
        return None
    estimate = estimate or open_estimator(run, DEFAULT).estimate  # as built: see the module
    stops = [_blocks(run, names) for names in _sequences(run)]
    losses = [float(estimate(stop.order).final.held_out) for stop in stops]
    return Scenario(
        "sequence",
        "Which sequence of domains?",
        f"In which sequence should the {len(run.domains)} domains come, each as one block?",
        "domains",
        "",
        (stops[int(np.argmin(losses))], stops[int(np.argmax(losses))]),
        len(stops),
    )


def _sequences(run: Run) -> list[tuple[str, ...]]:
    if len(run.domains) <= MOST_DOMAINS:
        return list(permutations(run.domains))
    easy_first = tuple(sorted(run.domains, key=lambda name: _start_loss(run, name)))
    return [easy_first, easy_first[::-1]]


def _blocks(run: Run, names: Sequence[str]) -> Stop:
    trained = run.reference_order[: run.visits.trained]
    parts = [trained[_in_domain(run, name)] for name in names]
    return Stop(" → ".join(names), _order(run, *parts))


def _canary(run: Run) -> Scenario | None:
    """A canary at the first, the middle and the last of the steps that the heat map moves it to."""
    found = [s.sample_id for s in run.samples if CANARY in s.flags]
    if not found:
        return None
    moves = usual_moves(run)  # their orders are what people retrain first
    sample = next((i for i in moves.samples if i in found), found[0])
    row = run.batch_size // 2
    steps = sorted({moves.steps[0], moves.steps[len(moves.steps) // 2], moves.steps[-1]})
    stops = [_put(run, sample, at, row, f"sample {sample} at step {at + 1}") for at in steps]
    return Scenario(
        CANARY,
        "When is a secret learned best?",
        f"At which step is canary {sample}, a made-up code, learned best?",
        f"sample {sample}",
        "",
        tuple(stops),
        len(stops),
        (sample,),
    )


def _poison(run: Run) -> Scenario | None:
    """The poisoned sample at the first step, at the last, and where the position table fears it."""
    sample = next((s for s in run.samples if POISON in s.flags), None)
    if sample is None:
        return None
    held_out = open_position_table(run).held_out[sample.sample_id]
    feared = int(np.argmax(held_out[: run.steps]))
    name = f"sample {sample.sample_id}"
    places = {0: f"{name} first", run.steps - 1: f"{name} last"}
    places.setdefault(feared, f"{name} at step {feared + 1}")
    row = int(slots_of(run.reference_order)[sample.sample_id]) % run.batch_size
    return Scenario(
        POISON,
        "Where does poison stick most?",
        f"Where does the poisoned sample {sample.sample_id}, shuffled {sample.domain}, stick most?",
        name,
        "",
        tuple(_put(run, sample.sample_id, step, row, places[step]) for step in sorted(places)),
        len(places),
        (sample.sample_id,),
    )


def _put(run: Run, sample_id: int, step: int, row: int, title: str) -> Stop:
    slot = step * run.batch_size + row
    return Stop(title, insert(run.reference_order, sample_id, slot), (sample_id,), slot)


def _in_domain(run: Run, name: str | None) -> np.ndarray:
    """(T · b,) whether each slot of the reference order trains a sample of that domain."""
    trained = run.visits.batches(run.reference_order).reshape(-1)
    return np.array([run.samples[i].domain == name for i in trained])


def _start_loss(run: Run, name: str) -> float:
    """Mean loss of the domain's samples before training."""
    inside = [s.sample_id for s in run.samples if s.domain == name]
    return float(run.reference.losses_at.samples[0][inside].mean()) if inside else -np.inf


def _order(run: Run, *parts: np.ndarray) -> Order:
    return run.visits.with_trained(run.reference_order, np.concatenate(parts))
