"""At random; by length."""

from typing import Any

import numpy as np

from reorder_core.orders.order import Order, frozen
from reorder_core.store.run import Run


def random(run: Run, seed: int) -> dict[str, Order]:
    """One uniform permutation."""
    drawn = np.random.default_rng([seed, 23]).permutation(run.reference_order)
    return {"random": frozen(drawn)}


def by_length(run: Run, seed: int) -> dict[str, Order]:
    """Short samples first, and long ones."""
    del seed
    tokens = np.array([sample.tokens for sample in run.samples])
    return {"short first": sorted_by(run, tokens), "long first": sorted_by(run, -tokens)}


def sorted_by(run: Run, keys: Any) -> Order:
    """Ascending in a key of each sample; ties stay as the reference order has them."""
    reference = run.reference_order
    return frozen(reference[np.argsort(np.asarray(keys)[reference], kind="stable")])
