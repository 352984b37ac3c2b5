"""How losses went along training: of the reference, of other orders, of all that were retrained."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reorder_core.analysis.retrained_orders import RetrainedOrders
from reorder_core.records.losses import Losses
from reorder_core.store.run import Run

Array = NDArray[Any]
ALL = "all domains"
ENDS = (5, 95)
"""Percentiles over retrainings: a band that 90 % of random orders stay in."""


def curves(run: Run, probe_loss_at: Array) -> pd.DataFrame:
    """Held-out loss by domain along training from (E, D): domain, step (trained so far), loss."""
    wide = np.asarray(probe_loss_at, np.float64)
    return _long(run, {ALL: wide.mean(1)} | dict(zip(run.probe_domains, wide.T, strict=True)))


def spread(run: Run, orders: RetrainedOrders) -> pd.DataFrame:
    """Where random orders' held-out losses lay: domain, step, lo, hi, of the middle 90 %."""
    return _spread(run, _by_domain(run, orders.losses_at.probes))


def gaps(run: Run, losses_at: Losses) -> pd.DataFrame:
    """Held-out loss minus the training samples', by domain, from (E, N) and (E, D).

    domain, step, loss (the gap: above 0 the model knows its training text
    better). Domains without held-out text have none, and flagged samples do not
    count: what was planted is no text of its domain.
    """
    found = _gaps(run, losses_at[None])
    return _long(run, {name: values[0] for name, values in found.items()})


def gap_spread(run: Run, orders: RetrainedOrders) -> pd.DataFrame:
    """Where random orders' gaps lay: domain, step, lo, hi, of the middle 90 %."""
    return _spread(run, _gaps(run, orders.losses_at))


def _by_domain(run: Run, probe: Array) -> dict[str, Array]:
    """Domain → (M, E), from (M, E, D)."""
    found = {ALL: probe.mean(2)}
    return found | {name: probe[..., at] for at, name in enumerate(run.probe_domains)}


def _gaps(run: Run, losses_at: Losses) -> dict[str, Array]:
    """Domain → (M, E), from (M, E, N) and (M, E, D). Domains count alike in the mean."""
    samples, probes = losses_at.samples, losses_at.probes
    names = np.array(["" if sample.flags else sample.domain for sample in run.samples])
    both = [domain for domain in run.probe_domains if domain in names]
    found = {
        domain: probes[..., run.probe_domains.index(domain)].astype(np.float64)
        - samples[..., names == domain].mean(2, dtype=np.float64)
        for domain in both
    }
    return ({ALL: np.mean(list(found.values()), axis=0)} if len(both) > 1 else {}) | found


def _spread(run: Run, found: dict[str, Array]) -> pd.DataFrame:
    ends = {
        name: np.percentile(values, ENDS, axis=0)
        for name, values in found.items()
        if len(values) > 1
    }
    low = _long(run, {name: pair[0] for name, pair in ends.items()}, "lo")
    high = _long(run, {name: pair[1] for name, pair in ends.items()}, "hi")
    return low.assign(hi=high["hi"])


def _long(run: Run, by_domain: dict[str, Array], value: str = "loss") -> pd.DataFrame:
    steps = run.eval_steps.astype(int)
    return pd.DataFrame(
        {
            "domain": np.repeat(list(by_domain), len(steps)),
            "step": np.tile(steps, len(by_domain)),
            value: np.concatenate(list(by_domain.values())) if by_domain else [],
        }
    )
