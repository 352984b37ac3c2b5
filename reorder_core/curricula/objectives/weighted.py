"""`weighted:NAME=2,NAME=1`: a weighted mean of held-out domains' losses."""

import math

import numpy as np

from reorder_core.curricula.objective import Objective, over_probes
from reorder_core.curricula.objectives.domain import row_of
from reorder_core.errors import CurriculumError
from reorder_core.store.run import Run


def make(run: Run, argument: str) -> Objective:
    """Lower is better; weights are divided by their sum."""
    weight = np.zeros(len(run.probe_domains))
    for part in argument.split(","):
        name, _, number = part.partition("=")
        weight[row_of(run, name.strip())] = _number(part, number)
    if not weight.sum():
        raise CurriculumError("all weights are 0; give one domain at least a weight above 0")
    weight /= weight.sum()
    shares = ", ".join(
        f"{name} {share:.0%}" for name, share in zip(run.probe_domains, weight, strict=True)
    )
    return over_probes(
        run, f"weighted:{argument}", f"lower the held-out loss, weighted {shares}",
        "weighted held-out loss", weight,
    )  # fmt: skip


def _number(part: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise CurriculumError(
            f"cannot read the weight in {part[:40]!r}; expected NAME=NUMBER with a number from 0 up"
        )
    return number
