"""What the app's own settings let in: this machine, small messages, no tracebacks out."""

import http.client
import os
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import wait_until_healthy
from driving import ROOT
from sitting import fire, page, sent

from reorder_core.orders.links import encode_order
from reorder_core.orders.order import order_hash, swap
from reorder_core.store.run import open_run
from ui.app import jobs, state, visitors
from ui.pages import runs_importing

UPGRADE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "streamlit",
}  # fmt: skip


@pytest.fixture(scope="module")
def port(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """An app that is told nothing but its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("log") / "app.log"
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    environment = {**os.environ, "REORDER_RUN": str(demo)}
    with (
        log.open("w") as out,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out) as app,
    ):
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}", app, log)
            yield port
        finally:
            app.terminate()


def listening(port: int) -> set[str]:
    """Addresses on which somebody listens at that port, as the kernel writes them."""
    rows = Path("/proc/net/tcp").read_text().splitlines() + Path("/proc/net/tcp6").read_text(
    ).splitlines()  # fmt: skip
    parts = [row.split() for row in rows]
    return {part[1].split(":")[0] for part in parts
            if part[1].endswith(f":{port:04X}") and part[3] == "0A"}  # fmt: skip


def test_it_listens_on_this_machine_alone(port: int) -> None:
    assert listening(port) == {"0100007F"}, "127.0.0.1 in the kernel's byte order"


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1", "http://127.0.0.1", 101),
        ("localhost", "http://localhost", 101),
        ("rebound.example", "http://rebound.example", 403),
        ("127.0.0.1", "http://rebound.example", 403),
    ],
)
def test_a_session_opens_only_by_this_machines_names(
    port: int, host: str, origin: str, status: int
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {**UPGRADE, "Host": f"{host}:{port}", "Origin": f"{origin}:{port}"}
    connection.request("GET", "/_stcore/stream", headers=headers)
    assert connection.getresponse().status == status
    connection.close()


def test_visitors_get_no_tracebacks_and_send_little() -> None:
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert settings["client"]["showErrorDetails"] == "none"
    assert settings["server"]["maxUploadSize"] == runs_importing.LARGEST_UPLOAD <= 256
    assert settings["server"]["maxWidgetStateSize"] <= 20
    assert settings["server"]["enableCORS"] and settings["server"]["enableXsrfProtection"]


def test_a_read_only_app_takes_no_upload_of_a_run(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from streamlit import config

    before = config.get_option("server.maxUploadSize")
    try:
        monkeypatch.setenv(visitors.READ_ONLY, "1")
        at = page(demo, monkeypatch, "runs", {})
        assert config.get_option("server.maxUploadSize") == 1
        assert not at.get("file_uploader")
    finally:
        config.set_option("server.maxUploadSize", before)


CHANGING: list[dict[str, Any]] = [
    {"type": "verify"}, {"type": "cancel"}, {"type": "cancel-job", "hash": "a"},
    {"type": "save-view", "name": "x"}, {"type": "rename-view", "id": "x", "name": "y"},
    {"type": "place-view", "id": "x", "place": 0}, {"type": "delete-view", "id": "x"},
]  # fmt: skip


def test_read_only_visitors_look_but_change_nothing(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(visitors.READ_ONLY, "1")
    run = open_run(demo)
    order = swap(run.reference_order, 3, 77)
    at = page(demo, monkeypatch, "timeline", {"run": run.id, "o": encode_order(order)})
    assert any("read-only" in caption.value for caption in at.caption)
    for number, request in enumerate(CHANGING, start=1):
        at = fire(at, state.TIMELINE, {**request, "seq": number})
        record = sent(at, state.TIMELINE)
        assert "read-only" in record["notice"]["text"], request
        assert record["hash"] == order_hash(order)
    assert jobs.queue().find(run.id, order_hash(order)) is None
    at = fire(at, state.TIMELINE, {"type": "undo", "seq": 99})
    assert not sent(at, state.TIMELINE)["notice"]


def test_a_read_only_fidelity_page_retrains_nothing(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(visitors.READ_ONLY, "1")
    run = open_run(demo)
    at = page(demo, monkeypatch, "fidelity", {})
    (more,) = [button for button in at.button if button.label.startswith("Retrain 8")]
    assert more.disabled and any("read-only" in caption.value for caption in at.caption)
    assert not jobs.queue().active(run.id)


def test_the_page_says_what_visitors_share(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = page(demo, monkeypatch, "timeline", {})
    assert any("saved views" in text.value and "queue" in text.value for text in at.caption)
