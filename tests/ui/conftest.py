"""A copy of the demo run, the app served on it, and a browser.

Missing pieces skip with a reason on a laptop and fail in CI, where nothing may be skipped.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest
from driving import ROOT, Served
from real import LONG, MANY_DOMAINS, of_many_domains, tiny_real_config, visits_config

from reorder_core.building.build import build_run
from reorder_core.config import RunConfig
from reorder_core.store.run import Run, open_run

DEMO = ROOT / "data" / "demo"
CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def lacking(reason: str) -> NoReturn:
    """Skip, or fail where CI=true says that everything must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the prebuilt run that tests may write to."""
    if not (DEMO / "run.yaml").is_file():
        lacking("no prebuilt run: python -m reorder_core build data/demo.yaml --out data/demo")
    return _copied(tmp_path_factory)


def _copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("run") / "demo"
    return Path(shutil.copytree(DEMO, copy, ignore=shutil.ignore_patterns("cache")))


@pytest.fixture
def demo_alone(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy for one test, whose retrainings and reports no other test meets."""
    return _copied(tmp_path_factory)


@pytest.fixture
def served_alone(demo_alone: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with _serving(demo_alone, tmp_path_factory.mktemp("log") / "app.log") as served:
        yield served


@pytest.fixture(scope="session")
def served(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with _serving(demo, tmp_path_factory.mktemp("log") / "app.log") as served:
        yield served


@pytest.fixture(scope="module")
def served_long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A run of 2,048 samples in 256 steps, really built."""
    run = build_run(RunConfig.model_validate(LONG), tmp_path_factory.mktemp("long") / "run")
    with _serving(run, tmp_path_factory.mktemp("log") / "app.log") as served:
        yield served


@pytest.fixture(scope="module")
def served_visits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A run of two epochs with a bench, really built."""
    run = build_run(visits_config(), tmp_path_factory.mktemp("visits") / "run")
    with _serving(run, tmp_path_factory.mktemp("log") / "app.log") as served:
        yield served


@pytest.fixture(scope="module")
def served_domains(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A run of thirty domains, really built: one with a long name, two written right to left."""
    folder = tmp_path_factory.mktemp("domains")
    (folder / "texts.jsonl").write_text(of_many_domains(), encoding="utf-8")
    given = MANY_DOMAINS | {
        "corpus": {**MANY_DOMAINS["corpus"], "path": str(folder / "texts.jsonl")}
    }
    run = build_run(RunConfig.model_validate(given), folder / "run")
    with _serving(run, tmp_path_factory.mktemp("log") / "app.log") as served:
        yield served


@pytest.fixture(scope="module")
def served_runs(
    demo: Path, real_run: Run, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, Path]]:
    """The demo, and a folder of two runs of one text, into which the app builds."""
    home = tmp_path_factory.mktemp("runs")
    shutil.copytree(real_run.path, home / "tiny-real")
    faster = tiny_real_config(name="tiny-faster", training={"learning_rate": 0.002})
    build_run(faster, home / "tiny-faster")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REORDER_RUNS", str(home))
        with _serving(demo, tmp_path_factory.mktemp("log") / "app.log") as served:
            yield served, home


@contextmanager
def _serving(run: Path, log: Path) -> Iterator[Served]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port),
               "--server.address", "127.0.0.1", "--", "--run", str(run)]  # fmt: skip
    with log.open("w") as out, subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out) as app:
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}", app, log)
            yield Served(f"http://127.0.0.1:{port}", open_run(run), log)
        finally:
            app.terminate()


def wait_until_healthy(url: str, app: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                return
        except OSError:
            assert app.poll() is None, log.read_text()
            time.sleep(0.1)
    pytest.fail(f"the app did not start: {log.read_text()}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        lacking("playwright is not installed: pip install playwright")
    if not CHROMIUM.exists():
        lacking(f"no {CHROMIUM}: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A new browser window; an error in the page's scripts fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not errors, errors
