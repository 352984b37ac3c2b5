"""What was measured on real parameters: one sealed JSON file an order, beside the ledger.

Not in the ledger's entries: no estimator learns from it, so it must not change the digests
by which links name what an estimate knew; and it can be had later for an old entry.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from reorder_core.errors import StoreError
from reorder_core.records.losses import Losses
from reorder_core.records.values import Values
from reorder_core.store.files import FileState, read_json, state_of, write_json
from reorder_core.store.sealed import SEAL, Damage, opened, sealed

log = logging.getLogger(__name__)
_FIELDS = {"run", "order_hash", "values", SEAL}
_ADVICE = "delete it, then measure the order again with: python -m reorder_core measure"
Named = Mapping[str, Values]
"""Quantity's name → its values under one order."""
SAME = 1e-3
"""Nats by which a training's losses may differ from those known, on another machine."""
READ_OUTS = "read_outs/"
"""Where a run keeps what is read out besides losses, which depend on none of it."""


def read_out_file(name: str) -> str:
    """The arrays of that quantity: values before and after training, gradients after it."""
    return f"{READ_OUTS}{name}"


def refuse_others(path: Path, known: Losses, trained: Losses) -> None:
    """StoreError where an order of the run at `path`, trained again, has not the losses known."""
    pairs = (trained.samples, known.samples), (trained.probes, known.probes)
    most = max(np.abs(np.nan_to_num(a) - np.nan_to_num(b)).max() for a, b in pairs)
    if most > SAME:
        raise StoreError(
            f"{path}: trained again, the order ends with losses up to {most:.3g} nats from "
            f"those known of it, expected at most {SAME:g}: these are other parameters, and "
            "nothing measured on them was kept; use the versions of the build, see run.yaml"
        )


@dataclass(frozen=True, slots=True)
class MeasuredValues:
    """Those of one run, in a folder that many processes may write to."""

    folder: Path
    run: str
    samples: int
    """N, of the run."""
    probe_domains: int
    """D, of the run."""
    _read: dict[str, tuple[FileState, Named | Damage]] = field(default_factory=dict, repr=False)
    """Name of a file → what it held when it was in that state."""

    def of(self, order_hash: str) -> Named:
        """What is known of an order; nothing where nobody measured it, or the file is damaged."""
        found = self._entry(f"{order_hash}.json")
        return {} if found is None or isinstance(found, Damage) else found

    def keep(self, order_hash: str, values: Named) -> None:
        """Add to what is known of an order, or replace it.

        Raises StoreError where the folder cannot be written.
        """
        path = self.folder / f"{order_hash}.json"
        held = {**self.of(order_hash), **values}
        record = {
            "run": self.run,
            "order_hash": order_hash,
            "values": {name: _record(held[name]) for name in sorted(held)},
        }
        try:
            write_json(path, sealed(record))
        except OSError as error:
            raise StoreError(
                f"cannot write what was measured to {path} ({error.strerror}); "
                "give write access to the run folder, or copy it somewhere writable"
            ) from None

    @property
    def damaged(self) -> tuple[Damage, ...]:
        """Files that are none of this run's: which, why, what to do."""
        return tuple(found for found in self._entries() if isinstance(found, Damage))

    def _entries(self) -> Iterator[Named | Damage | None]:
        try:
            names = os.listdir(self.folder)
        except OSError:
            return iter(())
        return map(self._entry, sorted(name for name in names if name.endswith(".json")))

    def _entry(self, name: str) -> Named | Damage | None:
        state = state_of(self.folder / name)
        if state is None:
            return None
        known = self._read.get(name)
        if known is None or known[0] != state:
            known = self._read[name] = (state, self._load(self.folder / name))
        return known[1]

    def _load(self, path: Path) -> Named | Damage:
        try:
            return self._parsed(read_json(path), path.stem)
        except (StoreError, KeyError, TypeError, ValueError, OverflowError) as error:
            log.warning("left out of what was measured: %s (%s)", path, error)
            return Damage(path, str(error), _ADVICE)

    def _parsed(self, value: Any, order_hash: str) -> Named:
        record, _ = opened(value)
        if value.keys() != _FIELDS:
            raise ValueError(
                f"it has fields {', '.join(map(repr, value))[:80]}, expected {_FIELDS}"
            )
        for name, expected in (("run", self.run), ("order_hash", order_hash)):
            if record[name] != expected:
                raise ValueError(f"its {name} is {record[name]}, expected {expected}")
        return {
            str(name): Values(
                _row(held["samples"], self.samples), _row(held["probes"], self.probe_domains)
            )
            for name, held in record["values"].items()
        }


def _record(values: Values) -> dict[str, Any]:
    """float32: what is measured on float32 parameters; the shortest text that comes back so."""
    return {"samples": values.samples.astype("f4"), "probes": values.probes.astype("f4")}


def _row(numbers: Any, count: int) -> np.ndarray:
    row = np.array(numbers, dtype=np.float32)  # None stands for nan
    if row.shape != (count,):
        raise ValueError(f"it holds values of shape {row.shape}, expected {(count,)}")
    return row
