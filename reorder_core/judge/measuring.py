"""Quantities measured on real parameters: of the reference, and of orders retrained before."""

from collections.abc import Callable

from reorder_core.errors import StoreError
from reorder_core.orders.order import Order, order_hash
from reorder_core.quantities import MEASURED, QUANTITIES, Quantity
from reorder_core.quantities.values import Found, real
from reorder_core.records.losses import Losses
from reorder_core.store.ledger import Retrained
from reorder_core.store.measured import refuse_others
from reorder_core.store.run import Run

Progress = Callable[[str, int, int], None]
NOT_MEASURED = "not measured yet on the reference run: python -m reorder_core measure RUN"
NOT_THEN = (
    "not measured when this order was retrained: python -m reorder_core measure RUN --order FILE"
)


def of_reference(run: Run, quantity: Quantity) -> Found:
    """A quantity on the reference run."""
    known, measured = run.reference, run.measured.of(order_hash(run.reference_order))
    return real(quantity, known.before, known.final, measured, NOT_MEASURED)


def of_retrained(run: Run, quantity: Quantity, entry: Retrained) -> Found:
    """A quantity under an order that was really retrained."""
    measured = {**run.measured.of(entry.order_hash), **entry.measured}
    return real(quantity, run.reference.before, entry.final, measured, NOT_THEN)


def lacking(run: Run, order: Order) -> list[str]:
    """Names of the quantities that nobody measured under an order yet."""
    known = run.measured.of(order_hash(order))
    return [quantity.name for quantity in MEASURED if quantity.name not in known]


def retrained_order(run: Run, hashed: str) -> Order:
    """The order that was retrained under that hash; StoreError where the ledger has none."""
    entry = run.ledger.get(hashed)
    if entry is None:
        raise StoreError(
            f"the ledger of {run.path} holds no order {hashed[:40]!r}; its orders are named as the "
            "files in its ledger folder, without .json"
        )
    return entry.order


def measure_again(
    run: Run, order: Order, on_progress: Progress = lambda *_: None
) -> dict[str, Found]:
    """Every quantity under an order that was trained before: the reference, or one in the ledger.

    What is not known is measured on a retraining and kept beside the run; neither the published
    files nor the ledger change. Imports torch where it trains. Raises StoreError where the
    retraining does not end with the losses known of the order.
    """
    known = known_losses(run, order)
    if lacking(run, order):
        from reorder_core.training.loop import retrain

        trained = retrain(run, order, on_progress)
        refuse_others(run.path, known, trained.final)
        run.measured.keep(trained.order_hash, trained.measured)
    entry = None if is_reference(run, order) else run.ledger.get(order_hash(order))
    if entry is None:
        return {name: of_reference(run, quantity) for name, quantity in QUANTITIES.items()}
    return {name: of_retrained(run, quantity, entry) for name, quantity in QUANTITIES.items()}


def known_losses(run: Run, order: Order) -> Losses:
    """Final losses that a training in this very order gave."""
    if is_reference(run, order):
        return run.reference.final
    entry = run.ledger.get(order_hash(order))
    if entry is None:
        raise StoreError(
            f"order {order_hash(order)} was never retrained, so there is nothing to measure on; "
            "retrain measures it, too: python -m reorder_core retrain RUN --order FILE"
        )
    return entry.final


def is_reference(run: Run, order: Order) -> bool:
    return order_hash(order) == order_hash(run.reference_order)
