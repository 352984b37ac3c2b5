"""The app where nothing can be written: a full disk, a folder of somebody else's.

In a process of its own: limits and rights are a process's.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from driving import ROOT

_VISIT = """
import ctypes, json, os, resource, signal, sys
from streamlit.testing.v1 import AppTest
from sitting import fire, sent
from reorder_core.store.run import open_run
if sys.argv[2] == "full":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
else:  # root may write everywhere, unless it gives that up
    which, held = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    ctypes.CDLL(None).capget(which, held)
    held[0] &= ~2
    ctypes.CDLL(None).capset(which, held)
try:
    with open(os.path.join(sys.argv[1], "ledger", "probe"), "w") as probe:
        probe.write("x" * 9)
    sys.exit("the folder can be written to, so this would test nothing")
except OSError:
    pass
os.environ["REORDER_RUN"] = sys.argv[1]
sys.argv = ["app.py"]
at = AppTest.from_file("app.py", default_timeout=120).run()
run = open_run(os.environ["REORDER_RUN"])
for page in ("home", "fidelity", "memorization", "generalization", "curricula", "timeline"):
    at.switch_page(f"pages/{page}.py")
    at = at.run()
    assert not at.exception, (page, at.exception)
order = run.reference_order[::-1].tolist()
told = []
for number, event in enumerate((
    {"type": "drop", "run": run.id, "order": order},
    {"type": "save-view", "name": "mine"},
    {"type": "fork", "name": "other"},
    {"type": "export", "what": "csv"},
), 1):
    at = fire(at, "reorder_timeline", {"seq": number, **event})
    assert not at.exception, (event, at.exception)
    record = sent(at, "reorder_timeline")
    assert record["order"] == order, event
    told.append(record["notice"])
print(json.dumps({"told": told, "views": sent(at, "ro_channel_views")["value"]}))
"""


@pytest.mark.parametrize("kind", ["full", "read-only"])
def test_the_app_answers_and_says_what_it_cannot_keep(demo: Path, tmp_path: Path, kind: str):
    run = Path(shutil.copytree(demo, tmp_path / "run", ignore=shutil.ignore_patterns("cache")))
    if kind == "read-only":
        for folder in [run, *(path for path in run.rglob("*") if path.is_dir())]:
            folder.chmod(0o555)
    here = f"{ROOT}{os.pathsep}{ROOT / 'tests' / 'ui'}"
    done = subprocess.run(
        [sys.executable, "-c", _VISIT, str(run), kind], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": here, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    assert "memory only" in done.stdout
    assert not list(run.rglob("*.part"))
