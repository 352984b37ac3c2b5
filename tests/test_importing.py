"""Bringing in a run: what is whole comes in, what is hostile or damaged leaves nothing behind."""

import io
import json
import shutil
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

from reorder_core.cli.commands import app
from reorder_core.errors import StoreError
from reorder_core.importing import sources
from reorder_core.importing.bringing import import_run
from reorder_core.orders.order import insert
from reorder_core.store.files import json_digest
from reorder_core.store.manifest import read_manifest
from reorder_core.store.published import NO_OTHER_FILES
from reorder_core.store.run import Run, open_run


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def whole(tiny_run: Run, retrain: Callable[..., object]) -> Run:
    """A run with a retraining beside it, and with what does not travel."""
    tiny_run.keep(retrain(tiny_run, insert(tiny_run.reference_order, 0, 5)))  # type: ignore[arg-type]
    (tiny_run.path / "cache").mkdir()
    (tiny_run.path / "cache" / "views.duckdb").write_bytes(b"mine")
    return open_run(tiny_run.path)


def zipped(run: Path, into: Path, top: str = "a run/") -> Path:
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(run.rglob("*")):
            archive.write(path, top + path.relative_to(run).as_posix())
        archive.writestr("__MACOSX/._run.yaml", b"")
    return into


def added(run: Path, into: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(zipped(run, into), "a", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return into


def refused(source: Path | io.BytesIO, home: Path, told: str) -> None:
    """That message, and no trace in the folder of runs."""
    before = sorted(home.rglob("*")) if home.exists() else []
    with pytest.raises(StoreError, match=told) as seen:
        import_run(source, home, "" if isinstance(source, Path) else "the upload")
    assert "reorder-" not in str(seen.value), "the folder of a moment is nobody's business"
    assert (sorted(home.rglob("*")) if home.exists() else []) == before


@pytest.mark.parametrize("how", ["folder", "zip", "upload", "zip without a folder"])
def test_a_run_comes_in_whole_with_its_retrainings(
    whole: Run, tmp_path: Path, home: Path, how: str
) -> None:
    top = "" if "without" in how else "a run/"
    source: Path | io.BytesIO = whole.path
    if "zip" in how or how == "upload":
        source = zipped(whole.path, tmp_path / "run.zip", top)
    if how == "upload":
        source = io.BytesIO(Path(str(source)).read_bytes())
    run = import_run(source, home)
    assert (run.id, run.path) == (whole.id, home / whole.name)
    run.verify()
    assert run.ledger.stamp == whole.ledger.stamp and len(run.ledger) == 1
    assert sorted(p.name for p in home.iterdir()) == [whole.name]
    assert not (run.path / "cache").exists()


def test_the_same_run_is_not_brought_in_twice_and_another_of_its_name_beside_it(
    whole: Run, home: Path
) -> None:
    import_run(whole.path, home)
    refused(whole.path, home, "is there already.*delete it first")
    shutil.move(home / whole.name, home / "elsewhere")
    (home / whole.name).mkdir()
    (home / "elsewhere" / "run.yaml").unlink()
    assert import_run(whole.path, home).path == home / whole.id


@pytest.mark.parametrize(
    "name",
    ["../outside.json", "a run/../../outside", "/etc/outside", "C:/outside", "a run\\..\\outside",
     "a run/./x", "a run//x", "a run/\x1b[2J", "x" * 300],
)  # fmt: skip
def test_names_that_lead_out_are_refused(whole: Run, tmp_path: Path, home: Path, name: str) -> None:
    refused(added(whole.path, tmp_path / "x.zip", (name, b"x")), home, "leads elsewhere")
    assert not (tmp_path / "outside.json").exists() and not (tmp_path / "outside").exists()


def test_a_run_yaml_that_names_files_outside_is_refused(
    whole: Run, tmp_path: Path, home: Path
) -> None:
    """Its digest is right: whoever makes a run makes its digests, too."""
    path = whole.path / "run.yaml"
    value = yaml.safe_load(path.read_text(encoding="utf-8"))
    del value["digest"]
    value["files"]["../secret"] = {"sha256": "0" * 64, "bytes": 3}
    path.write_text(yaml.safe_dump(value | {"digest": json_digest(value)}), encoding="utf-8")
    refused(whole.path, home, "not inside the run's folder")
    with pytest.raises(StoreError, match="not inside the run's folder"):
        read_manifest(whole.path)


def test_a_run_that_calls_itself_a_path_is_refused(whole: Run, home: Path) -> None:
    path = whole.path / "run.yaml"
    value = yaml.safe_load(path.read_text(encoding="utf-8"))
    del value["digest"]
    value["id"] = "../../etc"
    path.write_text(yaml.safe_dump(value | {"digest": json_digest(value)}), encoding="utf-8")
    refused(whole.path, home, "no run's id")


@pytest.mark.parametrize("where", ["ledger", "corpus.json"])
def test_links_are_refused(whole: Run, tmp_path: Path, home: Path, where: str) -> None:
    target = whole.path / where
    shutil.move(target, tmp_path / "moved")
    target.symlink_to(tmp_path / "moved")
    refused(whole.path, home, "is a link")
    link = zipfile.ZipInfo("a run/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    target.unlink()
    shutil.move(tmp_path / "moved", target)
    refused(added(whole.path, tmp_path / "x.zip", (link, b"/etc/passwd")), home, "is a link")


def test_a_zip_bomb_is_refused_before_it_is_unpacked(
    whole: Run, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = added(whole.path, tmp_path / "x.zip", ("a run/zeros", bytes(sources.SMALL + 1)))
    refused(bomb, home, "zip bomb")
    monkeypatch.setattr(sources, "LARGEST", sources.SMALL)
    refused(bomb, home, "would unpack to .* GB; at most")


def test_an_entry_that_lies_about_its_size_unpacks_to_no_more(
    whole: Run, tmp_path: Path, home: Path
) -> None:
    """The directory says what the run's digest list says; the content is larger."""
    path = whole.path / "reference.safetensors"
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + bytes(50_000))
    archive = zipped(whole.path, tmp_path / "x.zip")
    content = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = content.find(b"a run/reference.safetensors")
        while at >= 0:
            begin = content.rfind(signature, 0, at)
            if begin >= 0 and at - begin <= 46:
                struct.pack_into("<L", content, begin + offset, size)
            at = content.find(b"a run/reference.safetensors", at + 1)
    archive.write_bytes(content)
    refused(archive, home, "cannot be unpacked|was altered")


def test_too_many_names_are_refused(
    whole: Run, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = zipped(whole.path, tmp_path / "x.zip")
    monkeypatch.setattr(sources, "MOST_FILES", 3)
    refused(archive, home, "more than 3 files")
    refused(whole.path, home, "more than 3 files")
    monkeypatch.setattr(sources, "_LARGEST_DIRECTORY", 100)
    refused(archive, home, "bytes of names")


def test_a_name_given_twice_is_refused(whole: Run, tmp_path: Path, home: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        archive = added(whole.path, tmp_path / "x.zip", ("a run/run.yaml", b"name: other"))
    refused(archive, home, "twice")


def test_methods_and_passwords_are_refused(whole: Run, tmp_path: Path, home: Path) -> None:
    packed = zipfile.ZipInfo("a run/x")
    packed.compress_type = zipfile.ZIP_LZMA
    with zipfile.ZipFile(zipped(whole.path, tmp_path / "x.zip"), "a") as archive:
        archive.writestr(packed, b"x", zipfile.ZIP_LZMA)
    refused(tmp_path / "x.zip", home, "packed by method 14")
    content = bytearray(zipped(whole.path, tmp_path / "y.zip").read_bytes())
    content[content.find(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "y.zip").write_bytes(content)
    refused(tmp_path / "y.zip", home, "encrypted")


@pytest.mark.parametrize("name", ["corpus.json", "reference.safetensors", "results.duckdb"])
@pytest.mark.parametrize("how", ["changed", "cut", "missing"])
def test_a_damaged_run_is_refused(
    whole: Run, tmp_path: Path, home: Path, name: str, how: str
) -> None:
    path = whole.path / name
    if name not in whole.manifest.files:  # type: ignore[union-attr]
        name = "start.safetensors"
        path = whole.path / name
    content = bytearray(path.read_bytes())
    if how == "missing":
        path.unlink()
    else:
        content[len(content) // 2] ^= 4
        path.write_bytes(content if how == "changed" else content[:-5])
    refused(whole.path, home, f"{name}.*(altered|bytes)")
    refused(zipped(whole.path, tmp_path / "x.zip"), home, f"{name}.*(altered|bytes)")


def test_a_damaged_retraining_is_refused(whole: Run, home: Path) -> None:
    (entry,) = (whole.path / "ledger").glob("*.json")
    entry.write_text(entry.read_text().replace("1", "2", 1))
    refused(whole.path, home, r"ledger/.*is damaged")


def test_what_is_no_run_is_refused(tmp_path: Path, home: Path, whole: Run) -> None:
    (tmp_path / "text.zip").write_text("no zip")
    refused(tmp_path / "text.zip", home, "no zip archive")
    refused(io.BytesIO(b""), home, "the upload is no zip archive")
    refused(tmp_path / "nowhere", home, "nothing at")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", home, "holds no run")
    two = tmp_path / "two"
    shutil.copytree(whole.path, two / "one")
    shutil.copytree(whole.path, two / "other")
    refused(two, home, "2 runs")
    whole_archive = zipped(whole.path, tmp_path / "cut.zip").read_bytes()
    refused(io.BytesIO(whole_archive[: len(whole_archive) // 2]), home, "no zip archive")


def test_a_yaml_of_tags_or_aliases_is_refused(whole: Run, home: Path) -> None:
    path = whole.path / "run.yaml"
    path.write_text("format: !!python/object/apply:os.system ['true']\n")
    refused(whole.path, home, "cannot be read")
    path.write_text("a: &a [x, x]\n" + "".join(f"b{i}: &b{i} [*a, *a]\n" for i in range(3)))
    refused(whole.path, home, "does not describe a run")


def test_a_full_disk_leaves_nothing(
    whole: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 0))  # type: ignore[attr-defined]
    refused(whole.path, home, "0 free")


def test_views_in_a_runs_tables_read_no_file_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("mine")
    with duckdb.connect(tmp_path / "x.duckdb") as connection:
        connection.execute(f"CREATE VIEW samples AS FROM read_text('{tmp_path / 'secret'}')")
    for config, allowed in (({}, True), (NO_OTHER_FILES, False)):
        with duckdb.connect(tmp_path / "x.duckdb", read_only=True, config=config) as connection:
            if allowed:
                assert "mine" in str(connection.execute("FROM samples").fetchall())
            else:
                with pytest.raises(duckdb.Error):
                    connection.execute("FROM samples").fetchall()


def test_the_command_brings_it_in_and_tells_what_is_wrong(whole: Run, home: Path) -> None:
    run = CliRunner().invoke(app, ["import", str(whole.path), "--into", str(home), "--json"])
    assert run.exit_code == 0
    assert json.loads(run.stdout)["path"] == str(home / whole.name)
    again = CliRunner().invoke(app, ["import", str(whole.path), "--into", str(home)])
    assert again.exit_code == 1
    assert "is there already" in again.stderr
