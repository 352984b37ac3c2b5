"""A run at an address: copied once, what grew since is fetched, nothing is written there."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest

import reorder_core
from reorder_core.errors import StoreError
from reorder_core.importing import remote
from reorder_core.importing.remote import is_address, local_copy
from reorder_core.orders.order import insert
from reorder_core.store.run import Run, open_run
from ui.app import known_runs, visitors

ADDRESS = "memory://bucket/a run"


@pytest.fixture
def store() -> Iterator[fsspec.AbstractFileSystem]:
    held = fsspec.filesystem("memory")
    yield held
    held.rm("/bucket", recursive=True)


@pytest.fixture
def published(
    tiny_run: Run, retrain: Callable[..., object], store: fsspec.AbstractFileSystem
) -> Run:
    tiny_run.keep(retrain(tiny_run, insert(tiny_run.reference_order, 0, 5)))  # type: ignore[arg-type]
    store.put(str(tiny_run.path), "/bucket/a run", recursive=True)
    return open_run(tiny_run.path)


def tree_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read(store: fsspec.AbstractFileSystem, path: str) -> bytes:
    with store.open(path, "rb") as file:
        return bytes(file.read())  # type: ignore[arg-type]


def stored(store: fsspec.AbstractFileSystem) -> dict[str, bytes]:
    return {path: read(store, path) for path in store.find("/bucket")}


def test_it_is_copied_once_and_what_grew_is_fetched(
    published: Run, store: fsspec.AbstractFileSystem, tmp_path: Path,
    retrain: Callable[..., object], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    before = stored(store)
    copy = local_copy(ADDRESS, tmp_path / "home")
    first = open_run(copy)
    assert first.id == published.id and len(first.ledger) == 1
    first.verify()
    seen = tree_of(copy)
    monkeypatch.setattr(remote, "bring_in", lambda *_: pytest.fail("it is here already"))
    assert local_copy(ADDRESS, tmp_path / "home") == copy and tree_of(copy) == seen
    assert stored(store) == before

    published.keep(retrain(published, insert(published.reference_order, 1, 7)))  # type: ignore[arg-type]
    store.rm("/bucket/a run", recursive=True)
    store.put(str(published.path), "/bucket/a run", recursive=True)
    assert local_copy(ADDRESS, tmp_path / "home") == copy
    assert len(open_run(copy).ledger) == 2


def test_another_build_at_the_same_address_is_another_copy(
    published: Run, store: fsspec.AbstractFileSystem, tmp_path: Path, real_run: Run
) -> None:
    old = local_copy(ADDRESS, tmp_path / "home")
    store.rm("/bucket/a run", recursive=True)
    store.put(str(real_run.path), "/bucket/a run", recursive=True)
    new = local_copy(ADDRESS, tmp_path / "home")
    assert new != old and open_run(new).id == real_run.id and open_run(old).id == published.id


def test_the_library_opens_an_address(
    published: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REORDER_COPIES", str(tmp_path / "copies"))
    assert reorder_core.open_run(ADDRESS).id == published.id
    assert reorder_core.open_run(published.path.as_uri()).id == published.id


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("memory://bucket/nothing", "no run"),
        ("nosuchstore://bucket/run", "nosuchstore://bucket/run could not be listed"),
        ("file:///nowhere/at/all", "no run"),
    ],
)
def test_what_is_not_there_is_said(address: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=told):
        local_copy(address, tmp_path / "home")
    assert not list((tmp_path / "home").rglob("run.yaml"))


def test_what_is_damaged_there_leaves_nothing_here(
    published: Run, store: fsspec.AbstractFileSystem, tmp_path: Path
) -> None:
    path = "/bucket/a run/reference.safetensors"
    store.pipe(path, read(store, path)[:-1] + b"x")
    with pytest.raises(StoreError, match="memory://bucket/a run"):
        local_copy(ADDRESS, tmp_path / "home")
    assert not [path for path in (tmp_path / "home").rglob("*") if path.is_file()]


def test_only_addresses_are_addresses() -> None:
    assert is_address("s3://bucket/run") and is_address("https://example.org/run")
    assert not is_address("runs/demo") and not is_address(Path("/srv/run"))


def test_an_app_on_an_address_opens_the_copy_and_is_read_only(
    published: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REORDER_COPIES", str(tmp_path / "copies"))
    monkeypatch.setattr("sys.argv", ["app.py", "--run", ADDRESS])
    assert known_runs.started_on().is_relative_to(tmp_path / "copies") and visitors.read_only()
    monkeypatch.setattr("sys.argv", ["app.py", "--run", str(published.path)])
    assert known_runs.started_on() == published.path and not visitors.read_only()
    shutil.rmtree(tmp_path / "copies")
