"""The query side must open fast, and on a laptop without torch."""

import subprocess
import sys
from pathlib import Path

import pytest

_QUERY_SIDE = [
    "reorder_core.cli.commands", "reorder_core.cli.printing", "reorder_core.building.stages",
    "reorder_core.estimators", "reorder_core.judge.fidelity", "reorder_core.judge.heat_map",
    "reorder_core.judge.measures", "reorder_core.judge.verified", "reorder_core.orders.order",
    "reorder_core.analysis.cohorts", "reorder_core.analysis.held_out",
    "reorder_core.analysis.near_duplicates", "reorder_core.analysis.planted",
    "reorder_core.analysis.attack", "reorder_core.analysis.exposures",
    "reorder_core.analysis.extraction", "reorder_core.recall.plan", "reorder_core.recall.record",
    "reorder_core.judge.recalling", "reorder_core.cache.estimates",
    "reorder_core.store.published", "reorder_core.store.run",
]  # fmt: skip
_HEAVY = ("torch", "transformers", "tokenizers")


def heavy_after(*modules: str) -> set[str]:
    """Which heavy packages a fresh process has loaded once it imported these modules."""
    loaded = f"[name for name in {_HEAVY!r} if name in sys.modules]"
    program = f"import sys, {', '.join(modules)}; print(*{loaded})"
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_query_side_loads_nothing_heavy():
    assert heavy_after(*_QUERY_SIDE) == set()


@pytest.mark.parametrize("package", _HEAVY)
def test_the_check_above_can_fail(package: str):
    assert package in heavy_after("reorder_core.orders.order", package)


def test_every_estimator_loads_nothing_heavy():
    folder = Path(__file__).parents[1] / "reorder_core" / "estimators"
    files = [path.relative_to(folder.parents[1]) for path in folder.rglob("*.py")]
    names = [".".join(file.with_suffix("").parts) for file in files if file.stem != "__init__"]
    assert "reorder_core.estimators.replay.replayer" in names
    assert heavy_after(*names) == set()


def test_the_package_itself_loads_not_even_numpy():
    program = "import sys, reorder_core; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[1], check=True)


def test_the_app_settles_on_one_thread_before_numpy_is_there():
    """Later it would have no effect; a user's own setting stays."""
    check = "import os, sys, ui; print('numpy' in sys.modules, os.environ['OPENBLAS_NUM_THREADS'])"
    root, unset = Path(__file__).parents[1], {"PATH": "/usr/bin"}
    for setting, expected in (({}, "False 1"), ({"OPENBLAS_NUM_THREADS": "3"}, "False 3")):
        told = subprocess.run(
            [sys.executable, "-c", check], cwd=root, env=unset | setting,
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert told.stdout.strip() == expected
