"""A copy of the really built tiny run that a search may write to."""

import shutil
from pathlib import Path

import pytest

from reorder_core.store.run import Run, open_run


@pytest.fixture
def searched(real_run: Run, tmp_path: Path) -> Run:
    shut = shutil.ignore_patterns("ledger", "curricula")
    return open_run(Path(shutil.copytree(real_run.path, tmp_path / "searched", ignore=shut)))
