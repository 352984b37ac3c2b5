"""Named questions to a run's published tables, each with the SQL that answers it.

Pages show the SQL beside what it gave, so that anybody can ask again in DuckDB,
pandas or a notebook. Values are bound, never written into the text.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from reorder_core.errors import StoreError
from reorder_core.store.published import NO_OTHER_FILES, RESULTS_FILE
from reorder_core.store.run import Run


@dataclass(frozen=True, slots=True)
class Query:
    """A question in one sentence, and in SQL."""

    name: str
    sentence: str
    """What one row of the answer is."""
    sql: str
    parameters: tuple[str, ...] = ()
    """Names that the SQL binds, as `$name`."""
    table: str = ""
    """A table that runs of earlier versions were published without."""


_ENDS = """\
    SELECT {of}, arg_min(loss, step) AS before, arg_max(loss, step) AS after
    FROM {table} GROUP BY {of}"""

ALL = (
    Query(
        "samples",
        "Every training sample with its loss before and after the reference run, nats per token; "
        "gain is what training took off.",
        f"""\
WITH ends AS (
{_ENDS.format(of="sample_id", table="sample_losses")}
)
SELECT sample_id, domain, flags, tokens, reference_step + 1 AS reference_step,
    before, after, before - after AS gain, text, source
FROM samples JOIN ends USING (sample_id)
ORDER BY sample_id""",
    ),
    Query(
        "sample_losses",
        "One sample's loss in the course of the reference run, nats per token.",
        "SELECT step, loss FROM sample_losses WHERE sample_id = $sample_id ORDER BY step",
        ("sample_id",),
    ),
    Query(
        "sample_places",
        "What each step would do to one sample's own loss and to held-out loss, by the "
        "position table, nats per token.",
        """\
SELECT step + 1 AS step, own, held_out
FROM position_effects WHERE sample_id = $sample_id ORDER BY step""",
        ("sample_id",),
    ),
    Query(
        "steps",
        "Each step's loss before its update, nats per token, and its learning rate.",
        "SELECT step + 1 AS step, loss, learning_rate FROM reference_steps ORDER BY step",
    ),
    Query(
        "held_out",
        "Each held-out domain's loss before and after the reference run, nats per token.",
        f"""\
WITH ends AS (
{_ENDS.format(of="domain", table="probe_losses")}
)
SELECT domain, before, after, before - after AS gain FROM ends ORDER BY domain""",
    ),
    Query(
        "domains",
        "Each domain: how many samples, how long they are, what training took off their loss.",
        f"""\
WITH ends AS (
{_ENDS.format(of="sample_id", table="sample_losses")}
)
SELECT domain, count(*)::INTEGER AS samples, avg(tokens) AS tokens, avg(before) AS before,
    avg(after) AS after, avg(before - after) AS gain, max(before - after) AS most_gained
FROM samples JOIN ends USING (sample_id) GROUP BY domain ORDER BY domain""",
    ),
    Query(
        "quantities",
        "Each quantity that was registered when the run was built, with its means on the "
        "reference run; null where it was not measured.",
        """\
SELECT name, title, unit, better, how, sentence,
    avg(value) FILTER ("of" = 'samples' AND isfinite(value)) AS samples,
    avg(value) FILTER ("of" = 'held_out' AND isfinite(value)) AS held_out
FROM quantities JOIN quantity_values ON quantity = name
GROUP BY ALL ORDER BY name""",
        table="quantities",
    ),
    Query(
        "quantity_values",
        "One quantity on the reference run: of every training sample, then of every held-out "
        "domain.",
        """\
SELECT "of", sample_id, domain, value
FROM quantity_values WHERE quantity = $quantity ORDER BY sample_id NULLS LAST, domain""",
        ("quantity",),
        table="quantity_values",
    ),
)
QUERIES = {query.name: query for query in ALL}


class Published:
    """A run's results.duckdb, open for reading; a cursor a call, so use it from any thread."""

    def __init__(self, run: Run) -> None:
        """Raises StoreError where the file is missing or cannot be read."""
        self._path, self._opening = run.path / RESULTS_FILE, threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def ask(self, name: str, **values: Any) -> pd.DataFrame:
        """The answer to a named query; raises StoreError where the tables cannot give it."""
        query = QUERIES[name]
        assert set(values) == set(query.parameters), f"{name} binds {query.parameters}"
        with self._explained():
            return self._cursor().execute(query.sql, values).df()

    def can(self, name: str) -> bool:
        """Whether the run was published with what a named query asks of."""
        with self._explained():
            found = self._cursor().execute("SELECT table_name FROM duckdb_tables()").fetchall()
        return QUERIES[name].table in {"", *(table for (table,) in found)}

    def close(self) -> None:
        """Let go of the file."""
        with self._opening:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._opening:
            if self._connection is None:
                self._connection = _opened(self._path)
            return self._connection.cursor()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            words = str(error).splitlines()[0]
            raise StoreError(
                f"{self._path} cannot be read ({words}); build the run again, or copy it again"
            ) from None


def _opened(path: Path) -> duckdb.DuckDBPyConnection:
    if not path.is_file():
        raise StoreError(f"this run has no {RESULTS_FILE}; build it again to get its tables")
    return duckdb.connect(path, read_only=True, config=NO_OTHER_FILES)
