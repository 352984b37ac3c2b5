import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from reorder_core.judge import measures

ORDERS, SAMPLES = 6, 10


@pytest.fixture
def losses() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Estimated (O, N), retrained (O, N) and reference (N,) losses that all differ."""
    random = np.random.default_rng(5)
    reference = random.uniform(3, 4, SAMPLES)
    retrained = reference + random.normal(0, 0.1, (ORDERS, SAMPLES))
    return retrained + random.normal(0, 0.03, retrained.shape), retrained, reference


def rho(a: np.ndarray, b: np.ndarray) -> float:
    """The same by SciPy."""
    result: Any = stats.spearmanr(a, b)
    return float(result.statistic)


def test_the_truth_scores_best_and_no_change_scores_zero(losses):
    _, retrained, reference = losses
    unchanged = np.tile(reference, (ORDERS, 1))
    assert measures.r2(retrained, retrained, reference) == 1
    assert measures.r2(unchanged, retrained, reference) == 0
    assert measures.rel_mae(unchanged, retrained, reference) == 1
    assert measures.rel_mae(retrained, retrained, reference) == 0


def test_r2_by_hand():
    retrained, reference = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([2.0, 3.0])
    # errors of "no change": 1, 1, −1, −2 → 7; of this estimate: 0, 1, 0, 1 → 2
    estimated = np.array([[1.0, 3.0], [3.0, 4.0]])
    assert measures.r2(estimated, retrained, reference) == pytest.approx(1 - 2 / 7)
    assert measures.rel_mae(estimated, retrained, reference) == pytest.approx(2 / 5)


def test_an_estimate_worse_than_no_change_is_below_zero(losses):
    _, retrained, reference = losses
    assert measures.r2(2 * reference - retrained, retrained, reference) == pytest.approx(-3)


def test_rank_correlations_match_scipy(losses):
    estimated, retrained, _ = losses
    across = [rho(estimated[:, i], retrained[:, i]) for i in range(SAMPLES)]
    within = [rho(estimated[i], retrained[i]) for i in range(ORDERS)]
    assert measures.rho_sample(estimated, retrained) == pytest.approx(np.mean(across))
    assert measures.rho_within(estimated, retrained) == pytest.approx(np.mean(within))
    held_out = rho(estimated[:, :3].mean(1), retrained[:, :3].mean(1))
    assert measures.rho_heldout(estimated[:, :3], retrained[:, :3]) == pytest.approx(held_out)


def test_ties_share_their_rank_as_in_scipy():
    a, b = np.array([1.0, 2, 2, 3, 3, 3]), np.array([2.0, 1, 2, 2, 5, 4])
    assert measures.spearman(a, b) == pytest.approx(rho(a, b))


@given(
    arrays(np.float64, (2, 7), elements=st.floats(-3, 3, width=16), unique=True),
    st.floats(0.1, 5),
)
def test_spearman_is_unchanged_by_a_monotone_map(pair, scale):
    a, b = pair
    stretched = np.arctan(a.astype(np.longdouble) * scale).astype(np.float64)
    if len(np.unique(stretched)) == len(a):
        assert measures.spearman(stretched, b) == pytest.approx(measures.spearman(a, b))


@pytest.mark.parametrize(
    ("a", "b"), [([1.0, 1, 1], [1.0, 2, 3]), ([1.0], [2.0]), ([1.0, math.nan, 2], [1.0, 2, 3])]
)
def test_an_undefined_rank_correlation_is_nan_not_zero(a, b):
    assert math.isnan(measures.spearman(np.array(a), np.array(b)))


def test_samples_without_a_rank_correlation_are_left_out(losses):
    estimated, retrained, reference = losses
    constant = estimated.copy()
    constant[:, 0] = 1.0
    expected = measures.rho_sample(estimated[:, 1:], retrained[:, 1:])
    assert measures.rho_sample(constant, retrained) == pytest.approx(expected)
    unchanged = np.tile(reference, (ORDERS, 1))
    assert math.isnan(measures.rho_sample(unchanged, retrained))
    assert not math.isnan(measures.rho_within(unchanged, retrained))


def test_measures_without_a_denominator_are_nan():
    flat = np.ones((2, 3))
    assert math.isnan(measures.r2(flat, flat, np.ones(3)))
    assert math.isnan(measures.rel_mae(flat, flat, np.ones(3)))
    assert math.isnan(measures.coverage90(None, flat))


def test_a_diverged_estimate_does_not_score():
    retrained = np.array([[1.0, 2.0], [2.0, 4.0]])
    estimated = np.array([[1.0, math.nan], [2.0, 4.0]])
    assert math.isnan(measures.r2(estimated, retrained, np.zeros(2)))


def test_perplexity_and_step_errors_by_hand():
    estimated, retrained = np.log(np.array([[2.0, 3.0]])), np.log(np.array([[4.0, 3.0]]))
    assert measures.abs_diff_perplexity(estimated, retrained) == pytest.approx(1.0)
    retrained_at = np.zeros((1, 3, 2))
    estimated_at = np.array([[[9.0, 9.0], [1.0, 0.0], [0.0, 2.0]]])
    assert measures.all_steps_mse(estimated_at, retrained_at) == pytest.approx(5 / 4)


def test_coverage_counts_what_is_inside():
    interval = np.array([[[0.0, 0.0], [1.0, 1.0]]])  # (O, 2, N)
    assert measures.coverage90(interval, np.array([[0.5, 1.5]])) == 0.5


def test_bootstrap_is_seeded_and_holds_the_measure(losses):
    estimated, retrained, reference = losses

    def measure(i):
        return measures.r2(estimated[i], retrained[i], reference)

    low, high = measures.bootstrap_ci(measure, ORDERS, seed=1)
    assert low < measures.r2(estimated, retrained, reference) < high
    assert (low, high) == measures.bootstrap_ci(measure, ORDERS, seed=1)
    assert (low, high) != measures.bootstrap_ci(measure, ORDERS, seed=2)


def test_bootstrap_of_one_order_or_of_nothing_defined_is_nan():
    assert all(map(math.isnan, measures.bootstrap_ci(lambda i: 1.0, 1, seed=0)))
    assert all(map(math.isnan, measures.bootstrap_ci(lambda i: math.nan, 9, seed=0)))


def test_intervals_of_a_whole_report_take_seconds_not_minutes():
    random = np.random.default_rng(0)
    estimated, retrained = random.normal(size=(2, 32, 256))
    began = time.perf_counter()
    measures.bootstrap_ci(lambda i: measures.rho_sample(estimated[i], retrained[i]), 32, seed=0)
    assert time.perf_counter() - began < 10  # measured: 0.4 s
