"""Memory of the server after every hundred drops of one session, then of as many new sessions.

    python benchmarks/memory_over_drops.py [--run data/demo] [--drops 500] [--sessions 20]

The first drops fill what is remembered up to its bounds (64 MB of estimates and
differences), so growth is told from the first hundred on and from half way on.
"""

import argparse
import asyncio
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from app_server import ROOT, app_process, resident_mb, wait_until_healthy
from many_users import Person
from sessions import Session

from reorder_core.store.run import Run, open_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--run", type=Path, default=ROOT / "data" / "demo")
    parser.add_argument("--drops", type=int, default=500)
    parser.add_argument("--sessions", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        shutil.copytree(options.run, run, ignore=shutil.ignore_patterns("cache"))
        with app_process(run) as (url, app):
            wait_until_healthy(url)
            found = asyncio.run(measure(url, app.pid, open_run(run), options))
    print(json.dumps(found, indent=1))


async def measure(url: str, server: int, run: Run, options: argparse.Namespace) -> dict[str, Any]:
    """Megabytes by number of drops, and after sessions that came, dropped twice and went."""
    found = {"resident_mb": {"started": round(resident_mb(server))}}
    after = found["resident_mb"]
    async with Session(url) as session:
        await session.ready()
        person = Person(session, run, 0)
        after["opened"] = round(resident_mb(server))
        for number in range(1, options.drops + 1):
            await person.drop()
            if number % 100 == 0:
                after[f"{number} drops"] = round(resident_mb(server))
        assert person.is_shown and not person.errors and not session.exceptions
    for number in range(options.sessions):
        async with Session(url) as session:
            await session.ready()
            person = Person(session, run, number + 1)
            await person.drop()
            await person.drop()
    after[f"{options.sessions} sessions more"] = round(resident_mb(server))
    return found


if __name__ == "__main__":
    main()
