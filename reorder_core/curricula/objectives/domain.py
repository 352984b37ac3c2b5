"""`domain:NAME`: the loss on one domain's held-out text."""

import numpy as np

from reorder_core.curricula.objective import Objective, over_probes
from reorder_core.errors import CurriculumError
from reorder_core.store.run import Run


def make(run: Run, argument: str) -> Objective:
    """Lower is better."""
    return over_probes(
        run, f"domain:{argument}", f"lower the held-out loss of {argument}",
        f"held-out loss, {argument}", np.eye(len(run.probe_domains))[row_of(run, argument)],
    )  # fmt: skip


def row_of(run: Run, name: str) -> int:
    """The held-out domain's column in probe losses; raises CurriculumError for another name."""
    if name not in run.probe_domains:
        raise CurriculumError(
            f"there is no held-out text of domain {name[:40]!r}; "
            f"expected one of {', '.join(run.probe_domains)}"
        )
    return run.probe_domains.index(name)
