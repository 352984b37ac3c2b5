"""The cache of what pages computed, in a DuckDB file that the app's process alone writes.

Saved views live in the same file (`views`): estimates may be dropped at any time, they not.
All SQL lives in this package: the cache here, a run's published tables in
`store.published`. DuckDB 2 allows one writing process or many readers of a file.
"""

import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from reorder_core.records.estimates import Estimate
from reorder_core.records.losses import Losses
from reorder_core.store.files import state_of

log = logging.getLogger(__name__)

_FORMAT = 7

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS about (format INTEGER, made_from VARCHAR);
    CREATE TABLE IF NOT EXISTS estimates (
        run VARCHAR, estimator VARCHAR, knows VARCHAR, order_hash VARCHAR, made TIMESTAMP,
        sample_loss_at FLOAT[][], probe_loss_at FLOAT[][],
        sample_interval FLOAT[][], probe_interval FLOAT[][], distance DOUBLE,
        coherence DOUBLE, expected_error DOUBLE,
        PRIMARY KEY (run, estimator, knows, order_hash))"""

_GET = """\
SELECT sample_loss_at, probe_loss_at, sample_interval, probe_interval, distance,
    coherence, expected_error
FROM estimates
WHERE run = ? AND estimator = ? AND order_hash = ? AND knows = ?"""

_GET_MANY = """\
SELECT order_hash, knows, sample_loss_at, probe_loss_at, sample_interval, probe_interval, distance,
    coherence, expected_error
FROM estimates JOIN (SELECT unnest(?::VARCHAR[]) AS order_hash, unnest(?::VARCHAR[]) AS knows)
    USING (order_hash, knows)
WHERE run = ? AND estimator = ?"""

_PUT = """
    INSERT OR REPLACE INTO estimates
    VALUES (?, ?, ?, ?, now()::TIMESTAMP, ?, ?, ?, ?, ?, ?, ?)"""


_TOUCH = """
    UPDATE estimates SET made = now()::TIMESTAMP
    WHERE run = ? AND estimator = ? AND order_hash = ? AND knows = ?"""

_DROP = """
    DELETE FROM estimates WHERE rowid IN (SELECT rowid FROM estimates ORDER BY made LIMIT ?)"""

MOST = 20_000
"""Estimates kept; the demo's take about 300 MB then."""


