"""Fixtures that many tests share."""

import os

# Before NumPy is loaded. Sums that BLAS splits over threads differ in their last bits, and a
# process that a test starts inherits what `import ui` sets: with one thread bits are the same.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fabricated import EVAL_STEPS, STEPS, build_tiny
from hypothesis import settings

import reorder_core.estimators
from reorder_core.errors import EstimatorError
from reorder_core.orders.order import Order, order_hash
from reorder_core.records.estimates import Estimate
from reorder_core.records.losses import Losses
from reorder_core.store.ledger import Retrained
from reorder_core.store.run import Run, open_run

# A busy machine is no failure: how long an example takes says nothing of what is right.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def real_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Really built once for all tests; nobody may change its published files."""
    from real import tiny_real_config

    from reorder_core.building.build import build_run

    return open_run(build_run(tiny_real_config(), tmp_path_factory.mktemp("real") / "run"))


@pytest.fixture
def tiny_path(tmp_path: Path) -> Path:
    return build_tiny(tmp_path / "run").path


@pytest.fixture
def tiny_run(tiny_path: Path) -> Run:
    return open_run(tiny_path)


@pytest.fixture
def retrain() -> Callable[..., Retrained]:
    """A stand-in for real training: losses depend on the order, the same each time."""

    def losses_of(run: Run, order: Order, on_progress=lambda *_: None) -> Retrained:
        slots = np.argsort(order).astype(np.float32)
        change = 0.01 * np.outer(EVAL_STEPS / STEPS, slots - slots.mean())
        held_out = 0.01 * np.outer(EVAL_STEPS / STEPS, [slots[0], slots[1]])
        moved = Losses(change.astype(np.float64), held_out.astype(np.float64))
        on_progress("retraining", run.steps, run.steps)
        return Retrained(
            run.id,
            order_hash(order),
            order,
            (run.reference.losses_at + moved).astype(np.float32),
            0.5,
        )

    return losses_of


class FakeEstimator:
    """Answers with the truth of `retrain` plus noise that depends on the order; no torch."""

    precompute_rre, bytes, fitted_on = 2.5, 1000, frozenset[str]()
    about, can = "for tests", frozenset[Any]()

    def __init__(self, run: Run, name: str, losses_of: Callable[..., Retrained]) -> None:
        self.run, self.name, self.losses_of = run, name, losses_of

    def estimate(self, order: Order) -> Estimate:
        truth = self.losses_of(self.run, order)
        if self.name == "reference":
            known = self.run.reference.losses_at
            return Estimate(self.run.id, self.name, truth.order_hash, known)
        noise = np.random.default_rng(order).normal(0, 0.01, truth.losses_at.samples.shape)
        noisy = (truth.losses_at.samples + noise).astype(np.float32)
        probes = truth.losses_at.probes
        return Estimate(
            self.run.id,
            self.name,
            truth.order_hash,
            Losses(noisy, probes),
            Losses(*(np.stack([x[-1] - 0.02, x[-1] + 0.02]) for x in (noisy, probes))),
        )


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch, retrain: Callable[..., Retrained]) -> list[str]:
    """`retrain` and FakeEstimator in place of the real ones; lists the orders retrained."""
    trained: list[str] = []

    def noted(run: Run, order: Order, on_progress: Any = None) -> Retrained:
        trained.append(order_hash(order))
        return retrain(run, order)

    def opened(run: Run, name: str, runs: Any = None) -> FakeEstimator:
        if name not in names:
            raise EstimatorError(f"unknown estimator {name!r}; expected {' or '.join(names)}")
        return FakeEstimator(run, name, retrain)

    names = ("reference", "hybrid")
    estimators = SimpleNamespace(
        open_estimator=opened,
        informing_runs=lambda run, *orders: None,
        LIVE_ESTIMATORS=names,
        ESTIMATORS=names,
    )
    monkeypatch.setitem(sys.modules, "reorder_core.training.loop", SimpleNamespace(retrain=noted))
    for name, value in vars(estimators).items():
        monkeypatch.setattr(reorder_core.estimators, name, value, raising=False)
    return trained
