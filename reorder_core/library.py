"""Reorder as a library: open, build, estimate, difference, retrain, fidelity, curriculum.

What the command line does, with objects in place of JSON. An order is anything
that holds each sample id once: a list, an array, a path to an order file.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from reorder_core.config import RunConfig, read_config
from reorder_core.errors import EstimatorError
from reorder_core.estimators import ABILITIES, DEFAULT, informing_runs, open_estimator
from reorder_core.importing.remote import is_address, local_copy
from reorder_core.orders.order import Order, read_order
from reorder_core.records.estimates import Difference, Estimate
from reorder_core.records.fidelity import FidelityReport
from reorder_core.store import run as _runs
from reorder_core.store.ledger import Retrained
from reorder_core.store.run import Run

OrderLike = Path | str | Iterable[int]


def open_run(path: Path | str) -> Run:
    """The published run in a folder; raises RunNotFound, RunBusy or StoreError.

    At an address that fsspec knows, such as `s3://bucket/run`, it is copied here first.
    """
    return _runs.open_run(local_copy(str(path)) if is_address(path) else Path(path))


def build(config: RunConfig | Path | str, out: Path | str) -> Run:
    """A run trained, precomputed and published into the folder `out`; resumes what was cut off.

    `config` is a YAML file or a checked configuration. Imports torch.
    Raises ConfigError or CorpusError.
    """
    from reorder_core.building.build import build_run

    checked = config if isinstance(config, RunConfig) else read_config(Path(config))
    return open_run(build_run(checked, Path(out)))


def estimate(run: Run, order: OrderLike, estimator: str = DEFAULT) -> Estimate:
    """Losses under an order, nats per token, without retraining.

    Informed by the build's retrainings and the ledger's, never by this order's own.
    """
    checked = _order(run, order)
    return open_estimator(run, estimator, informing_runs(run, checked)).estimate(checked)


def difference(run: Run, order: OrderLike, base: OrderLike, estimator: str = DEFAULT) -> Difference:
    """Final losses under one order minus those under another, with intervals of their own."""
    one, other = _order(run, order), _order(run, base)
    if "differences" not in ABILITIES.get(estimator, frozenset({"differences"})):
        able = ", ".join(name for name, can in ABILITIES.items() if "differences" in can)
        raise EstimatorError(f"{estimator} gives no differences between orders; {able} does")
    opened: Any = open_estimator(run, estimator, informing_runs(run, one, other))
    return opened.difference(one, other)


def retrain(run: Run, order: OrderLike) -> Retrained:
    """Ground truth: the run really trained in an order, from the ledger where it is known.

    Imports torch where it trains.
    """
    from reorder_core.judge.fidelity import retrain_once

    return retrain_once(run, _order(run, order))


def fidelity(
    run: Run,
    family: str = "random",
    orders: int = 32,
    seed: int = 7,
    estimators: Sequence[str] = (DEFAULT,),
) -> FidelityReport:
    """Estimators judged by real retraining of orders that nothing was fitted to."""
    from reorder_core.judge.fidelity import measure

    return measure(run, family, orders, seed, estimators)


def curriculum(
    run: Run,
    objective: str | Sequence[str] = "heldout",
    budget: float = 8,
    seed: int = 0,
    within_first_half: str = "",
    keep_domains_whole: bool = False,
    max_moves: int | None = None,
) -> dict[str, Any]:
    """An order that serves the objective, searched with estimates and verified by training.

    `objective` and the constraints are in the words of the command line; of several
    objectives the best compromises are searched for. `budget`: RRE that retrainings may
    cost beyond the build. What was cut off goes on. The same object as `curriculum --json`:
    "order", "estimated", "realised", "verdict" and all that was tried. Imports torch.
    Raises CurriculumError.
    """
    from reorder_core.curricula.asked import Asked, understand
    from reorder_core.curricula.result import answer
    from reorder_core.curricula.searching import search

    objectives = (objective,) if isinstance(objective, str) else tuple(objective)
    asked = Asked(objectives, budget, seed, within_first_half, keep_domains_whole, max_moves)
    return answer(understand(run, asked), search(run, asked))


def _order(run: Run, order: OrderLike) -> Order:
    if isinstance(order, (str, Path)):
        return read_order(Path(order), run.id, run.visits)
    return run.visits.make_order(order)
