"""The browser's scripts outside a browser: golden cases from core, and what npm would say."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from web_cases import CASES, cases

ROOT = Path(__file__).parent.parent


def test_the_golden_cases_are_what_core_says_today() -> None:
    kept, today = json.loads(CASES.read_text(encoding="utf-8")), cases()
    numbers = [[case.pop("price") for case in found["moves"]] for found in (kept, today)]
    assert kept == today, "write it anew: ./run python tests/web_cases.py"
    for before, now in zip(*numbers, strict=True):
        assert before == pytest.approx(now, abs=2e-9)


def test_the_scripts_pass_their_unit_tests() -> None:
    node = shutil.which("node")
    if node is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no node: apt-get install nodejs")
        pytest.skip("no node: the scripts' unit tests need it, the app does not")
    tests = sorted(map(str, (ROOT / "tests" / "web").glob("*.test.js")))
    told = subprocess.run([node, "--test", *tests], capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr
    passed = re.search(r"pass (\d+)", told.stdout)
    assert passed and int(passed[1]) >= 10, told.stdout


def test_the_lock_file_names_no_registry() -> None:
    locked = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    found = [name for name, package in locked["packages"].items() if "resolved" in package]
    assert locked["packages"] and not found
