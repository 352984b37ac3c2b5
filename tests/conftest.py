"""Fixtures that many tests share."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fabricated import EVAL_STEPS, STEPS, build_tiny

from reorder_core.orders import Order, order_hash
from reorder_core.store.ledger import Retrained
from reorder_core.store.run import Run, open_run


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
        on_progress("retraining", run.steps, run.steps)
        return Retrained(
            run.id,
            order_hash(order),
            order,
            (run.reference.sample_loss_at + change).astype(np.float32),
            (run.reference.probe_loss_at + held_out).astype(np.float32),
            0.5,
        )

    return losses_of
