"""Recalls of orders: the reference, orders of the ledger, and estimated orders' parameters.

Training again, as `measuring` does, and refusing to keep what does not end with the losses known.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from reorder_core.errors import EstimatorError
from reorder_core.judge.measuring import is_reference, known_losses
from reorder_core.judge.verified import families_of
from reorder_core.orders.order import Order, order_hash
from reorder_core.recall.record import Recall, Recalls
from reorder_core.records.losses import Losses
from reorder_core.store.leftovers import scratch_folder
from reorder_core.store.measured import refuse_others
from reorder_core.store.run import Run

Progress = Callable[[str, int, int], None]


def recall_orders(
    run: Run, orders: Sequence[Order], on_progress: Progress = lambda *_: None
) -> list[Recall]:
    """The recalls of orders that were trained before; those not known are taken on a retraining.

    Imports torch where it trains. Raises StoreError where a retraining does not end with the
    losses known of the order.
    """
    recalls = Recalls(run)
    missing = [order for order in orders if recalls.of(order_hash(order)) is None]
    known = [known_losses(run, order) for order in missing]  # refuses before anything is trained
    if missing:
        with _reader(run) as reader:
            for number, (order, losses) in enumerate(zip(missing, known, strict=True)):
                recalls.keep(_trained(run, reader, order, losses, _nth(on_progress, number,
                                                                       len(missing))))  # fmt: skip
    found = (recalls.of(order_hash(order)) for order in orders)
    return [recall for recall in found if recall is not None]


def recall_estimate(
    run: Run, order: Order, estimator: str, on_progress: Progress = lambda *_: None
) -> Recall:
    """The recall of the parameters that an estimator gives an order.

    Raises EstimatorError where it cannot give any.
    """
    from reorder_core.estimators import ABILITIES, informing_runs, open_estimator

    can = [name for name, abilities in ABILITIES.items() if "materialize" in abilities]
    if estimator not in can:
        raise EstimatorError(
            f"{estimator[:40]!r} gives no parameters, so nothing can be measured on them; "
            f"expected one of {', '.join(can)}"
        )
    recalls = Recalls(run)
    known = recalls.of(order_hash(order), estimator)
    if known is not None:
        return known
    opened: Any = open_estimator(run, estimator, informing_runs(run, order))
    with scratch_folder() as folder, _reader(run) as reader:
        on_progress(f"parameters by {estimator}", 0, 1)
        theta = _loaded(reader.trainable.model, opened.materialize(order, folder / "model"))
        recalls.keep(reader.read(theta, order_hash(order), estimator, on_progress=on_progress))
    found = recalls.of(order_hash(order), estimator)
    assert found is not None
    return found


def random_retrained(run: Run, count: int) -> list[Order]:
    """The ledger's first `count` random orders."""
    families = families_of(run)
    entries = [e for e in run.ledger.all() if families.get(e.order_hash) == "random"]
    return [entry.order for entry in entries[:count]]


@contextmanager
def _reader(run: Run) -> Iterator[Any]:
    from reorder_core.recall.measuring import Reader  # imports torch
    from reorder_core.training.loop import open_trainable

    yield Reader.open(run, open_trainable(run))


def _trained(run: Run, reader: Any, order: Order, known: Losses, on_progress: Progress) -> Recall:
    last: list[Any] = []

    def on_step(step: int, theta: Any) -> None:
        if step == run.steps:
            last.append(theta.clone())
        on_progress("training", step, run.steps)

    reader.trainable.train(order, on_step)
    refuse_others(run.path, known, reader.trainable.evaluate(last[0]))
    return reader.read(last[0], order_hash(order), at_reference=is_reference(run, order),
                       on_progress=on_progress)  # fmt: skip


def _nth(on_progress: Progress, number: int, count: int) -> Progress:
    if count == 1:
        return on_progress
    return lambda label, done, total: on_progress(f"order {number + 1} of {count}, {label}",
                                                  done, total)  # fmt: skip


def _loaded(model: Any, folder: Any) -> Any:
    """(n,) the parameters in a Transformers checkpoint."""
    import torch
    from safetensors.torch import load_file

    named: dict[str, Any] = {}
    for path in sorted(folder.glob("*.safetensors")):
        named |= load_file(path)
    lacking = [name for name in model.names if name not in named]
    if lacking:
        raise EstimatorError(
            f"the parameters lack {lacking[0]!r}, which this model trains; its adapters cannot be "
            "read back from a checkpoint, so measure on a retraining instead"
        )
    theta = torch.cat([named[name].reshape(-1) for name in model.names])
    if not np.isfinite(float(theta.sum())):
        raise EstimatorError("the estimated parameters are not finite; the order is out of reach")
    return theta
