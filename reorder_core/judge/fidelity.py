"""Estimates against real retraining, on orders that nothing was fitted to."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reorder_core.errors import OrderError
from reorder_core.estimators.learning.retrainings import hashes_in, knowledge
from reorder_core.estimators.protocol import Estimator
from reorder_core.execution.executor import Executor, InProcess
from reorder_core.judge import measures
from reorder_core.judge.retraining import retrain_missing
from reorder_core.orders.order import Order, order_hash
from reorder_core.records.estimates import Estimate
from reorder_core.records.fidelity import MOST_ORDERS, FidelityReport, Measured
from reorder_core.records.losses import Losses
from reorder_core.store.drawn import drawn_orders
from reorder_core.store.ledger import Retrained
from reorder_core.store.reports import write_report
from reorder_core.store.run import Run

Array = NDArray[Any]
Progress = Callable[[str, int, int], None]

_INTERVALS_FOR = ("r2", "rho_sample", "rho_within", "rho_heldout", "rel_mae", "r2_heldout")


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Real retrainings of O orders, stacked, beside the reference run."""

    orders: tuple[Order, ...]
    reference: Losses
    """(N,) and (D,) final losses of the reference run."""
    losses_at: Losses
    """(O, E, N) and (O, E, D)"""

    @property
    def final(self) -> Losses:
        """(O, N) and (O, D)"""
        return self.losses_at.final

    @property
    def spread(self) -> float:
        """Mean over samples of the standard deviation of the final loss over orders, in nats."""
        return float(self.final.samples.std(axis=0).mean())


def measure(
    run: Run,
    family: str,
    orders: int,
    seed: int,
    estimators: Sequence[str],
    on_progress: Progress = lambda *_: None,
    executor: Executor | None = None,
) -> FidelityReport:
    """The report, which is also saved in RUN/fidelity.

    Orders that the ledger lacks are really trained, by the executor's workers or
    here, which imports torch. None of them was used for fitting or calibration.
    """
    from reorder_core.estimators import open_estimator

    opened = {name: open_estimator(run, name) for name in estimators}  # unknown names fail first
    judges = fresh_orders(run, family, orders, seed)
    for name, estimator in opened.items():
        seen = estimator.fitted_on & {run.trains_as(order) for order in judges}
        assert not seen, f"{name} was fitted on orders that would judge it: {sorted(seen)}"
    truth = retrained_truth(run, judges, on_progress, executor)
    measured = {}
    for number, (name, estimator) in enumerate(opened.items()):
        on_progress(f"measuring {name}", number, len(opened))
        known = knowledge(run, estimator.fitted_on).words(name)
        measured[name] = measure_estimator(estimator, truth, seed, known)
    made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    report = FidelityReport(run.id, family, orders, seed, measured, made, truth.spread)
    write_report(run.path / "fidelity", report)
    return report


def fresh_orders(run: Run, family: str, orders: int, seed: int) -> list[Order]:
    """`orders` orders of a family, none of which the run was fitted or calibrated on."""
    if orders < 1:
        raise OrderError(f"{orders} orders were asked for; fidelity needs at least one")
    if orders > MOST_ORDERS:
        raise OrderError(f"{orders} orders were asked for; at most {MOST_ORDERS} are measured")
    used = hashes_in(run)
    asked = orders
    while True:
        drawn = drawn_orders(run, family, asked, seed)
        fresh = [order for order in drawn if run.trains_as(order) not in used]
        if len(fresh) >= orders:
            return fresh
        asked += orders - len(fresh)


def retrained_truth(
    run: Run, orders: Sequence[Order], on_progress: Progress, executor: Executor | None = None
) -> Truth:
    """Real losses under each order: from the ledger, or trained now and appended to it."""
    results = retrain_all(run, orders, on_progress, executor)
    return Truth(
        tuple(orders),
        run.reference.final,
        Losses.stacked(result.losses_at for result in results),
    )


