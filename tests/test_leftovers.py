"""What killed processes leave is gone after the next start; what living ones write stays."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reorder_core.store.files import replacing
from reorder_core.store.leftovers import GROWING, remove_left, remove_scratch, scratch_folder
from reorder_core.store.run import open_run

ROOT = Path(__file__).parents[1]
_WRITER = """
import sys, time
from pathlib import Path
from reorder_core.store.files import replacing
from reorder_core.store.leftovers import scratch_folder
with scratch_folder(), replacing(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("folder", GROWING)
def test_a_part_stays_while_its_writer_lives_and_goes_after_a_kill(
    tiny_path: Path, folder: str, tmp_path_factory: pytest.TempPathFactory
):
    (tiny_path / folder).mkdir(exist_ok=True, parents=True)
    temporary = tmp_path_factory.mktemp("temporary")
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tiny_path / folder / "new.json")],
        stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "TMPDIR": str(temporary)},
    )  # fmt: skip
    try:
        assert writer.stdout is not None and writer.stdout.readline() == "writing\n"
        open_run(tiny_path)
        remove_scratch(temporary)
        assert len(list(tiny_path.rglob("*.part"))) == len(list(temporary.iterdir())) == 1
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait(10)
    open_run(tiny_path)
    remove_scratch(temporary)
    assert not list(tiny_path.rglob("*.part")) and not list(temporary.iterdir())
    assert not (tiny_path / folder / "new.json").exists()


def test_nothing_else_is_touched(tiny_path: Path, tmp_path: Path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait(30)
    (tiny_path / "ledger").mkdir()
    kept = [tiny_path / "ledger" / name for name in ("mine.part", "a.json.part", "notes.txt")]
    kept += [tmp_path / "reorder-notes", tmp_path / f"other-{dead.pid}-x"]
    for path in kept:
        path.write_text("mine")
    (tmp_path / f"reorder-{dead.pid}-abc").mkdir()
    remove_left(tiny_path)
    remove_scratch(tmp_path)
    assert all(path.exists() for path in kept)
    assert not (tmp_path / f"reorder-{dead.pid}-abc").exists()


def test_a_locked_part_of_a_process_elsewhere_stays(tiny_path: Path):
    """Its number says nothing here; its lock does."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait(30)
    with replacing(tiny_path / "ledger" / "new.json"):
        (part,) = (tiny_path / "ledger").glob("*.part")
        elsewhere = part.with_name(f"new.json.{dead.pid}-1.part")
        part.rename(elsewhere)
        remove_left(tiny_path)
        assert elsewhere.exists()
        elsewhere.rename(part)


def test_a_scratch_folder_is_there_for_its_block_only():
    with scratch_folder() as folder:
        assert folder.is_dir() and str(os.getpid()) in folder.name
    assert not folder.exists()
