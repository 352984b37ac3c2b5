"""What a build costs, in reference trainings (RRE), from its dimensions alone.

One gradient of one sample is the unit: a reference training takes one a trained slot, which are
as many as samples in a run of one epoch without reserve: `trained` says how many where they are
not. A forward pass is a third of one. The build records these figures, `plan`
foretells them.
"""

from collections.abc import Sequence

from reorder_core.quantities import MEASURED, VALUED, ReadOut
from reorder_core.quantities.quantity import BOTH, Told

GRAPH, HESSIAN_PRODUCT = 2.0, 1.4
"""Seconds of a gradient whose graph is kept, and of a Hessian product through it, over those of a
gradient."""
MOST_SWEPT = 8
"""Held-out domains with an exact adjoint each."""


def base_rre(steps: int, batch_size: int, samples: int) -> float:
    """The phase before the analysed training."""
    return steps * batch_size / samples


def evaluation_rre(samples: int, probes: int, trained: int = 0) -> float:
    """Losses of all samples and probes, once."""
    return (samples + probes) / (3 * (trained or samples))


def measuring_rre(samples: int, probes: int, trained: int = 0) -> float:
    """What the registered quantities measure on parameters, of all samples and probes, once."""
    return _passes(MEASURED, samples, probes) / (3 * (trained or samples))


def read_out_rre(quantity: ReadOut, samples: int, probes: int, trained: int = 0) -> float:
    """Values of a read-out before and after training, and its gradients after it."""
    return (2 + 3) * _passes((quantity,), samples, probes) / (3 * (trained or samples))


def _passes(quantities: Sequence[Told], samples: int, probes: int) -> float:
    """Forward passes of single texts."""
    passes = {kind: sum(q.passes for q in quantities if kind in q.of) for kind in BOTH}
    return samples * passes["samples"] + probes * passes["held_out"]


def reference_rre(anchors: int, samples: int, probes: int, trained: int = 0) -> float:
    """The reference run with its losses at every anchor."""
    return 1.0 + anchors * evaluation_rre(samples, probes, trained)


def gradients_rre(anchors: Sequence[int], samples: int, probes: int, trained: int = 0) -> float:
    """Importance, gradients of samples and probes at the anchors, then those as if unseen.

    `anchors` are steps, the last of them T. For the unseen ones the run is
    followed once more by the gradients of its own samples, and each sample is
    looked at anew at every anchor after its step.
    """
    unseen = 1.0 + sum(anchors) / anchors[-1]
    if not trained:
        return 1.0 + len(anchors) * (1 + probes / samples) + unseen
    return (samples + len(anchors) * (samples + probes)) / trained + unseen


def curvature_rre(anchors: int, sequences: int, each: int, trained: int) -> float:
    """At each anchor a forward pass of some sequences, and so many draws back through it."""
    return anchors * sequences * (1 + 2 * each) / (3 * trained)


def calibration_rre(orders: int, samples: int, probes: int, trained: int = 0) -> float:
    """The designed retrainings, each evaluated at its end, what is read out of it as well."""
    read = _passes(VALUED, samples, probes) / (3 * (trained or samples))
    return orders * (1 + evaluation_rre(samples, probes, trained) + read)


def swept_domains(domains: int) -> int:
    """D of the exact adjoint: each held-out domain, or one for their mean where they are many."""
    return domains if domains <= MOST_SWEPT else 1


def adjoint_rre(swept: int, samples: int, probes: int, trained: int, twice: bool) -> float:
    """The reference run followed (twice where its states are too many to hold), its gradients with
    a graph, and back through that one product with the Hessian for each domain."""
    return 1.0 + twice + GRAPH + HESSIAN_PRODUCT * swept + probes / (trained or samples)


def centre_rre(samples: int, probes: int, trained: int = 0) -> float:
    """Gradients at the designed retrainings' mean end; what they measure on their way is free."""
    return 1 + probes / samples if not trained else (samples + probes) / trained
