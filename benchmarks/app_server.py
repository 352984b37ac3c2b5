"""The app in a process of its own, for measuring."""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@contextmanager
def served(run: Path) -> Iterator[str]:
    """The app's address; the process ends with the block."""
    with app_process(run) as (url, _):
        yield url


@contextmanager
def app_process(run: Path, log: Path | None = None) -> Iterator[tuple[str, subprocess.Popen]]:
    """The app's address and its process, which ends with the block; what it says goes to `log`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port),
               "--server.address", "127.0.0.1", "--", "--run", str(run)]  # fmt: skip
    environment = {**os.environ, "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false"}
    with (
        open(log or os.devnull, "ab") as out,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out) as app,
    ):
        try:
            yield f"http://127.0.0.1:{port}", app
        finally:
            app.terminate()


@dataclass(frozen=True, slots=True)
class Sitting:
    """The app on a copy of a run, which may be written to."""

    run: Path
    url: str
    process: int
    log: Path

    @property
    def tracebacks(self) -> int:
        return self.log.read_text().count("Traceback")


@contextmanager
def on_a_copy(run: Path) -> Iterator[Sitting]:
    """The app, answering, on a copy without what was cached; all of it goes with the block."""
    with tempfile.TemporaryDirectory() as folder:
        copy, log = Path(folder) / "run", Path(folder) / "app.log"
        shutil.copytree(run, copy, ignore=shutil.ignore_patterns("cache"))
        with app_process(copy, log) as (url, app):
            wait_until_healthy(url)
            yield Sitting(copy, url, app.pid, log)


def spread(values: list[float]) -> dict[str, float]:
    """Median, 95th percentile and largest, to a tenth."""
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    return {"p50": round(cuts[9], 1), "p95": round(cuts[18], 1), "max": round(max(values), 1)}


def wait_until_healthy(url: str) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.02)
    raise SystemExit("the app did not start")


def processor_seconds(process: int) -> float:
    """Of a process so far, in user and system mode."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(process: int) -> float:
    """Resident memory of a process, in MB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