class ResultCache:
    """Estimates that need not be computed again; deleting the file loses only saved views.

    Safe to use from many threads. Where another process holds the file, or it
    cannot be written, this remembers in memory only and `note` says so. A file
    that is deleted meanwhile is begun anew: nothing is written into what is gone.
    """

    def __init__(self, path: Path, made_from: str = "", most: int = MOST) -> None:
        """`made_from` names what estimates come from (`run.fingerprint`); another empties it.

        Of more than `most` estimates, a tenth goes: what was not asked for longest.
        """
        self.path, self._made_from, self._most = path, made_from, most
        self._puts = 0
        self._asked: set[tuple[str, ...]] = set()
        """What was read since estimates were dropped last; it stays."""
        self.note = ""
        """Why nothing is kept on disk; empty where it is."""
        self._writing = threading.Lock()
        self._connection = self._opened(made_from)
        self._file = state_of(path)

    @property
    def persistent(self) -> bool:
        """Whether estimates are still there after a restart."""
        return not self.note

    def query(
        self, run_id: str, estimator: str, order_hash: str, knows: str = ""
    ) -> tuple[str, tuple[str, ...]]:
        """The SQL that `get` executes, and its parameters."""
        return _GET, (run_id, estimator, order_hash, knows)

    def get(self, run_id: str, estimator: str, order_hash: str, knows: str = "") -> Estimate | None:
        """The remembered estimate; None where it has to be computed.

        `knows` names the retrainings that informed it: `Knows.digest`.
        """
        sql, parameters = self.query(run_id, estimator, order_hash, knows)
        try:
            # A cursor a call: DuckDB refuses a connection that is busy in another thread.
            row = self._connection.cursor().execute(sql, parameters).fetchone()
        except duckdb.Error as error:
            log.warning("the cache %s cannot be read: %s", self.path, _first_line(error))
            return None
        if row is None:
            return None
        self._asked.add(parameters)
        return _estimate(run_id, estimator, order_hash, row)

    def get_many(
        self, run_id: str, estimator: str, wanted: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], Estimate]:
        """Of the (order hash, `Knows.digest`) wanted, those remembered; in one query."""
        if not wanted:
            return {}
        hashes, knows = (list(part) for part in zip(*wanted, strict=True))
        try:
            parameters = [hashes, knows, run_id, estimator]
            rows = self._connection.cursor().execute(_GET_MANY, parameters).fetchall()
        except duckdb.Error as error:
            log.warning("the cache %s cannot be read: %s", self.path, _first_line(error))
            return {}
        self._asked.update((run_id, estimator, *row[:2]) for row in rows)
        return {row[:2]: _estimate(run_id, estimator, row[0], row[2:]) for row in rows}

    def put(self, estimate: Estimate, knows: str = "") -> None:
        """Remember an estimate; one already there is replaced."""
        row = [estimate.run, estimate.estimator, knows, estimate.order_hash]
        for part in (estimate.losses_at, estimate.interval):
            row += [None, None] if part is None else [part.samples.tolist(), part.probes.tolist()]
        figures = [estimate.distance, estimate.coherence, estimate.expected_error]
        try:
            with self._writing:  # two inserts of one key at once would conflict
                self._begun_anew().cursor().execute(_PUT, [*row, *figures])
                self._asked.add((estimate.run, estimate.estimator, estimate.order_hash, knows))
                self._drop_some()
        except duckdb.Error as error:
            log.warning("the cache %s cannot be written: %s", self.path, _first_line(error))

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a statement, for other tables of the file; raises duckdb.Error."""
        with self._writing:
            return self._begun_anew().cursor().execute(sql, parameters).fetchall()

    def close(self) -> None:
        """Let another process have the file."""
        self._connection.close()

    def _begun_anew(self) -> duckdb.DuckDBPyConnection:
        """The connection; a new one where somebody has deleted or replaced the file."""
        seen = state_of(self.path)
        if self._file is not None and (seen is None or seen.inode != self._file.inode):
            log.warning("%s is gone or was replaced: begun anew", self.path)
            self._connection.close()
            self._connection = self._opened(self._made_from)
            self._file = state_of(self.path)
        return self._connection

    def _drop_some(self) -> None:
        """Make room where there are too many; what was asked for since last time stays."""
        self._puts += 1
        if self._puts % max(1, self._most // 100):
            return  # counting costs a query
        cursor = self._connection.cursor()
        held = cursor.execute("SELECT count(*) FROM estimates").fetchall()[0][0]
        if held <= self._most:
            return
        if len(self._asked) <= self._most // 2:
            for run, estimator, order_hash, knows in self._asked:
                cursor.execute(_TOUCH, [run, estimator, order_hash, knows])
        self._asked.clear()
        cursor.execute(_DROP, [held - self._most + self._most // 10])

    def _opened(self, made_from: str) -> duckdb.DuckDBPyConnection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                return _connected(self.path, made_from)
            except duckdb.Error as error:
                if _is_locked(error):
                    raise
                log.warning("a new cache is begun: %s", _first_line(error))
                _put_aside(self.path)
                return _connected(self.path, made_from)
        except (duckdb.Error, OSError) as error:
            held = isinstance(error, duckdb.Error) and _is_locked(error)
            reason = "another process has it open" if held else _first_line(error)
            self.note = f"estimates are kept in memory only: {self.path}: {reason}"
            log.warning(self.note)
            return _connected(Path(":memory:"), made_from)


def _connected(path: Path, made_from: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(path)
    try:
        connection.execute(_SCHEMA)
        about = connection.execute("SELECT format, made_from FROM about").fetchall()
        if about and about[0][0] != _FORMAT:  # what else lies in the file stays
            log.warning("%s has format %s, now %s: begun anew", path, about[0][0], _FORMAT)
            connection.execute("DROP TABLE estimates")
            connection.execute(_SCHEMA)
        if about != [(_FORMAT, made_from)]:
            connection.execute("DELETE FROM estimates")
            connection.execute("DELETE FROM about")
            connection.execute("INSERT INTO about VALUES (?, ?)", [_FORMAT, made_from])
    except BaseException:
        connection.close()
        raise
    return connection


def _put_aside(path: Path) -> None:
    for file in (path, path.with_name(path.name + ".wal")):
        if file.exists():
            file.rename(file.with_name(f"{file.name}.aside-{time.time_ns()}"))


def _is_locked(error: duckdb.Error) -> bool:
    text = str(error)
    return "lock on file" in text or "different configuration" in text


def _estimate(run_id: str, estimator: str, order_hash: str, row: Sequence[Any]) -> Estimate:
    samples, probes, sample_interval, probe_interval, *figures = row
    interval = None if sample_interval is None else _losses(sample_interval, probe_interval)
    return Estimate(run_id, estimator, order_hash, _losses(samples, probes), interval, *figures)


def _losses(samples: Any, probes: Any) -> Losses:
    return Losses(np.array(samples, dtype=np.float32), np.array(probes, dtype=np.float32))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
