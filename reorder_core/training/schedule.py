"""Learning rates and anchor steps: what training and the replay must agree on."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reorder_core.config import ScheduleConfig, TrainingConfig

DECAYING = 0.2
"""Of the steps after the warm-up, those at the end in which wsd falls."""


def learning_rate(schedule: ScheduleConfig, step: int) -> float:
    """The rate of the update at `step`, counted from 0."""
    if isinstance(schedule, TrainingConfig) and schedule.rates is not None:
        return schedule.rates[step]
    if step < schedule.warmup_steps:
        return schedule.learning_rate * (step + 1) / (schedule.warmup_steps + 1)
    if schedule.schedule == "constant":
        return schedule.learning_rate
    done = (step - schedule.warmup_steps) / max(1, schedule.steps - schedule.warmup_steps)
    if schedule.schedule == "cosine":
        left = 0.5 * (1 + math.cos(math.pi * done))
    elif schedule.schedule == "linear":
        left = 1 - done
    else:
        left = min(1.0, (1 - done) / DECAYING)
    return schedule.learning_rate * (schedule.final_fraction + (1 - schedule.final_fraction) * left)


def learning_rates(schedule: ScheduleConfig) -> list[float]:
    """(T,) the rate of each update."""
    return [learning_rate(schedule, step) for step in range(schedule.steps)]


def anchor_steps(steps: int, anchors: int) -> tuple[int, ...]:
    """`anchors` reference steps, evenly spread, 0 and `steps` among them."""
    return tuple(round(k * steps / (anchors - 1)) for k in range(anchors))


def nearest_anchor(anchors: Sequence[int], step: int) -> int:
    """The number of the anchor nearest to `step`."""
    return int(np.argmin([abs(anchor - step) for anchor in anchors]))


def between_anchors(anchors: Sequence[int], steps: int) -> NDArray[np.float32]:
    """(T, K) shares with which what is known at the anchors stands for each step, in a line."""
    return np.stack(
        [np.interp(range(steps), anchors, row) for row in np.eye(len(anchors))], axis=1
    ).astype(np.float32)
