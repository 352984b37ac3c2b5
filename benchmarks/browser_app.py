"""The app in a process of its own and a Chromium in front of it, for measuring."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
READY = ".ro-timeline[data-state=ready]"
HOME = ".st-key-ro_chart_loss-curve .main-svg"
FIDELITY = ".st-key-ro_judged .st-key-ro_chart_heat-retrained .main-svg"


@contextmanager
def served(run: Path) -> Iterator[str]:
    """The app's address; the process ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port),
               "--server.address", "127.0.0.1", "--", "--run", str(run)]  # fmt: skip
    environment = {**os.environ, "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as app:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            app.terminate()


def wait_until_healthy(url: str) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.02)
    raise SystemExit("the app did not start")


@contextmanager
def chromium(**context: Any) -> Iterator[Any]:
    """A page of a fresh browser profile."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        browser = playwright.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, args=FLAGS, **context
        )
        yield browser.new_page()
        browser.close()
