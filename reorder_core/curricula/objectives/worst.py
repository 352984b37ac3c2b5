"""`worst`: the highest of the held-out domains' losses."""

import numpy as np

from reorder_core.curricula.objective import Objective, over_probes
from reorder_core.errors import CurriculumError
from reorder_core.store.run import Run


def make(run: Run, argument: str) -> Objective:
    """Lower is better."""
    if argument:
        raise CurriculumError(f"worst takes no argument, seen {argument[:40]!r}")
    return over_probes(
        run, "worst", "lower the held-out loss of the domain that has the highest",
        "held-out loss, worst domain", np.eye(len(run.probe_domains)).tolist(),
    )  # fmt: skip