def retrain_all(
    run: Run, orders: Sequence[Order], on_progress: Progress, executor: Executor | None = None
) -> list[Retrained]:
    """`retrain_once` of each order, in turn; what the ledger lacks may be left to an executor."""
    if executor is not None and not isinstance(executor, InProcess):
        retrain_missing(run, orders, on_progress, executor)
    results = []
    for number, order in enumerate(orders):
        on_progress("retraining", number, len(orders))
        results.append(retrain_once(run, order))
    on_progress("retraining", len(orders), len(orders))
    return results


def retrain_once(run: Run, order: Order, on_progress: Progress = lambda *_: None) -> Retrained:
    """The ledger's retraining of an order; where it has none, a new one, then kept there."""
    known = run.ledger.get(order_hash(order))
    if known is not None:
        return known
    from reorder_core.training.loop import retrain  # imports torch

    result = retrain(run, order, on_progress)
    run.keep(result)
    return result


def measure_estimator(estimator: Estimator, truth: Truth, seed: int, knows: str = "") -> Measured:
    """One estimator's part of the report."""
    estimates, times = _timed(estimator, truth.orders)
    values = _measures(estimates, truth)
    every = np.arange(len(truth.orders))
    p50, p95 = np.percentile(times, [50, 95])
    return Measured(
        **{name: value(every) for name, value in values.items()},
        query_ms_p50=round(float(p50), 3),
        query_ms_p95=round(float(p95), 3),
        knows=knows,
        precompute_rre=float(estimator.precompute_rre),
        bytes=int(estimator.bytes),
        ci={
            name: measures.bootstrap_ci(values[name], len(truth.orders), seed)
            for name in _INTERVALS_FOR
        },
    )


def _timed(estimator: Estimator, orders: Sequence[Order]) -> tuple[list[Estimate], list[float]]:
    """Estimates of the orders, and milliseconds each took; nothing is cached between them."""
    estimates, times = [], []
    for order in orders:
        began = time.perf_counter()
        estimates.append(estimator.estimate(order))
        times.append(1000 * (time.perf_counter() - began))
    return estimates, times


def _measures(
    estimates: Sequence[Estimate], truth: Truth
) -> Mapping[str, Callable[[Array], float]]:
    """Each measure as a function of the indices of the orders it is taken over."""
    at, true_at = Losses.stacked(e.losses_at for e in estimates).samples, truth.losses_at.samples
    final, true, known = at[:, -1], truth.final.samples, truth.reference.samples
    held_out, true_held_out = (
        np.stack([e.final.probes for e in estimates]), truth.final.probes
    )  # fmt: skip
    distances = np.array([estimate.distance for estimate in estimates])
    given = [e.interval for e in estimates if e.interval is not None]
    interval = Losses.stacked(given) if len(given) == len(estimates) else None  # (O, 2, …)
    return {
        "r2": lambda i: measures.r2(final[i], true[i], known),
        "rho_sample": lambda i: measures.rho_sample(final[i], true[i]),
        "rho_within": lambda i: measures.rho_within(final[i], true[i]),
        "rho_heldout": lambda i: measures.rho_heldout(held_out[i], true_held_out[i]),
        "rel_mae": lambda i: measures.rel_mae(final[i], true[i], known),
        "mae": lambda i: measures.mae(final[i], true[i]),
        "mae_training": lambda i: measures.mae(final[i].mean(1), true[i].mean(1)),
        "mae_heldout": lambda i: measures.mae(held_out[i].mean(1), true_held_out[i].mean(1)),
        "distance": lambda i: float(distances[i].mean()),
        "abs_diff_perplexity": lambda i: measures.abs_diff_perplexity(final[i], true[i]),
        "all_steps_mse": lambda i: measures.all_steps_mse(at[i], true_at[i]),
        "coverage90": lambda i: _covered(interval and interval.samples, true, i),
        "r2_heldout": lambda i: measures.r2(held_out[i], true_held_out[i], truth.reference.probes),
        "coverage90_heldout": lambda i: _covered(interval and interval.probes, true_held_out, i),
    }


def _covered(interval: Array | None, true: Array, chosen: Array) -> float:
    return measures.coverage90(None if interval is None else interval[chosen], true[chosen])
