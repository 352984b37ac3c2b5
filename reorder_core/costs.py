"""What a build costs, in reference trainings (RRE), from its dimensions alone.

One gradient of one sample is the unit: a reference training takes N of them.
A forward pass is a third of one. The build records these figures, `plan`
foretells them.
"""

from collections.abc import Sequence


def base_rre(steps: int, batch_size: int, samples: int) -> float:
    """The phase before the analysed training."""
    return steps * batch_size / samples


def evaluation_rre(samples: int, probes: int) -> float:
    """Losses of all samples and probes, once."""
    return (samples + probes) / (3 * samples)


def reference_rre(anchors: int, samples: int, probes: int) -> float:
    """The reference run with its losses at every anchor."""
    return 1.0 + anchors * evaluation_rre(samples, probes)


def gradients_rre(anchors: Sequence[int], samples: int, probes: int) -> float:
    """Importance, gradients of samples and probes at the anchors, then those as if unseen.

    `anchors` are steps, the last of them T. For the unseen ones the run is
    followed once more with gradients of its own samples, and each sample is
    looked at anew at every anchor after its step.
    """
    unseen = 2.0 + sum(anchors) / anchors[-1]
    return 1.0 + len(anchors) * (1 + probes / samples) + unseen


def curvature_rre(anchors: int, rank: int, samples: int) -> float:
    """Sampled gradients: targets cost a forward pass, the gradients one of each."""
    return anchors * rank / samples * 4 / 3


def calibration_rre(orders: int, samples: int, probes: int) -> float:
    """The designed retrainings, each evaluated at its end."""
    return orders * (1 + evaluation_rre(samples, probes))


def centre_rre(drawn: int, samples: int, probes: int) -> float:
    """What the designed retrainings measure on their way, and the gradients at their mean end.

    A drawn target shares the training's own forward pass, so it costs a
    backward pass: two thirds of a gradient.
    """
    return drawn / samples * 2 / 3 + 1 + probes / samples if drawn else 0.0
