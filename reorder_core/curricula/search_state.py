"""RUN/curricula/<id>.json: how far a search is, whole after every step, so that it resumes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from reorder_core.curricula.asked import Asked
from reorder_core.curricula.scoring import Estimated
from reorder_core.errors import CurriculumError, ReorderError, StoreError
from reorder_core.estimators import LEARNED_FROM_MOST
from reorder_core.orders.order import Order, order_hash
from reorder_core.store.files import read_json, write_json
from reorder_core.store.run import Run


@dataclass(slots=True, eq=False)
class Tried:
    """An order, what was said of it before it was trained, and what training gave."""

    order: Order
    source: str
    """What proposed or found it."""
    estimated: tuple[Estimated, ...]
    """By objective."""
    realised: tuple[float, ...] | None = None
    """By objective; None where nobody trained it. nan where the training diverged."""
    round: int = 0

    @property
    def hash(self) -> str:
        return order_hash(self.order)

    @property
    def record(self) -> dict[str, Any]:
        return {
            "order": self.order.tolist(), "source": self.source, "round": self.round,
            "estimated": [found.record for found in self.estimated],
            "realised": None if self.realised is None else list(self.realised),
        }  # fmt: skip


@dataclass(slots=True, eq=False)
class SearchState:
    """All that a search knows; `save` after each change."""

    path: Path
    run: str
    asked: Asked
    known: tuple[str, ...] = ()
    """Order hashes of the ledger's retrainings that were there before, the newest first."""
    proposals: dict[str, Tried] = field(default_factory=dict)
    random: list[list[float]] = field(default_factory=list)
    """For each objective the values of random orders that keep to the constraints, estimated."""
    random_error: list[float] = field(default_factory=list)
    """For each objective the standard deviation of those estimates' error, in the mean."""
    bound: list[float] = field(default_factory=list)
    """For each objective the best value that the additive table gives any order."""
    plan: list[Tried] = field(default_factory=list)
    """Orders to verify next."""
    verified: list[Tried] = field(default_factory=list)
    paid: int = 0
    """Retrainings made for this search."""
    round: int = 0
    """Rounds of search begun."""
    priced: int = 0
    """Orders that the live estimator was asked for."""
    done: bool = False

    def known_in(self, number: int) -> list[str]:
        """Hashes of the retrainings that a round's estimates may learn from: this search's
        earlier ones, then the newest that the ledger held when it began."""
        own = [entry.hash for entry in self.verified if entry.round < number]
        return [*own, *self.known[:LEARNED_FROM_MOST]]

    def save(self) -> None:
        """Raises StoreError where the folder cannot be written."""
        try:
            write_json(self.path, self._record())
        except OSError as error:
            raise StoreError(
                f"cannot write the search to {self.path} ({error.strerror}); give write access "
                "to the run folder, or copy it somewhere writable"
            ) from None

    def _record(self) -> dict[str, Any]:
        return {
            "run": self.run, "asked": self.asked.record, "known": list(self.known),
            "proposals": {name: entry.record for name, entry in self.proposals.items()},
            "random": self.random, "random_error": self.random_error, "bound": self.bound,
            "plan": [entry.record for entry in self.plan],
            "verified": [entry.record for entry in self.verified],
            "paid": self.paid, "round": self.round, "priced": self.priced, "done": self.done,
        }  # fmt: skip


def open_state(run: Run, asked: Asked) -> SearchState:
    """The search's state so far, or a new one."""
    path = run.path / "curricula" / f"{asked.name(run)}.json"
    if path.is_file():
        return read_state(run, path)
    known = tuple(entry.order_hash for entry in run.ledger.newest())
    return SearchState(path, run.id, asked, known)


def read_state(run: Run, path: Path) -> SearchState:
    """The state in a file; raises CurriculumError where it is not of this run, or damaged."""
    try:
        record = read_json(path)
        if record["run"] != run.id:
            raise CurriculumError(f"{path} is for run {record['run']}, the open run is {run.id}")
        return SearchState(
            path, run.id, Asked.of(record["asked"]), tuple(record["known"]),
            {name: _entry(run, value) for name, value in record["proposals"].items()},
            [list(map(float, row)) for row in record["random"]], list(record["random_error"]),
            list(record["bound"]), [_entry(run, value) for value in record["plan"]],
            [_entry(run, value) for value in record["verified"]],
            int(record["paid"]), int(record["round"]), int(record["priced"]),
            bool(record["done"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError, StoreError) as error:
        raise CurriculumError(
            f"{path} is damaged ({error}); delete it, and the search begins anew"
        ) from None


def all_states(run: Run) -> Iterator[SearchState]:
    """Every readable search of a run, the latest changed first."""
    files = [(path.stat().st_mtime_ns, path) for path in (run.path / "curricula").glob("*.json")]
    for _, path in sorted(files, reverse=True):
        try:
            yield read_state(run, path)
        except ReorderError:
            continue


def _entry(run: Run, value: dict[str, Any]) -> Tried:
    realised = value["realised"]
    if realised is not None:
        realised = tuple(map(_number, realised))
    estimated = tuple(
        Estimated(*(_number(found[key]) for key in ("value", "lo", "hi")))
        for found in value["estimated"]
    )
    order = run.visits.make_order(value["order"])
    return Tried(order, str(value["source"]), estimated, realised, int(value["round"]))


def _number(value: float | None) -> float:
    """A file has null for what is no number."""
    return np.nan if value is None else float(value)
