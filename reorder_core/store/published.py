"""results.duckdb: a run's samples and losses as tables, for anyone's SQL.

Written once, renamed into place, and from then on only read: DuckDB allows one
writing process or many readers.
"""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reorder_core.errors import StoreError
from reorder_core.orders.order import order_hash, slots_of
from reorder_core.quantities import QUANTITIES, Quantity
from reorder_core.quantities.values import real
from reorder_core.store.files import part_of
from reorder_core.store.manifest import check_files
from reorder_core.store.run import Run

RESULTS_FILE = "results.duckdb"
NO_OTHER_FILES: dict[str, Any] = {"enable_external_access": False}
"""A run from elsewhere may hold views; none of them reads a file of this machine."""

_TABLES = {
    "run": """
        id VARCHAR, name VARCHAR, corpus VARCHAR, model VARCHAR,
        samples INTEGER, steps INTEGER, batch_size INTEGER""",
    "samples": """
        sample_id INTEGER, domain VARCHAR, flags VARCHAR[], tokens INTEGER,
        source VARCHAR, reference_slot INTEGER, reference_step INTEGER, text VARCHAR""",
    "reference_steps": "step INTEGER, loss FLOAT, learning_rate DOUBLE",
    "sample_losses": "sample_id INTEGER, step INTEGER, loss FLOAT",
    "probe_losses": "domain VARCHAR, step INTEGER, loss FLOAT",
    "quantities": """
        name VARCHAR, title VARCHAR, unit VARCHAR, better VARCHAR, how VARCHAR,
        sentence VARCHAR""",
    "quantity_values": """
        quantity VARCHAR, "of" VARCHAR, sample_id INTEGER, domain VARCHAR, value DOUBLE""",
    "position_effects": "sample_id INTEGER, step INTEGER, own FLOAT, held_out FLOAT",
}


def publish_results(path: Path, run: Run) -> None:
    """A DuckDB file with the run's samples, losses and position effects, in long form.

    Written aside and renamed, so that a reader sees all of it or none.
    """
    part = part_of(path)
    try:
        # Small blocks: the default of 256 KiB a column would make a file of megabytes.
        with duckdb.connect() as connection:
            connection.execute(f"ATTACH '{_quoted(part)}' AS results (BLOCK_SIZE 16384)")
            connection.execute("USE results")
            for table, columns in _TABLES.items():
                connection.execute(f"CREATE TABLE {table} ({columns})")
            for table, frame in _frames(run).items():
                connection.register("frame", frame)
                connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM frame")
                connection.unregister("frame")
            connection.execute("USE memory")
            connection.execute("DETACH results")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_results(run: Run, table: str) -> pd.DataFrame:
    """A published table of the run: one of run, samples, reference_steps, sample_losses …"""
    assert table in _TABLES, f"no table {table!r}; there are {', '.join(_TABLES)}"
    path = run.path / RESULTS_FILE
    if run.manifest is not None and RESULTS_FILE in run.manifest.files:
        check_files(run.path, {RESULTS_FILE: run.manifest.files[RESULTS_FILE]})
    try:
        with duckdb.connect(path, read_only=True, config=NO_OTHER_FILES) as connection:
            return connection.execute(f"SELECT * FROM {table} ORDER BY ALL").df()
    except duckdb.Error as error:
        raise StoreError(f"{path} cannot be read ({error})") from None


def _frames(run: Run) -> dict[str, pd.DataFrame]:
    slots = slots_of(run.reference_order)
    about = {
        "id": run.id, "name": run.name, "corpus": run.config.corpus.kind,
        "model": run.config.model.title, "samples": run.count, "steps": run.steps,
        "batch_size": run.batch_size,
    }  # fmt: skip
    samples = [
        {
            "sample_id": sample.sample_id, "domain": sample.domain, "flags": list(sample.flags),
            "tokens": sample.tokens, "source": sample.source, "text": sample.text,
            "reference_slot": slot if slot < run.visits.trained else None,
            "reference_step": slot // run.batch_size if slot < run.visits.trained else None,
        }
        for sample, slot in zip(run.samples, slots.tolist(), strict=False)  # its first visit
    ]  # fmt: skip
    reference, at = run.reference, run.reference.losses_at
    frames = {
        "run": pd.DataFrame([about]),
        "samples": pd.DataFrame(samples).astype(
            {"reference_slot": "Int32", "reference_step": "Int32"}
        ),
        "reference_steps": pd.DataFrame(
            {
                "step": np.arange(run.steps),
                "loss": reference.loss,
                "learning_rate": reference.learning_rate,
            }
        ),
        "sample_losses": _long(
            at.samples,
            ("step", run.eval_steps),
            ("sample_id", np.arange(run.count)),
        ),
        "probe_losses": _long(at.probes, ("step", run.eval_steps), ("domain", run.probe_domains)),
        "quantities": pd.DataFrame(map(_about, QUANTITIES.values())),
        "quantity_values": pd.concat([_values(run, q) for q in QUANTITIES.values()]),
    }
    if run.file("position").is_file():
        frames["position_effects"] = _position_effects(run)
    return frames


def _about(quantity: Quantity) -> dict[str, str]:
    names = ("name", "title", "unit", "better", "how", "sentence")
    return {name: getattr(quantity, name) for name in names}


def _values(run: Run, quantity: Quantity) -> pd.DataFrame:
    """One line a sample or held-out domain that has the quantity, on the reference run."""
    measured = run.measured.of(order_hash(run.reference_order))
    found = real(quantity, run.reference.before, run.reference.final, measured, "").values
    places = {
        "samples": {
            "sample_id": np.arange(run.count),
            "domain": [sample.domain for sample in run.samples],
        },
        "held_out": {"sample_id": None, "domain": list(run.probe_domains)},
    }
    frames = [
        pd.DataFrame({"quantity": quantity.name, "of": kind, **places[kind], "value": values})
        for kind in quantity.of
        if len(values := found.of(kind))
    ]
    return pd.concat(frames).astype({"sample_id": "Int32"})


def _position_effects(run: Run) -> pd.DataFrame:
    arrays = run.arrays("position")
    axes = ("sample_id", np.arange(run.count)), ("step", np.arange(run.steps))
    held = slice(run.count), slice(run.steps)  # of visits the first ones, one a sample
    frame = _long(arrays["own"][held], *axes, value="own")
    frame["held_out"] = arrays["held_out"][held].astype(np.float32).ravel()
    return frame


def _long(
    matrix: NDArray[Any], rows: tuple[str, Any], columns: tuple[str, Any], value: str = "loss"
) -> pd.DataFrame:
    """One line a cell, from named axes."""
    return pd.DataFrame(
        {
            rows[0]: np.repeat(np.asarray(rows[1]), len(columns[1])),
            columns[0]: np.tile(np.asarray(columns[1]), len(rows[1])),
            value: matrix.astype(np.float32).ravel(),
        }
    )


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
