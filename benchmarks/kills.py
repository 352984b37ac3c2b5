"""Kills (SIGKILL) at random moments, and what is there afterwards.

    python benchmarks/kills.py [--build 40] [--retrain 20] [--fidelity 15] [--curriculum 15]
                               [--app 10]

A tiny real run. Every command is killed some times in a row, each time at a
moment drawn uniformly from as long as it takes undisturbed, and then left alone.
Demanded: it ends with what it gives when nobody disturbs it, to the last bit;
between the kills the run opens or says in one message that it is unfinished; at
the end no part of a file, lock or temporary folder of a dead process is left.
Of the app: what it said to be saved is there after the next start.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import yaml
from app_server import ROOT, app_process, wait_until_healthy
from sessions import Session

from reorder_core.cache.estimates import ResultCache
from reorder_core.cache.service import EstimateService
from reorder_core.errors import ReorderError
from reorder_core.orders.order import insert, order_hash
from reorder_core.store.files import file_digest, finite
from reorder_core.store.run import Run, open_run

sys.path.insert(0, str(ROOT / "tests"))
from real import TINY  # the tests' own tiny run  # pyright: ignore[reportMissingImports]

VIEWS = 12
"""That a visit saves: all may keep 200 together."""
IN_A_ROW = 4
"""Kills before a command is left alone."""
_TIMED = {"seconds", "query_ms_p50", "query_ms_p95", "made", "build_seconds"}


@dataclass
class Tally:
    """What was seen."""

    kills: dict[str, int] = field(default_factory=dict)
    too_late: dict[str, int] = field(default_factory=dict)
    """Processes that had ended before their kill came."""
    faults: list[str] = field(default_factory=list)

    def demand(self, good: bool, words: str) -> None:
        if not good:
            self.faults.append(words[-2000:])
            print(f"FAULT: {words[-2000:]}", file=sys.stderr, flush=True)


class Killer:
    """Starts commands and kills them."""

    def __init__(self, tally: Tally, seed: int) -> None:
        self.tally, self.draw = tally, random.Random(seed)

    def after_kills(self, kind: str, count: int, took: float, *arguments: object) -> None:
        """Start the command `count` times; kill it at a random moment of as long as it takes."""
        for _ in range(count):
            with subprocess.Popen(
                _command(arguments), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ) as process:
                try:
                    process.wait(self.draw.uniform(0.05, took))
                    self.tally.too_late[kind] = self.tally.too_late.get(kind, 0) + 1
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
            self.tally.kills[kind] = self.tally.kills.get(kind, 0) + 1

    def chains(self, kills: int) -> Iterator[int]:
        """Numbers of kills in a row that add up to `kills`."""
        while kills > 0:
            now = min(kills, IN_A_ROW)
            yield now
            kills -= now


def ran(*arguments: object) -> tuple[dict[str, Any], float]:
    """The JSON that an undisturbed command prints, and the seconds it took."""
    began = time.monotonic()
    done = subprocess.run(_command(arguments), cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{arguments}: {done.stderr}")
    return json.loads(done.stdout), time.monotonic() - began


def _command(arguments: tuple[object, ...]) -> list[str]:
    return [sys.executable, "-m", "reorder_core", *map(str, arguments), "--json"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    for kind, count in KINDS.items():
        parser.add_argument(f"--{kind}", type=int, default=count[1])
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    tally, began = Tally(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kills-") as folder, temporary(Path(folder)):
        base = Base(Path(folder))
        for number, (kind, (work, _)) in enumerate(KINDS.items()):
            if count := getattr(options, kind):
                work(base, Killer(tally, options.seed + number), count)
            print(f"{kind}: {tally.kills.get(kind, 0)} kills", file=sys.stderr, flush=True)
        left = [p.name for p in Path(folder, "tmp").glob("reorder-*")]
        tally.demand(not left, f"temporary folders left: {left}")
    print(json.dumps({
        "kills": tally.kills, "in_all": sum(tally.kills.values()),
        "ended_before_the_kill": tally.too_late, "faults": tally.faults,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "load_average": round(os.getloadavg()[1], 2),
    }, indent=1))  # fmt: skip
    sys.exit(bool(tally.faults))


@contextmanager
def temporary(folder: Path) -> Iterator[None]:
    """Temporary folders of everything started here lie in one of ours, to be looked at."""
    (folder / "tmp").mkdir()
    os.environ["TMPDIR"] = str(folder / "tmp")
    yield
    del os.environ["TMPDIR"]


class Base:
    """A run built undisturbed; copies of it are what is disturbed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.copies = folder, 0
        self.config = folder / "tiny.yaml"
        self.config.write_text(yaml.safe_dump(TINY))
        self.path = folder / "undisturbed"
        _, self.took = ran("build", self.config, "--out", self.path)

    def copy(self) -> Path:
        self.copies += 1
        return Path(shutil.copytree(self.path, self.folder / f"copy-{self.copies}"))


