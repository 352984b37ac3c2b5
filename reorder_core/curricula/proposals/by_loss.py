"""By how hard samples are for the model: at its start, or as it goes along."""

import numpy as np

from reorder_core.curricula.proposals.plain import sorted_by
from reorder_core.orders.order import Order
from reorder_core.store.run import Run
from reorder_core.training.schedule import between_anchors


def by_loss(run: Run, seed: int) -> dict[str, Order]:
    """Easy to hard and back, by the whole text's loss and by the perplexity of its tokens."""
    del seed
    a_token = run.reference.losses_at.samples[0]
    whole = a_token * np.array([max(1, sample.tokens - 1) for sample in run.samples])
    return {
        "easy to hard, by loss": sorted_by(run, whole),
        "hard to easy, by loss": sorted_by(run, -whole),
        "easy to hard, by perplexity": sorted_by(run, a_token),
        "hard to easy, by perplexity": sorted_by(run, -a_token),
    }


def self_paced(run: Run, seed: int) -> dict[str, Order]:
    """At every step what is easiest then, by the losses along the reference run."""
    del seed
    shares = between_anchors(run.eval_steps.tolist(), run.steps)  # (T, E)
    loss_at = shares @ run.reference.losses_at.samples  # (T, N)
    visits, order = run.visits, list[int]()
    left = set(run.reference_order[: visits.trained].tolist())
    for losses in loss_at[:, visits.sample_of]:
        easiest = sorted(left, key=lambda i: (losses[i], i))[: run.batch_size]
        order += easiest
        left -= set(easiest)
    return {"self-paced": visits.with_trained(run.reference_order, np.array(order))}
