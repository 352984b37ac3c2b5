"""A Chromium in front of the app, for measuring."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app_server import ROOT, processor_seconds, served, wait_until_healthy
from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
READY = ".ro-timeline[data-state=ready]"
HOME = ".st-key-ro_chart_loss-curve .main-svg"
FIDELITY = ".st-key-ro_judged .st-key-ro_chart_heat-retrained .main-svg"

__all__ = ["CHROMIUM", "FIDELITY", "FLAGS", "HOME", "READY", "ROOT", "Clock", "chromium", "served",
           "wait_until_healthy"]  # fmt: skip


@contextmanager
def chromium(**context: Any) -> Iterator[Any]:
    """A page of a fresh browser profile."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        browser = playwright.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, args=FLAGS, **context
        )
        yield browser.new_page()
        browser.close()


class Clock:
    """Processor time so far, of the app and of the browser's main thread."""

    def __init__(self, page: Any, process: int) -> None:
        self._process, self._session = process, page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def read(self) -> tuple[float, float]:
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        busy = next(one["value"] for one in metrics if one["name"] == "TaskDuration")
        return processor_seconds(self._process), busy
