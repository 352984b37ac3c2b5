"""An order for use elsewhere: its JSON, and an index for `datasets.Dataset.select`."""

import json

from reorder_core.errors import OrderError
from reorder_core.orders.order import Order
from reorder_core.store.run import Run


def order_json(run: Run, order: Order) -> str:
    """What `--order FILE` of every command takes: `{"run": id, "order": [sample ids]}`."""
    return json.dumps({"run": run.id, "order": order.tolist()}) + "\n"


def index_json(run: Run, order: Order) -> str:
    """A JSON list for `dataset.select(json.load(file))`, where row i of the dataset is sample i.

    A trainer must then not shuffle; in steps of the run's batch size it trains as the run would.
    Of a run with several epochs or a bench it names each sample as often as it is trained.
    """
    if len(order) != run.visits.count:
        raise OrderError(f"an order of {len(order)} visits for a run of {run.visits.count}")
    return json.dumps(run.visits.batches(order).reshape(-1).tolist()) + "\n"


def file_stem(run: Run, order_hash: str) -> str:
    """`demo-1a2b3c4d_order-5e6f7a8b`: a file's name without its ending."""
    return f"{run.id}_order-{order_hash[:8]}"
