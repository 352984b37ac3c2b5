"""Sixteen people at once on one server, each dropping a sample every two seconds for a minute.

    python benchmarks/many_users.py [--run data/demo] [--people 16] [--seconds 60] [--every 2]

Each is a session of its own over a WebSocket (`sessions.py`), without a browser:
sixteen of them on the same machine would measure the browsers. A drop's clock
starts when it is sent and stops when the component's data with that drop's
sequence number has come, which holds its estimate; drawing is not in it. At the
end every session must show the order that its own drops make, computed here from
the reference order: a state shared between sessions would show in it.

`load_average` is the machine's over the last minute, before and after: what else
ran there makes the waiting worse. `server_processor_ms_a_drop` does not depend on it: eight
drops a second need eight times as much of one core.
"""

import argparse
import asyncio
import json
import os
import random
import time
from pathlib import Path
from typing import Any

from app_server import ROOT, on_a_copy, processor_seconds, resident_mb, spread
from sessions import Session

from reorder_core.orders.order import insert, order_hash
from reorder_core.store.run import Run, open_run


class Person:
    """Drops at random, and the order that they should have made."""

    def __init__(self, session: Session, run: Run, seed: int) -> None:
        self.session, self.run, self.draw = session, run, random.Random(seed)
        self.order, self.waited, self.errors = run.reference_order, list[float](), list[str]()

    async def drop(self) -> None:
        sample, slot = (self.draw.randrange(self.run.count) for _ in range(2))
        self.order = insert(self.order, sample, slot)
        move = {"kind": "insert", "samples": [sample], "slot": slot}
        event = {"type": "drop", "run": self.run.id, "order": self.order.tolist(), "move": move}
        self.waited.append(await self.session.answered(event))
        notice = self.session.timeline["notice"]
        if notice:
            self.errors.append(notice["text"])

    async def sit(self, begin: float, until: float, every: float) -> None:
        """Drop at even times; one that comes late is not made up for."""
        due = begin
        while due < until:
            await asyncio.sleep(due - time.monotonic())
            await self.drop()
            due = max(due + every, time.monotonic())

    @property
    def is_shown(self) -> bool:
        return self.session.timeline["hash"] == order_hash(self.order)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--run", type=Path, default=ROOT / "data" / "demo")
    parser.add_argument("--people", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--every", type=float, default=2)
    options = parser.parse_args()
    with on_a_copy(options.run) as app:
        found = asyncio.run(measure(app.url, app.process, open_run(app.run), options))
        found["resident_mb"] = round(resident_mb(app.process))
        found["tracebacks"] = app.tracebacks
    print(json.dumps(found, indent=1))


async def measure(url: str, server: int, run: Run, options: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds of all drops, errors, and how many show another order than their own."""
    load = [round(os.getloadavg()[0], 2)]
    sessions = [Session(url) for _ in range(options.people)]
    crowd = []
    for seed, session in enumerate(sessions):
        await session.__aenter__()
        await session.ready()
        crowd.append(Person(session, run, seed))
    begin, spent = time.monotonic() + 1, processor_seconds(server)
    apart = options.every / options.people  # spread evenly
    await asyncio.gather(*(
        person.sit(begin + apart * number, begin + options.seconds, options.every)
        for number, person in enumerate(crowd)
    ))  # fmt: skip
    spent = processor_seconds(server) - spent
    load.append(round(os.getloadavg()[0], 2))
    waited = [ms for person in crowd for ms in person.waited]
    errors = [text for person in crowd for text in person.errors + person.session.exceptions]
    strangers = sum(not person.is_shown for person in crowd)
    for session in sessions:
        await session.__aexit__()
    return {
        "people": options.people, "drops": len(waited), "drop_ms": spread(waited),
        "server_processor_ms_a_drop": round(1000 * spent / len(waited), 1), "errors": errors,
        "people_with_another_order_than_their_own": strangers, "load_average": load,
    }  # fmt: skip


if __name__ == "__main__":
    main()
