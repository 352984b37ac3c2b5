"""A Chromium in front of the app, for measuring."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app_server import ROOT, served, wait_until_healthy
from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
READY = ".ro-timeline[data-state=ready]"
HOME = ".st-key-ro_chart_loss-curve .main-svg"
FIDELITY = ".st-key-ro_judged .st-key-ro_chart_heat-retrained .main-svg"

__all__ = ["CHROMIUM", "FIDELITY", "FLAGS", "HOME", "READY", "ROOT", "chromium", "served",
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
