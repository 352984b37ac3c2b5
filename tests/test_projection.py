"""Coordinates that stand for all, and arrays that survive being packed."""

import numpy as np
import pytest

from reorder_core.estimators.replay.projection import choose_coordinates, pack, unpack


def test_all_coordinates_are_taken_where_there_are_no_more() -> None:
    index, weight = choose_coordinates(np.ones(50), 80, 0)
    assert np.array_equal(index, np.arange(50))
    assert (weight == 1).all()


def test_weighted_sums_are_unbiased_and_better_than_uniform_ones() -> None:
    random = np.random.default_rng(0)
    importance = random.exponential(size=3000) ** 3
    values = importance * random.normal(1, 0.3, 3000)
    sums, uniform = [], []
    for seed in range(300):
        index, weight = choose_coordinates(importance, 200, seed)
        assert abs(len(index) - 200) <= 1
        assert (np.diff(index) > 0).all()
        sums.append((values[index] * weight).sum())
        index, weight = choose_coordinates(np.ones(3000), 200, seed)
        uniform.append((values[index] * weight).sum())
    deviation = np.std(sums) / np.sqrt(len(sums))
    assert abs(np.mean(sums) - values.sum()) < 4 * deviation
    assert np.std(sums) < 0.3 * np.std(uniform)


@pytest.mark.parametrize(("bits", "bound"), [(32, 0.0), (16, 6e-4), (8, 2e-2)])
def test_packed_rows_come_back_up_to_their_precision(bits: int, bound: float) -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(2, 5, 400)) * random.exponential(size=400) * 1e-6
    rows = rows.astype(np.float32)
    rows[..., 7] = 0  # a coordinate that no gradient touches
    again = unpack("x", pack("x", rows, bits))
    assert again.dtype == np.float32
    size = np.sqrt(np.square(rows).mean((0, 1)))
    assert (np.abs(again - rows) <= bound * (size + np.abs(rows)) + 1e-20).all()
