"""TracIn on a real run, against the definition written out."""

import numpy as np

from reorder_core.estimators import open_estimator
from reorder_core.estimators.replay.gradients import open_stored
from reorder_core.estimators.replay.replayer import ReferenceReplay
from reorder_core.orders.order import steps_of
from reorder_core.store.run import Run
from reorder_core.training.schedule import learning_rates, nearest_anchor


def test_each_pair_of_samples_adds_its_inner_product(real_run: Run) -> None:
    order = np.random.default_rng(0).permutation(real_run.reference_order)
    estimate = open_estimator(real_run, "tracin").estimate(order)
    stored = open_stored(real_run)
    replayer, seen = stored.replayer, stored.gradients
    states = ReferenceReplay(replayer, real_run.reference_order).states
    rates, sample = learning_rates(real_run.config.training), 5

    def contributed(order: np.ndarray, until: int) -> float:
        total = 0.0
        for other, step in enumerate(steps_of(order[None], real_run.batch_size)[0]):
            if step >= until:
                continue
            anchor = nearest_anchor(replayer.anchors, int(step))
            at = max(1, replayer.anchors[anchor])
            second = states[at].second[0] / (1 - 0.999 ** (replayer.updates + at))
            product = seen[anchor][sample] * seen[anchor][other] / (np.sqrt(second) + 1e-8)
            total -= rates[step] * (product * replayer.weight).sum() / real_run.batch_size
        return total

    for row, until in enumerate(real_run.eval_steps):
        change = contributed(order, until) - contributed(real_run.reference_order, until)
        found = estimate.losses_at.samples[row, sample]
        expected = real_run.reference.losses_at.samples[row, sample] + change
        assert abs(found - expected) < 2e-5
    assert abs(change) > 1e-3


def test_the_reference_order_changes_nothing(real_run: Run) -> None:
    estimate = open_estimator(real_run, "tracin").estimate(real_run.reference_order)
    assert np.array_equal(estimate.losses_at.samples, real_run.reference.losses_at.samples)
    assert np.array_equal(estimate.losses_at.probes, real_run.reference.losses_at.probes)


def test_its_credit_for_the_reference_run_ranks_what_was_learned(real_run: Run) -> None:
    """Without this, credit by sign and size could be anything: orders only show differences."""
    estimator = open_estimator(real_run, "tracin")
    said = estimator._contributed(estimator._steps, real_run.steps)  # type: ignore[attr-defined]
    losses = real_run.reference.losses_at.samples
    learned = losses[-1] - losses[0]
    assert learned.mean() < -0.05
    assert np.corrcoef(said[: real_run.count], learned)[0, 1] > 0.8
    # Without curvature it says too much: 3.8 times, when written.
    assert 1 < said[: real_run.count].mean() / learned.mean() < 8
