"""RUN/fidelity: one JSON file a report, read into records or told as damaged."""

import contextlib
import json
import logging
from dataclasses import dataclass, fields
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from reorder_core.errors import StoreError
from reorder_core.records.fidelity import FidelityReport
from reorder_core.store.files import write_json
from reorder_core.store.sealed import opened, sealed

log = logging.getLogger(__name__)
_LARGEST = 4_000_000
_REPORT: TypeAdapter[FidelityReport] = TypeAdapter(FidelityReport)
_FIELDS = {field.name for field in fields(FidelityReport)}


@dataclass(frozen=True, slots=True)
class Reports:
    """What a run's folder of reports holds."""

    good: tuple[FidelityReport, ...]
    """Of this run, newest first."""
    problems: tuple[str, ...]
    """A sentence for each file that is no report."""


def read_reports(folder: Path, run: str) -> Reports:
    """The reports of a run; those of other runs are left out, damaged ones told."""
    good, problems = [], []
    for path in sorted(folder.glob("*.json")):
        try:
            report = read_report(path)
        except StoreError as error:
            problems.append(str(error))
            log.warning("left out of the fidelity reports: %s", error)
            continue
        if report.run == run:
            good.append(report)
        else:
            log.warning("left out of the fidelity reports: %s is of run %.60s", path, report.run)
    good.sort(key=lambda report: report.made, reverse=True)
    return Reports(tuple(good), tuple(problems))


def report_files(folder: Path) -> tuple[tuple[str, int, int, int], ...]:
    """Name, time in ns, bytes and inode of each file there: other ones where any was changed."""
    found = []
    for path in sorted(folder.glob("*.json")):
        with contextlib.suppress(OSError):  # taken away meanwhile
            now = path.stat()
            found.append((path.name, now.st_mtime_ns, now.st_size, now.st_ino))
    return tuple(found)


def read_report(path: Path) -> FidelityReport:
    """The report in a file; StoreError where it is none, naming file and reason."""
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"it is larger than {_LARGEST // 10**6} MB")
        return _report(json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(
            f"{path} is no fidelity report ({_reason(error)}); delete it and run "
            "`fidelity` again, which reads the retrainings from the ledger"
        ) from None


def write_report(folder: Path, report: FidelityReport) -> Path:
    """The file that holds the report now; one of the same family, count and seed is replaced."""
    path = folder / f"{report.family}-{report.orders}-{report.seed}.json"
    write_json(path, sealed(report.saved()), 1)
    return path


def _report(value: object) -> FidelityReport:
    content, _ = opened(value)
    if unknown := content.keys() - _FIELDS:
        raise ValueError(f"it has an unknown field {min(unknown)[:40]!r}")
    # JSON again, which has no tuples: strict types of Python would refuse its lists.
    return _REPORT.validate_json(json.dumps(content), strict=True)


def _reason(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_input=False)[0]
    where, what = ".".join(map(str, first["loc"]))[:80], first["msg"].removeprefix("Value error, ")
    return f"{where}: {what[:200]}" if where else what[:200]
