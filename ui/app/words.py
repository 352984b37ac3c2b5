"""Moves told in words: `canary 31: step 4 → step 29`; and families of orders."""

from reorder_core.orders.moves import Move, from_slots
from reorder_core.orders.order import Order
from reorder_core.store.run import Run
from ui.charts.template import isolated

FAMILY_WORDS = {
    "random": "random orders",
    "move": "single moves",
    "blocks": "block orders",
    "curriculum": "curricula",
    "in-out": "exchanges with the reserve",
    "repeat": "orders with repetitions",
    "heat map": "heat-map moves",
    "by hand": "orders chosen by hand",
}
ONE_OF_A_FAMILY = {
    "random": "a random order",
    "move": "a single move",
    "blocks": "a block order",
    "curriculum": "a curriculum",
    "in-out": "an exchange with the reserve",
    "repeat": "an order with repetitions",
    "heat map": "a heat-map move",
    "by hand": "an order by hand",
}
MARKS = ("canary", "poison", "duplicate")
"""Flags that name a sample better than its domain does."""


def of_move(run: Run, before: Order, move: Move) -> str:
    """What a move did to the order `before`."""
    if move.kind == "order":
        return move.title
    to = range(move.slot, move.slot + len(move.samples))
    origin = from_slots(before, move)
    if move.kind == "swap" and len(origin) == 1:
        other = of_visit(run, int(before[move.slot]))
        return (
            f"{of_visit(run, move.samples[0])} ↔ {other}: {_places(run, origin)} ↔ "
            f"{_places(run, to)}"
        )
    arrow = "↔" if move.kind == "swap" else "→"
    return f"{of_samples(run, before, move)}: {_places(run, origin)} {arrow} {_places(run, to)}"


def of_sample(run: Run, sample: int) -> str:
    """A sample's name: its mark where it has one, and its id."""
    flags = run.samples[sample].flags
    return f"{next((mark for mark in MARKS if mark in flags), 'sample')} {sample}"


def of_visit(run: Run, visit: int) -> str:
    """Its sample's name, and which of the sample's visits it is where there are several."""
    sample = int(run.visits.sample_of[visit])
    own = run.visits.of_sample[sample].tolist()
    turn = f", visit {own.index(visit) + 1}" if len(own) > 1 else ""
    return of_sample(run, sample) + turn


def of_samples(run: Run, before: Order, move: Move) -> str:
    """What the moved samples have in common, and how many they are."""
    ids = set(move.samples)
    if len(ids) == 1:
        return of_visit(run, move.samples[0])
    step, place = divmod(min(from_slots(before, move)), run.batch_size)
    if place == 0 and ids == set(before[step * run.batch_size :][: run.batch_size].tolist()):
        return f"all of step {step + 1}"
    of, trained = run.visits.sample_of, set(before[: run.visits.trained].tolist())
    for domain in run.domains:
        members = {v for v in range(len(of)) if run.samples[of[v]].domain == domain}
        if ids in (members, members & trained):  # those of the bench belong to no step
            return f"all {len(ids)} of {isolated(domain)}"
        if ids < members:
            return f"{len(ids)} of {isolated(domain)}"
    return f"{len(ids)} samples"


def _places(run: Run, slots: list[int] | range) -> str:
    """Their steps, or the bench."""
    benched = [slot >= run.visits.trained for slot in slots]
    return "the bench" if all(benched) else _steps(slots, run.batch_size)


def _steps(slots: list[int] | range, batch: int) -> str:
    steps = sorted({slot // batch + 1 for slot in slots})
    if len(steps) == 1:
        return f"step {steps[0]}"
    if steps[-1] - steps[0] == len(steps) - 1:
        return f"steps {steps[0]}–{steps[-1]}"
    return f"{len(steps)} steps"