def build(base: Base, killer: Killer, kills: int) -> None:
    for number, in_a_row in enumerate(killer.chains(kills)):
        path = base.folder / f"build-{number}"
        for _ in range(in_a_row):
            killer.after_kills("build", 1, base.took, "build", base.config, "--out", path)
            killer.tally.demand(_opens_or_says(path), f"{path} neither opens nor says why")
        ran("build", base.config, "--out", path)
        same = _digests(path) == _digests(base.path) and _tables(path) == _tables(base.path)
        killer.tally.demand(same, f"{path} differs from the undisturbed build")
        killer.tally.demand(not _left(path), f"left in {path}: {_left(path)}")


def retrain(base: Base, killer: Killer, kills: int) -> None:
    path, calm = base.copy(), base.copy()
    run, order = open_run(path), base.folder / "order.json"
    for number, in_a_row in enumerate(killer.chains(kills)):
        ids = np.random.default_rng(number).permutation(run.count).tolist()
        order.write_text(json.dumps(ids))
        _demand_same(killer, in_a_row, path, calm, "retrain", "--order", order)
    _demand_whole(killer, path, calm)


def fidelity(base: Base, killer: Killer, kills: int) -> None:
    path, calm = base.copy(), base.copy()
    for number, in_a_row in enumerate(killer.chains(kills)):
        asked = ("--family", "random", "--orders", 3, "--seed", number, "--estimators", "hybrid")
        _demand_same(killer, in_a_row, path, calm, "fidelity", *asked)
    _demand_whole(killer, path, calm)


def curriculum(base: Base, killer: Killer, kills: int) -> None:
    for number, in_a_row in enumerate(killer.chains(kills)):
        path, calm = base.copy(), base.copy()
        asked = ("--objective", "heldout", "--budget", 6, "--seed", number)
        _demand_same(killer, in_a_row, path, calm, "curriculum", *asked)
        _demand_whole(killer, path, calm)


def app(base: Base, killer: Killer, kills: int) -> None:
    path = base.copy()
    log = base.folder / "app.log"
    saved: list[str] = []
    for number in range(kills):
        with app_process(path, log) as (url, process):
            wait_until_healthy(url)
            seconds = killer.draw.uniform(0.5, 6)
            names = asyncio.run(_visited(url, open_run(path), number, seconds, saved, killer))
            process.send_signal(signal.SIGKILL)
            process.wait()
        saved += names
        killer.tally.kills["app"] = killer.tally.kills.get("app", 0) + 1
    with app_process(path, log) as (url, _):
        wait_until_healthy(url)
        asyncio.run(_visited(url, open_run(path), kills, 0, saved, killer))
        killer.tally.demand(not _left(path), f"left in {path}: {_left(path)}")
    words = log.read_text()
    killer.tally.demand("Traceback" not in words, f"the app's log has a traceback: {words[-800:]}")


