"""A position table of random numbers for the fabricated run."""

import numpy as np

from reorder_core.estimators.position import PositionTable
from reorder_core.store.run import Run


def random_table(run: Run, seed: int = 5) -> PositionTable:
    random = np.random.default_rng(seed)
    shape = (run.count, run.steps)
    probe = random.normal(size=(len(run.probe_domains), *shape)).astype(np.float32)
    return PositionTable(
        random.normal(size=shape).astype(np.float32),
        probe.mean(0),
        probe,
        random.uniform(0.1, 1, run.count).astype(np.float32),
        np.full(run.count, 0.3, np.float32),
    )
