"""Damaged orders, links and payloads: each refused in a message, the order on screen kept.

    python benchmarks/fuzz.py [--run data/demo] [--pure 9600] [--served 400] [--seed 3]

First, twenty links are damaged in every place. `--pure` values go to the functions
that read what comes from outside; a third each of order files, of links (orders and
moves) and of a browser's requests. What is read must be an order of the run, what is
not must raise an OrderError with a message of less than 700 characters. `--served`
go to the app through a session: three quarters as requests, a quarter as addresses.
Nothing may send a traceback, take longer than `SLOW` seconds, or leave another
order on screen than the request asked for.
"""

import argparse
import asyncio
import json
import random
import string
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app_server import ROOT, on_a_copy
from sessions import Session

from reorder_core.errors import OrderError
from reorder_core.orders.links import decode_order, encode_order
from reorder_core.orders.moves import decode_moves
from reorder_core.orders.order import order_hash, parse_order
from reorder_core.store.run import Run, open_run
from ui.timeline.requests.events import parse_event

SLOW = 30
_CODE = string.ascii_letters + string.digits + "-_"
_ODD: list[Any] = [
    None, True, -1, 0, 2**63, 10**400, 1.5, float("nan"), "", "x" * 5000, "\x00", "\ud83d", "é",
    "<script>alert(1)</script>", "'; DROP TABLE views; --", "../../etc/passwd", [], {}, [[]],
    {"$ref": "#"}, [None] * 9,
]  # fmt: skip
_TYPES = (
    "drop", "undo", "redo", "reset", "jump", "remove", "fork", "switch", "forget", "rename-view",
    "open-view", "delete-view", "place-view", "compare", "guide", "export", "preset", "paste",
    "suggest", "trial", "picked", "cancel-job", "show-job", "explode", "__class__",
)  # fmt: skip
_FIELDS = ("run", "order", "move", "place", "hash", "name", "note", "id", "base", "key", "stop",
           "what", "figures", "ranking", "aim", "domain", "sample", "text", "source", "kind",
           "samples", "options", "seq")  # fmt: skip


class Fuzz:
    """Draws what is damaged."""

    def __init__(self, run: Run, seed: int) -> None:
        self.run, self.draw = run, random.Random(seed)

    def odd(self) -> Any:
        return self.draw.choice(_ODD)

    def ids(self) -> Any:
        """A list that may be a permutation, and mostly is not quite one."""
        ids = self.draw.sample(range(self.run.count), self.run.count)
        for _ in range(self.draw.randrange(3)):
            at = self.draw.randrange(len(ids))
            match self.draw.randrange(5):
                case 0:
                    ids[at] = ids[at - 1]
                case 1:
                    del ids[at]
                case 2:
                    ids.insert(at, self.draw.randrange(-2, self.run.count + 2))
                case 3:
                    ids[at] = self.odd()
                case _:
                    ids = ids[: at + 1]
        return ids

    def file(self) -> str:
        """The text of an order file, with characters changed."""
        value: Any = self.ids()
        if self.draw.random() < 0.4:
            value = {"run": self.draw.choice([self.run.id, "other", self.odd()]), "order": value}
        text = self.draw.choice([repr, _json, _words])(value)
        return self.changed(text)

    def link(self) -> str:
        """An order's code, or moves, with characters changed, cut or added."""
        order = self.draw.sample(range(self.run.count), self.run.count)
        code = encode_order(parse_order(json.dumps(order), self.run.id, self.run.count))
        moves = "_".join(
            f"{self.draw.choice('isx')}{self.draw.randrange(300)}.{self.draw.randrange(300)}"
            for _ in range(self.draw.randrange(9))
        )
        return self.changed(self.draw.choice([code, moves]), least=1)

    def changed(self, text: str, least: int = 0) -> str:
        for _ in range(self.draw.randrange(least, 4)):
            at = self.draw.randrange(len(text) + 1)
            new = self.draw.choice([*string.printable, "é", "\x00", "🙂", "", "9" * 400])
            text = text[:at] + new + text[at + self.draw.randrange(3) :]
        return text

    def payload(self) -> Any:
        """A request of the browser, with fields that are not what they should be."""
        if self.draw.random() < 0.05:
            return self.odd()
        found: dict[str, Any] = {"type": self.draw.choice([*_TYPES, *_TYPES, self.odd()])}
        if found["type"] == "drop":
            found |= {"run": self.run.id, "order": self.ids()}
        for name in self.draw.sample(_FIELDS, self.draw.randrange(6)):
            found[name] = self.draw.choice([self.odd(), self.draw.randrange(300), "reference"])
        return found


def _json(value: Any) -> str:
    return json.dumps(value, default=str)


