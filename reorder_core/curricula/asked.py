"""What a search was asked for, checked; the same again is the same search."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reorder_core.curricula.constraints import Constraints, make_constraints
from reorder_core.curricula.objective import Objective
from reorder_core.curricula.objectives import parse_objective
from reorder_core.curricula.objectives.memory import sample_ids
from reorder_core.errors import CurriculumError
from reorder_core.quantities import VALUED
from reorder_core.store.files import json_digest
from reorder_core.store.run import Run

VERSION = 1
"""Of the search: another way of searching must not go on from this one's state."""
MOST_OBJECTIVES = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """A search's arguments, as text and numbers."""

    objectives: tuple[str, ...]
    budget: float
    """RRE that real retrainings may cost beyond the build."""
    seed: int = 0
    early: str = ""
    """Samples that must come within the first half: ids, ranges, flags, domains."""
    whole: bool = False
    most_moves: int | None = None

    @property
    def record(self) -> dict[str, Any]:
        return {
            "objectives": list(self.objectives), "budget": float(self.budget), "seed": self.seed,
            "early": self.early, "whole": self.whole, "most_moves": self.most_moves,
        }  # fmt: skip

    @classmethod
    def of(cls, record: dict[str, Any]) -> "Asked":
        """The inverse of `record`."""
        return cls(**{**record, "objectives": tuple(record["objectives"])})

    def name(self, run: Run) -> str:
        """12 hex digits, the same for the same search of the same run."""
        return json_digest([VERSION, run.id, run.fingerprint, self.record])[:12]

    def arguments(self) -> tuple[str, ...]:
        """Those of `python -m reorder_core curriculum RUN` that ask for it."""
        told = [part for text in self.objectives for part in ("--objective", text)]
        told += ["--budget", str(float(self.budget)), "--seed", str(self.seed)]
        if self.early:
            told += ["--within-first-half", self.early]
        if self.whole:
            told.append("--keep-domains-whole")
        if self.most_moves is not None:
            told += ["--max-moves", str(self.most_moves)]
        return tuple(told)


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """The same, understood for a run."""

    run: Run
    asked: Asked
    objectives: tuple[Objective, ...]
    constraints: Constraints

    @property
    def price(self) -> float:
        """RRE of one retraining: the training, its losses at the end, what is read out there."""
        reads = {objective.reads for objective in self.objectives}
        passes = sum(quantity.passes for quantity in VALUED if quantity.name in reads)
        return 1 + self.run.evaluation_rre * (1 + passes)

    @property
    def retrainings(self) -> int:
        """How many the budget pays for; one at least."""
        return max(1, int(self.asked.budget / self.price + 1e-9))


def understand(run: Run, asked: Asked) -> Task:
    """The task for a run; raises CurriculumError for what it cannot serve."""
    if not 0 < asked.budget < math.inf:
        raise CurriculumError(
            f"a budget of {asked.budget:g} RRE cannot be spent; expected a number above 0, since "
            "what is found must be verified"
        )
    if not asked.objectives:
        raise CurriculumError("no objective was given; say for example --objective heldout")
    if len(asked.objectives) > MOST_OBJECTIVES:
        raise CurriculumError(
            f"{len(asked.objectives)} objectives were given; at most {MOST_OBJECTIVES} make sense"
        )
    objectives = tuple(parse_objective(run, text) for text in asked.objectives)
    _check_different(objectives)
    early: Sequence[int] = ()
    if asked.early:
        early = sample_ids(run, asked.early, "within-first-half")
    constraints = make_constraints(run, early, asked.whole, asked.most_moves)
    return Task(run, asked, objectives, constraints)


def _check_different(objectives: Sequence[Objective]) -> None:
    texts = [objective.text for objective in objectives]
    for text in texts:
        if texts.count(text) > 1:
            raise CurriculumError(f"objective {text!r} was given twice; leave one out")
