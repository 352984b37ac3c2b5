import os
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from reorder_core.errors import StoreError
from reorder_core.store.files import (
    file_digest,
    read_arrays,
    read_json,
    read_metadata,
    replacing,
    write_arrays,
    write_json,
)

ARRAYS = {
    "half": np.arange(6, dtype=np.float16).reshape(2, 3),
    "bytes": np.arange(5, dtype=np.int8),
    "wide": np.linspace(0, 1, 4),
    "ids": np.arange(3, dtype=np.int64),
    "empty": np.empty((0, 4), dtype=np.float32),
    "scalar": np.array(2.5, dtype=np.float32),
    "turned": np.arange(6, dtype=np.int32).reshape(2, 3).T,
}


def test_arrays_come_back_equal_read_only_and_mapped(tmp_path: Path):
    write_arrays(tmp_path / "a.safetensors", ARRAYS, {"seed": 3})
    read = read_arrays(tmp_path / "a.safetensors")
    assert set(read) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert read[name].dtype == array.dtype
        assert read[name].shape == array.shape
        np.testing.assert_array_equal(read[name], array)
    assert not read["half"].flags.writeable
    assert not read["half"].flags.owndata
    assert read_metadata(tmp_path / "a.safetensors") == {"seed": "3"}


def test_the_safetensors_library_reads_what_we_write_and_we_what_it_writes(tmp_path: Path):
    write_arrays(tmp_path / "ours.safetensors", ARRAYS, {"b": 1, "a": 2})
    theirs = safetensors.numpy.load_file(tmp_path / "ours.safetensors")
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(theirs[name], array)
    contiguous = {name: np.ascontiguousarray(a) for name, a in ARRAYS.items() if a.ndim}
    safetensors.numpy.save_file(contiguous, tmp_path / "theirs.safetensors", {"k": "v"})
    for name, array in read_arrays(tmp_path / "theirs.safetensors").items():
        np.testing.assert_array_equal(array, ARRAYS[name])


def test_equal_arrays_give_equal_bytes_in_any_process(tmp_path: Path):
    metadata = {str(i): i for i in range(9)}
    write_arrays(tmp_path / "a", ARRAYS, metadata)
    turned = dict(reversed(ARRAYS.items())), dict(reversed(metadata.items()))
    write_arrays(tmp_path / "b", *turned)
    assert file_digest(tmp_path / "a") == file_digest(tmp_path / "b")


@pytest.mark.parametrize("keep", [0, 4, 8, 40, -1])
def test_truncated_arrays_are_a_store_error(tmp_path: Path, keep: int):
    path = tmp_path / "a.safetensors"
    write_arrays(path, ARRAYS)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(StoreError, match="truncated or damaged"):
        read_arrays(path)


def test_a_missing_or_foreign_file_is_a_store_error(tmp_path: Path):
    with pytest.raises(StoreError, match="is missing"):
        read_arrays(tmp_path / "none.safetensors")
    (tmp_path / "a").write_bytes(b"\x10" + b"\0" * 7 + b'{"a": "nonsense"}')
    with pytest.raises(StoreError, match="damaged"):
        read_arrays(tmp_path / "a")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_aside(tmp_path: Path):
    write_json(tmp_path / "a.json", {"old": 1})
    with pytest.raises(KeyError), replacing(tmp_path / "a.json") as file:
        file.write(b"half of the n" + {}["missing"])
    assert read_json(tmp_path / "a.json") == {"old": 1}
    assert os.listdir(tmp_path) == ["a.json"]


def test_json_has_null_for_what_is_not_finite_and_keeps_float32_exactly(tmp_path: Path):
    values = np.array([0.1, np.nan, np.inf, 1 / 3], dtype=np.float32)
    write_json(tmp_path / "a.json", {"v": values})
    first, second, third, fourth = read_json(tmp_path / "a.json")["v"]
    assert (second, third) == (None, None)
    assert np.float32(first) == values[0]
    assert np.float32(fourth) == values[3]
    assert len((tmp_path / "a.json").read_text()) < 60