def _words(value: Any) -> str:
    return " ".join(map(str, value))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--run", type=Path, default=ROOT / "data" / "demo")
    parser.add_argument("--pure", type=int, default=9600)
    parser.add_argument("--served", type=int, default=400)
    parser.add_argument("--seed", type=int, default=3)
    options = parser.parse_args()
    with on_a_copy(options.run) as app:
        fuzz = Fuzz(open_run(app.run), options.seed)
        found: dict[str, Any] = {
            "damaged_links": links(fuzz, 20),
            "read_by_functions": pure(fuzz, options.pure),
            "served": asyncio.run(served(app.url, fuzz, options.served)),
            "tracebacks_in_the_log": app.tracebacks,
        }
    print(json.dumps(found, indent=1))


def links(fuzz: Fuzz, count: int) -> dict[str, int]:
    """Each link cut at every place, from either end, and every character changed eight times."""
    variants, opened, run = 0, 0, fuzz.run
    for _ in range(count):
        ids = fuzz.draw.sample(range(run.count), run.count)
        code = encode_order(parse_order(json.dumps(ids), run.id, run.count))
        damaged = [code[:at] for at in range(len(code))] + [code[at:] for at in range(1, len(code))]
        for at, old in enumerate(code):
            others = [new for new in _CODE if new != old]
            damaged += [code[:at] + new + code[at + 1 :] for new in fuzz.draw.sample(others, 8)]
        variants += len(damaged)
        for text in damaged:
            with suppress(OrderError):
                decode_order(text, run.count)
                opened += 1
    return {"links": count, "variants": variants, "opened": opened}


def pure(fuzz: Fuzz, count: int) -> dict[str, Any]:
    """How many were taken and refused; anything but an OrderError ends this with its traceback."""
    run, seen, slowest = fuzz.run, Counter[str](), 0.0
    readers: list[tuple[str, Callable[[], Any], list[Callable[[Any], Any]]]] = [
        ("order file", fuzz.file, [lambda text: parse_order(text, run.id, run.count)]),
        ("link", fuzz.link, [lambda text: decode_order(text, run.count),
                             lambda text: decode_moves(text, run.count)]),
        ("request", fuzz.payload, [lambda value: parse_event(value, run.id, run.count)]),
    ]  # fmt: skip
    for number in range(count):
        kind, make, readings = readers[number % len(readers)]
        value = make()
        for reading in readings:
            began = time.perf_counter()
            try:
                order = reading(value)
                seen[f"{kind}: read"] += 1
                if kind == "order file":
                    assert sorted(order.tolist()) == list(range(run.count))
            except OrderError as error:
                _check(str(error))
                seen[f"{kind}: refused"] += 1
            slowest = max(slowest, time.perf_counter() - began)
    return {**dict(sorted(seen.items())), "values": count, "slowest_ms": round(1000 * slowest, 1)}


def _check(message: str) -> None:
    assert 0 < len(message) < 700, message


async def served(url: str, fuzz: Fuzz, count: int) -> dict[str, Any]:
    """As `pure`, through the app."""
    run, seen, slowest = fuzz.run, Counter[str](), 0.0
    async with Session(url) as session:
        await session.ready()
        for _ in range(count * 3 // 4):
            before, payload = session.timeline["hash"], fuzz.payload()
            if isinstance(payload, dict):
                payload.pop("seq", None)
            slowest = max(slowest, await _sent(session, payload))
            seen[await _kept(session, before, payload)] += 1
    kept = run.reference_order
    for _ in range(count - count * 3 // 4):
        query = f"run={quote(run.id)}&o={quote(fuzz.link(), errors='replace')}"
        began = time.perf_counter()
        async with Session(url, query=query) as session:
            shown = await session.ready(SLOW)
            slowest = max(slowest, time.perf_counter() - began)
            is_kept = shown["hash"] == order_hash(kept) and shown["notice"]
            assert is_kept or _decodes(query, run), query
            seen["address: refused" if is_kept else "address: read"] += 1
    return {**dict(sorted(seen.items())), "slowest_s": round(slowest, 2)}


async def _sent(session: Session, payload: Any) -> float:
    """Seconds until the page has settled after a payload, which may carry no number."""
    began, runs = time.perf_counter(), session.runs
    if isinstance(payload, dict):
        await session.answered(payload, SLOW)
    else:
        await session.send(payload)
        await session.until(lambda: session.runs > runs, SLOW)
        session.sequence -= 1
    return time.perf_counter() - began


async def _kept(session: Session, before: str, payload: Any) -> str:
    notice, now = session.timeline["notice"], session.timeline["hash"]
    assert not session.exceptions, (payload, session.exceptions)
    if notice and notice["kind"] == "error":
        assert now == before, f"{str(payload)[:300]} was refused and changed the order"
        assert len(notice["text"]) < 800
        return "request: refused"
    return "request: followed"


def _decodes(query: str, run: Run) -> bool:
    from urllib.parse import parse_qs

    try:
        decode_order(parse_qs(query)["o"][0], run.count)
    except (OrderError, KeyError):
        return False
    return True


if __name__ == "__main__":
    main()
