from pathlib import Path

import pytest
import yaml
from fabricated import COUNT, TINY_STAGES, build_tiny, flip_last_byte, tiny_config

from reorder_core.building.stages import BuildStage
from reorder_core.errors import RunNotFound, StoreError
from reorder_core.store.files import file_digest
from reorder_core.store.run import Run, open_run


def test_an_open_run_tells_what_was_built(tiny_run: Run):
    assert tiny_run.id.startswith("tiny-")
    assert (tiny_run.count, tiny_run.steps, tiny_run.batch_size) == (COUNT, 4, 3)
    assert tiny_run.samples[1].text == "train 1 θ"
    assert tiny_run.samples[1].flags == ("canary",)
    assert tiny_run.domains == tiny_run.probe_domains == ("code", "prose")
    assert tiny_run.reference_order.tolist() == list(range(COUNT))
    assert tiny_run.eval_steps.tolist() == [0, 2, 4]
    assert tiny_run.reference.losses_at.samples.shape == (3, COUNT)
    assert tiny_run.costs["position"]["rre"] == tiny_run.precompute_rre == 0.25
    assert tiny_run.load_checked("start")["weight"].shape == (4, 4)
    tiny_run.verify()


def test_the_run_inside_a_build_has_the_published_id(tmp_path: Path):
    seen = []
    look = BuildStage("look", (), lambda context: seen.append(context.run()) or 0.0)
    published = build_tiny(tmp_path / "run", stages=(*TINY_STAGES, look))
    assert seen[0].id == published.id == open_run(tmp_path / "run").id
    assert seen[0].reference_order.tolist() == published.reference_order.tolist()


def test_a_run_moved_elsewhere_keeps_its_id_and_opens(tiny_path: Path, tmp_path: Path):
    before = open_run(tiny_path).id
    tiny_path.rename(tmp_path / "elsewhere")
    assert open_run(tmp_path / "elsewhere").id == before


@pytest.mark.parametrize("name", ["corpus.json", "reference.safetensors", "start.safetensors"])
def test_a_missing_file_is_named(tiny_path: Path, name: str):
    (tiny_path / name).unlink()
    with pytest.raises(StoreError, match=f"{name} is missing"):
        open_run(tiny_path)


@pytest.mark.parametrize("name", ["reference.safetensors", "tokens.safetensors"])
def test_a_truncated_file_is_told_with_both_sizes(tiny_path: Path, name: str):
    content = (tiny_path / name).read_bytes()
    (tiny_path / name).write_bytes(content[:-1])
    with pytest.raises(StoreError, match=f"{len(content) - 1} bytes, expected {len(content)}"):
        open_run(tiny_path)


def test_an_altered_file_is_told_with_both_digests(tiny_path: Path):
    flip_last_byte(tiny_path / "reference.safetensors")
    seen = file_digest(tiny_path / "reference.safetensors")[:12]
    with pytest.raises(StoreError, match=f"altered: its digest is {seen}, expected [0-9a-f]+;"):
        open_run(tiny_path)


def test_a_file_only_retraining_reads_is_checked_when_it_does(tiny_path: Path):
    flip_last_byte(tiny_path / "start.safetensors")
    run = open_run(tiny_path)
    with pytest.raises(StoreError, match="start.safetensors was altered"):
        run.load_checked("start")
    with pytest.raises(StoreError, match="start.safetensors was altered"):
        run.verify()


def test_arrays_the_run_was_published_without_are_named(tiny_run: Run):
    with pytest.raises(StoreError, match="published without curvature.safetensors"):
        tiny_run.load_checked("curvature")
    with pytest.raises(StoreError, match="curvature.safetensors is missing"):
        tiny_run.arrays("curvature")


@pytest.mark.parametrize("text", ["", "[1, 2", "a: [", "format: 2\n", "format: 2\nid: 3\n", "\0"])
def test_a_garbled_run_file_is_a_store_error(tiny_path: Path, text: str):
    (tiny_path / "run.yaml").write_text(text)
    with pytest.raises(StoreError):
        open_run(tiny_path)


def test_an_edited_run_file_is_noticed(tiny_path: Path):
    text = (tiny_path / "run.yaml").read_text()
    (tiny_path / "run.yaml").write_text(text.replace("seed: 3", "seed: 4"))
    with pytest.raises(StoreError, match="run.yaml was altered"):
        open_run(tiny_path)


@pytest.mark.parametrize(("format", "asked"), [(3, "update reorder, or build"), (1, "build the")])
def test_another_format_is_refused(tiny_path: Path, format: int, asked: str):
    value = yaml.safe_load((tiny_path / "run.yaml").read_text())
    (tiny_path / "run.yaml").write_text(yaml.safe_dump(value | {"format": format}))
    with pytest.raises(StoreError, match=f"has format {format}, this version reads 2; {asked}"):
        open_run(tiny_path)


def test_a_folder_that_is_no_run_is_not_found(tmp_path: Path):
    with pytest.raises(RunNotFound, match="there is no such folder"):
        open_run(tmp_path / "none")
    with pytest.raises(RunNotFound, match="is no run folder"):
        open_run(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(RunNotFound):
        open_run(tmp_path / "file")


def test_the_fingerprint_follows_the_files(tmp_path: Path):
    first, second = (build_tiny(tmp_path / n, tiny_config(seed=s)) for n, s in [("a", 1), ("b", 2)])
    assert first.fingerprint != second.fingerprint
    assert first.fingerprint == build_tiny(tmp_path / "c", tiny_config(seed=1)).fingerprint
