"""Coordinates that stand for all, and arrays that survive being packed."""

import numpy as np
import pytest

from reorder_core.estimators.replay.packing import pack, unpack
from reorder_core.estimators.replay.projection import choose_coordinates


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


@pytest.mark.parametrize(("bits", "bound"), [(32, 0.0), (16, 6e-4), (8, 2e-2), (4, 1.0)])
def test_packed_rows_come_back_up_to_their_precision(bits: int, bound: float) -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(2, 5, 400)) * random.exponential(size=400) * 1e-6
    rows = rows.astype(np.float32)
    rows[..., 7] = 0  # a coordinate that no gradient touches
    again = unpack("x", pack("x", rows, bits))
    assert again.dtype == np.float32
    size = np.sqrt(np.square(rows).mean((0, 1)))
    assert (np.abs(again - rows) <= bound * (size + np.abs(rows)) + 1e-20).all()


@pytest.mark.parametrize(("law", "bound"), [("normal", 0.012), ("laplace", 0.025)])
def test_four_bits_lose_a_hundredth_of_the_square(law: str, bound: float) -> None:
    """Lloyd's levels: .0115 is what the best 16 lose of a normal law (Max 1960)."""
    rows = getattr(np.random.default_rng(0), law)(size=(64, 1001)).astype(np.float32)
    rows *= np.exp(np.random.default_rng(1).normal(size=1001)).astype(np.float32)
    rows[:, 3], rows[5], rows[::2, 4] = 0, 0, 0
    arrays = pack("x", rows, 4)
    assert arrays["x"].nbytes == 64 * 501 and len(arrays["x.levels"]) <= 16
    again = unpack("x", arrays)
    size = np.square(rows).mean(0)
    lost = np.square(again - rows).mean(0)[size > 0] / size[size > 0]
    assert 0.005 < lost.mean() < bound
    assert not again[:, 3].any() and not again[5].any() and not again[::2, 4].any()


def test_nothing_is_packed_as_nothing() -> None:
    assert not unpack("x", pack("x", np.zeros((3, 7), np.float32), 4)).any()
