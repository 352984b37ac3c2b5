"""What a browser, a link or an order file may bring: refused in words, the order kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sitting import fire, page, sent

from reorder_core.errors import OrderError
from reorder_core.orders.links import decode_order, encode_order
from reorder_core.orders.moves import decode_moves
from reorder_core.orders.order import make_order, order_hash, parse_order, swap
from reorder_core.store.run import open_run
from ui.timeline.requests.events import parse_event, sequence_of

COUNT = 12
REFERENCE = make_order(range(COUNT), COUNT)
TYPES = [
    "drop", "undo", "redo", "reset", "verify", "cancel", "jump", "remove", "fork", "switch",
    "forget", "save-view", "rename-view", "open-view", "delete-view", "place-view", "compare",
    "guide", "export", "preset", "paste", "suggest", "trial", "cancel-job", "show-job", "explode",
    "", None, 7,
]  # fmt: skip
FIELDS = ["seq", "run", "order", "move", "place", "hash", "name", "note", "id", "selection", "base",
          "key", "stop", "what", "figures", "figure", "measure", "bent", "against", "curve",
          "tables", "aim", "domain", "sample", "text", "source",
          "kind", "samples", "options", "__class__"]  # fmt: skip

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=12,
)
near_misses = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES)},
    optional={
        name: anything | st.permutations(range(COUNT)) | st.sampled_from(["r", "reference", "csv"])
        for name in FIELDS
    },
)


def read(reading: Callable[[], Any]) -> Any:
    """What was read; None where it was refused, in a message and not with the payload back."""
    message = ""
    try:
        return reading()
    except OrderError as error:
        message = str(error)
    assert 0 < len(message) < 600
    return None


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(near_misses | anything)
def test_no_payload_raises_anything_but_the_handled_error(payload: Any) -> None:
    assert sequence_of(payload) >= 0
    event = read(lambda: parse_event(payload, "r", COUNT))
    if event is None:
        return
    assert event.command in TYPES
    if event.order is not None:
        assert sorted(event.order.tolist()) == list(range(COUNT))


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda b: b.decode("latin1")))
def test_no_link_raises_anything_but_the_handled_error(text: str) -> None:
    read(lambda: decode_order(text, COUNT))
    read(lambda: decode_moves(text, COUNT))


@given(st.text(max_size=80) | anything.map(repr) | st.permutations(range(COUNT)).map(str))
def test_no_order_file_raises_anything_but_the_handled_error(text: str) -> None:
    order = read(lambda: parse_order(text, "r", COUNT))
    assert order is None or sorted(order.tolist()) == list(range(COUNT))


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "9" * 5000, "[1e999]", "NaN", '{"order": {}}', "\x00"]
)
def test_hostile_order_files_are_refused(text: str) -> None:
    with pytest.raises(OrderError):
        parse_order(text, "r", COUNT)


def picture(name: str, png: str) -> dict[str, str]:
    return {"name": name, "svg": "<svg", "png": png}


HUGE = [
    {"type": "drop", "run": "RUN", "order": [0] * 10**6},
    {"type": "drop", "run": "RUN", "order": "x" * 10**6},
    {"type": "drop", "run": "another-run", "order": list(range(256))},
    {"type": "jump", "place": 10**9, "hash": "0"},
    {"type": "save-view", "name": "n" * 10**6},
    {"type": "save-view", "name": "   "},
    {"type": "open-view", "id": "'; DROP TABLE views; --"},
    {"type": "rename-view", "id": "nobody", "name": "x"},
    {"type": "compare", "base": "view", "id": "nobody"},
    {"type": "compare", "base": "place", "place": 77, "hash": "0"},
    {"type": "guide", "key": "nothing"},
    {"type": "guide", "key": "hard", "stop": 99},
    {"type": "export", "what": "bundle", "figures": [picture("../x", "AA==")]},
    {"type": "export", "what": "bundle", "figures": [picture("a", "é")]},
    {"type": "export", "what": "bundle", "figures": [picture("a", "")] * 99},
    {"type": "export", "what": "figure", "figure": "../ranking"},
    {"type": "figures", "against": "../previous"},
    {"type": "figures", "tables": ["ranking"] * 5},
    {"type": "figures", "sample": -1},
    {"type": "fork", "name": "b" * 300},
    {"type": "fork", "name": "main"},
    {"type": "switch", "name": "'; DROP TABLE branches; --"},
    {"type": "forget", "name": "main"},
    {"type": "trial", "samples": [1, 1], "kind": "insert"},
    {"type": "trial", "samples": [1, 10**9], "kind": "swap"},
    {"type": "trial", "samples": [4], "kind": "insert"},
    {"type": "trial", "samples": [1, 2], "kind": "order"},
    {"type": ["drop"]}, [], "drop", 7, {},
]  # fmt: skip


def test_after_every_bad_request_the_order_on_screen_is_the_one_before(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(demo)
    order = swap(run.reference_order, 3, 77)
    at = page(demo, monkeypatch, "timeline", {"run": run.id, "o": encode_order(order)})
    for number, payload in enumerate(HUGE * 2, start=1):  # twice: repeating changes nothing
        request = payload
        if isinstance(payload, dict):
            request = {**payload, "seq": number}
            if request.get("run") == "RUN":
                request["run"] = run.id
        at = fire(at, "reorder_timeline", request)
        assert not at.exception, payload
        record = sent(at, "reorder_timeline")
        assert record["hash"] == order_hash(order), str(payload)[:200]
        assert record["notice"]["kind"] == "error", str(payload)[:200]
        assert len(record["notice"]["text"]) < 700


@pytest.mark.parametrize(
    "address",
    [
        {"o": "A" * 20_000},
        {"o": "é"},
        {"run": "x" * 10_000, "o": "AAAA"},
        {"o": "", "m": "i0.0" * 5000},
        {"m": "i0.5_s1.999999999"},
        {"b": "<b>" * 3000, "o": "AA"},
        {"b": "main", "run": "another", "o": "AAAA"},
        {"s": "-1", "c": "x" * 9999, "talk": "maybe", "run": "\x00"},
    ],
)
def test_a_damaged_address_shows_the_reference_order_and_no_traceback(
    demo: Path, monkeypatch: pytest.MonkeyPatch, address: dict[str, str]
) -> None:
    run = open_run(demo)
    at = page(demo, monkeypatch, "timeline", address)
    assert not at.exception
    record = sent(at, "reorder_timeline")
    assert np.array_equal(record["order"], run.reference_order)
