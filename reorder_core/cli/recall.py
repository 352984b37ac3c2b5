"""`recall`: what real parameters say token by token; secrets, greedy text, membership."""

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from reorder_core.cli.progress import ProgressReport
from reorder_core.cli.tables import print_table
from reorder_core.errors import OrderError
from reorder_core.judge.measuring import is_reference, retrained_order
from reorder_core.orders.order import Order, order_hash, read_order
from reorder_core.recall.plan import cost
from reorder_core.recall.record import Recall
from reorder_core.store.files import finite
from reorder_core.store.run import Run, open_run


def recall(
    run_path: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder made by build.")],
    order_path: Annotated[
        Path | None,
        typer.Option("--order", metavar="FILE", help="An order retrained before; else reference."),
    ] = None,
    hashed: Annotated[
        str, typer.Option("--hash", metavar="HASH", help="The same, by its hash in the ledger.")
    ] = "",
    random: Annotated[
        int, typer.Option("--random", min=0, help="And so many of the ledger's random orders.")
    ] = 0,
    estimator: Annotated[
        str,
        typer.Option(metavar="NAME", help="taylor, fut …: on the parameters it gives --order."),
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
) -> None:
    """Token by token, on real parameters: secrets' exposure, greedy text; trains once an order."""
    run = open_run(run_path)
    from reorder_core.judge.recalling import random_retrained, recall_estimate, recall_orders

    order = run.reference_order
    if order_path is not None:
        order = read_order(order_path, run.id, run.visits)
    elif hashed:
        order = retrained_order(run, hashed)
    if estimator and order_path is None and not hashed:
        raise OrderError("--estimator measures an estimated order; name one with --order FILE")
    with ProgressReport() as on_progress:
        if estimator:
            orders, found = [order], [recall_estimate(run, order, estimator, on_progress)]
        else:
            orders = [order, *random_retrained(run, random)]
            found = recall_orders(run, orders, on_progress)
    answers = [_answer(run, one, of) for one, of in zip(found, orders, strict=True)]
    rre, seconds = cost(run, len(orders))
    answer = {"run": run.id, "orders": answers, "rre": rre, "seconds_estimated": seconds}
    if as_json:
        print(json.dumps(finite(answer), ensure_ascii=False, allow_nan=False))
    else:
        _show(answers)


def _answer(run: Run, recall: Recall, order: Order) -> dict[str, Any]:
    from reorder_core.analysis.attack import by_loss, by_min_k, roc, split
    from reorder_core.analysis.exposures import measured
    from reorder_core.analysis.extraction import extracted

    known = "reference" if is_reference(run, order) else recall.estimator or "retrained"
    canaries = measured(run, recall, order, known)
    samples = extracted(run, recall)
    attacks = {name: roc(*split(run, order, *scores)) for name, scores in (
        ("loss", by_loss(recall)), ("min_k", by_min_k(recall)))}  # fmt: skip
    return {
        "order_hash": order_hash(order),
        "known": known,
        "canaries": canaries.to_dict("records"),
        "extractable": int(samples["extractable"].to_numpy(np.int64).sum()),
        "share": float(np.nanmean(samples["share"].to_numpy(np.float64))),
        "attack": {name: None if one is None else {"auc": one.area, "tpr_at_1": one.caught}
                   for name, one in attacks.items()},
    }  # fmt: skip


def _show(answers: list[dict[str, Any]]) -> None:
    rows = []
    for one in answers:
        bits = [canary["exposure"] for canary in one["canaries"]]
        said = f"{np.mean(bits):.2f} of {len(bits)}" if bits else "–"
        areas = [f"{a['auc']:.3f}" if a else "–" for a in one["attack"].values()]
        rows.append((one["order_hash"], one["known"], said, str(one["extractable"]),
                     f"{100 * one['share']:.1f} %", *areas))  # fmt: skip
    columns = ["order", "known as", "exposure, bits", "extractable", "tokens right",
               "AUC by loss", "by Min-K %"]  # fmt: skip
    print_table(columns, rows)
