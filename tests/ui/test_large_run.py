"""4,096 samples × 256 steps: what each page sends to the browser, and what it still shows."""

import numpy as np
import pytest
from invented import Size, invent
from sitting import figures
from sitting import page as opened
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from reorder_core.store.run import Run
from ui.queries import packed

LARGEST = 5_000_000
"""Bytes of a message."""
PAGES = {
    "home": 2, "timeline": 0, "memorization": 5, "extraction": 4, "generalization": 4,
    "fidelity": 5, "curricula": 0, "runs": 0,
}  # fmt: skip
"""Page → how many figures it has at least."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return invent(tmp_path_factory.mktemp("large") / "run", Size(random_orders=2, recalls=1))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes of every message to the browser. Streamlit's private queue, hence the pinned one."""
    sizes: list[int] = []
    enqueue = ForwardMsgQueue.enqueue

    def noted(queue: ForwardMsgQueue, message) -> None:
        sizes.append(message.ByteSize())
        enqueue(queue, message)

    monkeypatch.setattr(ForwardMsgQueue, "enqueue", noted)
    return sizes


@pytest.mark.parametrize("name", PAGES)
def test_no_message_of_a_large_run_is_above_5_mb(
    large: Run, sent: list[int], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert (large.count, large.steps) == (4096, 256)
    at = opened(large.path, monkeypatch, name, {})
    assert not at.exception
    assert len(figures(at)) >= PAGES[name]
    assert len(sent) > 10 and max(sent) < LARGEST
    if name == "timeline":  # all of it in one would be above
        assert sum(sent) > LARGEST


def test_a_large_table_travels_as_near_as_its_own_error_asks() -> None:
    random = np.random.default_rng(0)
    table = random.normal(size=(4096, 256)).astype(np.float32) * np.logspace(-6, 1, 4096)[:, None]
    table[7] = 0
    found = packed.packed_table(table)
    assert isinstance(found, dict)
    codes = np.frombuffer(packed.base64.b64decode(found["codes"]), "<i2").reshape(table.shape)
    scale = np.frombuffer(packed.base64.b64decode(found["scale"]), "<f4")
    back = codes * scale[:, None]
    assert (np.abs(back - table).max(1) <= np.abs(table).max(1) / 65_000).all()
    assert isinstance(packed.packed_table(table[:1024]), str)