async def _visited(
    url: str, run: Run, number: int, seconds: float, saved: list[str], killer: Killer
) -> list[str]:
    """Names of the views that the app said it saved, until the time is over.

    First what earlier visits saved must be there, and an estimate must be the core's own.
    """
    names: list[str] = []
    async with Session(url) as session:
        await session.ready()
        await session.until(lambda: "views" in session.components)
        known = {one["title"] for one in session.components["views"].data["value"]["deck"]}
        killer.tally.demand(set(saved) <= known, f"views lost: {sorted(set(saved) - known)}")
        order, until = run.reference_order, time.monotonic() + seconds
        draw = random.Random(number)
        for step in range(1000):
            if time.monotonic() > until and step:
                break
            order = insert(order, draw.randrange(run.count), draw.randrange(run.count))
            drop = {"type": "drop", "run": run.id, "order": order.tolist(), "move": None}
            await session.answered(drop)
            killer.tally.demand(session.timeline["hash"] == order_hash(order), "another order")
            if step == 1:
                await session.answered({"type": "verify"})
            if step >= VIEWS:
                continue
            view = f"view {number}.{step}"
            await session.answered({"type": "save-view", "name": view})
            killer.tally.demand(not session.timeline["notice"], f"{session.timeline['notice']}")
            names.append(view)
    return names


def _demand_same(
    killer: Killer, in_a_row: int, path: Path, calm: Path, command: str, *asked: object
) -> None:
    """A command that is repeated after so many kills prints what an undisturbed one does."""
    expected, took = ran(command, calm, *asked)
    killer.after_kills(command, in_a_row, took, command, path, *asked)
    found, _ = ran(command, path, *asked)
    killer.tally.demand(_untimed(found) == _untimed(expected), f"{command} {asked} differs")


def _demand_whole(killer: Killer, path: Path, calm: Path) -> None:
    """The same retrainings as in the undisturbed copy, nothing damaged, nothing left."""
    found, expected = open_run(path), open_run(calm)
    mine, theirs = (
        {e.order_hash: e.losses_at.samples.tobytes() for e in run.ledger.all()}
        for run in (found, expected)
    )
    killer.tally.demand(mine == theirs, f"the ledger of {path} differs from the undisturbed one")
    told = [str(damage) for damage in found.ledger.damaged] + list(found.problems)
    killer.tally.demand(not told, f"damaged: {told}")
    killer.tally.demand(not _left(path), f"left in {path}: {_left(path)}")
    order = next(iter(found.ledger.all())).order
    values = [_estimated(run, order, path.parent / "cache") for run in (found, expected)]
    killer.tally.demand(values[0] == values[1], f"estimates on {path} differ")


def _estimated(run: Run, order: Any, folder: Path) -> bytes:
    cache = ResultCache(folder / f"{time.monotonic_ns()}.duckdb", run.fingerprint)
    service = EstimateService(run, cache)
    found = service.now().answer(order).estimate.final.samples.tobytes()
    service.close()
    return found


def _opens_or_says(path: Path) -> bool:
    try:
        open_run(path)
    except ReorderError as error:
        return bool(str(error))
    return True


def _digests(path: Path) -> dict[str, str]:
    """Of every published file whose bits are the run's own."""
    manifest = open_run(path).manifest
    assert manifest is not None, "a published run has one"
    return {n: file_digest(path / n) for n in manifest.files if not n.endswith(".duckdb")}


def _tables(path: Path) -> dict[str, list[Any]]:
    with duckdb.connect(path / "results.duckdb", read_only=True) as connection:
        names = [row[0] for row in connection.execute("SHOW TABLES").fetchall()]
        return {name: connection.execute(f"FROM {name}").fetchall() for name in names}


def _left(path: Path) -> list[str]:
    found = [*path.rglob("*.part"), *path.rglob("*.part.wal"), *path.rglob(".lock")]
    return [str(file.relative_to(path)) for file in found]


def _untimed(value: Any) -> Any:
    """A command's answer without what a clock says in it."""
    if isinstance(value, dict):
        return {k: _untimed(v) for k, v in finite(value).items() if k not in _TIMED}
    return [_untimed(v) for v in value] if isinstance(value, list) else value


KINDS: dict[str, tuple[Callable[[Base, Killer, int], None], int]] = {
    "build": (build, 40), "retrain": (retrain, 20), "fidelity": (fidelity, 15),
    "curriculum": (curriculum, 15), "app": (app, 10),
}  # fmt: skip


if __name__ == "__main__":
    main()
