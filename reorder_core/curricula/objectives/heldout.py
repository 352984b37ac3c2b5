"""`heldout`: the mean loss on held-out text, its domains counting alike."""

import numpy as np

from reorder_core.curricula.objective import Objective, over_probes
from reorder_core.errors import CurriculumError
from reorder_core.store.run import Run


def make(run: Run, argument: str) -> Objective:
    """Lower is better."""
    if argument:
        raise CurriculumError(
            f"heldout takes no argument, seen {argument[:40]!r}; for one domain say domain:NAME"
        )
    domains = len(run.probe_domains)
    return over_probes(
        run, "heldout", "lower the loss on held-out text, every domain counting alike",
        "held-out loss", np.full(domains, 1 / domains),
    )  # fmt: skip
