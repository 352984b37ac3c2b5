"""Losses of samples and held-out domains as one record."""

import numpy as np
import pytest

from reorder_core.records.losses import Losses


def some(*leading: int) -> Losses:
    random = np.random.default_rng(3)
    return Losses(random.random((*leading, 5)), random.random((*leading, 2)))


def test_arrays_of_losses_cannot_be_altered_and_those_they_came_from_can():
    samples = np.zeros((3, 5))
    losses = Losses(samples, np.zeros((3, 2)))
    for array in (losses.samples, losses.probes, losses.final.samples):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    samples[0] = 1


def test_the_last_evaluation_is_final_also_of_several_orders():
    several = some(4, 3)
    np.testing.assert_array_equal(several.final.samples, several.samples[:, -1])
    np.testing.assert_array_equal(several[1].final.probes, several.probes[1, -1])


def test_an_interval_is_its_lower_and_its_upper_end():
    interval = some(2)
    low, high = interval
    np.testing.assert_array_equal(low.samples, interval.samples[0])
    np.testing.assert_array_equal(high.probes, interval.probes[1])
    with pytest.raises(TypeError, match="no axis"):
        low[0]


def test_stacking_and_joining_keep_samples_beside_their_probes():
    one, other = some(), some().scaled(2)
    stacked = Losses.stacked([one, other])
    assert stacked.samples.shape == (2, 5) and stacked.probes.shape == (2, 2)
    joined = Losses.joined([stacked, stacked[1:]])
    np.testing.assert_array_equal((joined[2] - one).probes, one.probes)
    np.testing.assert_array_equal((one + one).samples, other.samples)


def test_one_loss_that_is_no_number_makes_a_training_diverged():
    probes = np.zeros((3, 2))
    probes[1, 0] = np.nan
    assert Losses(np.zeros((3, 5)), probes).finite.tolist() == [True, False, True]
    assert not Losses.unknown(3, samples=5, probes=2).finite.any()


def test_losses_of_unlike_shapes_are_our_own_mistake():
    with pytest.raises(AssertionError, match=r"samples \(3, 5\) beside probes \(2, 2\)"):
        Losses(np.zeros((3, 5)), np.zeros((2, 2)))
