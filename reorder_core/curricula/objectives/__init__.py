"""Objectives by name: one file a kind, and its line in `KINDS`.

A kind is a function (run, argument) → Objective; the argument is what stands
behind the colon. It raises CurriculumError for an argument that this run has not.
"""

from collections.abc import Callable

from reorder_core.curricula.objective import Objective
from reorder_core.curricula.objectives import (
    domain,
    heldout,
    memory,
    quantity,
    weighted,
    worst,
)
from reorder_core.errors import CurriculumError
from reorder_core.store.run import Run

KINDS: dict[str, tuple[Callable[[Run, str], Objective], str]] = {
    "heldout": (heldout.make, "heldout: lower the held-out loss, all domains counting alike"),
    "domain": (domain.make, "domain:NAME: lower the held-out loss of one domain"),
    "weighted": (weighted.make, "weighted:NAME=2,NAME=1: lower a weighted mean over domains"),
    "worst": (worst.make, "worst: lower the held-out loss of whichever domain has the highest"),
    "remember": (memory.remember, "remember:IDS: lower the mean loss of training samples"),
    "forget": (memory.forget, "forget:IDS: raise the mean loss of training samples"),
    "quantity": (quantity.make, "quantity:NAME, quantity:NAME:IDS: a quantity's better direction"),
}
"""Name → how it is made, and one line on it."""


def parse_objective(run: Run, text: str) -> Objective:
    """The objective that a text names; raises CurriculumError for any other."""
    name, _, argument = text.strip().partition(":")
    if name not in KINDS:
        raise CurriculumError(
            f"unknown objective {text[:60]!r}; expected one of "
            "heldout, domain:NAME, weighted:NAME=2,NAME=1, worst, remember:IDS, forget:IDS, "
            "quantity:NAME, quantity:NAME:IDS"
        )
    return KINDS[name][0](run, argument.strip())
