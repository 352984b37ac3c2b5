"""At random; by length."""

from typing import Any

import numpy as np

from reorder_core.orders.order import Order
from reorder_core.store.run import Run


def random(run: Run, seed: int) -> dict[str, Order]:
    """One uniform permutation."""
    trained = run.reference_order[: run.visits.trained]
    drawn = np.random.default_rng([seed, 23]).permutation(trained)
    return {"random": run.visits.with_trained(run.reference_order, drawn)}


def by_length(run: Run, seed: int) -> dict[str, Order]:
    """Short samples first, and long ones."""
    del seed
    tokens = np.array([sample.tokens for sample in run.samples])
    return {"short first": sorted_by(run, tokens), "long first": sorted_by(run, -tokens)}


def sorted_by(run: Run, keys: Any) -> Order:
    """Ascending in a key of each sample; ties stay as the reference order has them."""
    return run.visits.sort_trained(run.reference_order, run.visits.as_visits(keys))
