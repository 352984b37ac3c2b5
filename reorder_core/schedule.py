"""Learning rates and anchor steps: what training and the replay must agree on."""

import math

from reorder_core.config import ScheduleConfig


def learning_rate(schedule: ScheduleConfig, step: int) -> float:
    """The rate of the update at `step`, counted from 0."""
    if step < schedule.warmup_steps:
        return schedule.learning_rate * (step + 1) / (schedule.warmup_steps + 1)
    if schedule.schedule == "constant":
        return schedule.learning_rate
    done = (step - schedule.warmup_steps) / max(1, schedule.steps - schedule.warmup_steps)
    cosine = 0.5 * (1 + math.cos(math.pi * done))
    return schedule.learning_rate * (
        schedule.final_fraction + (1 - schedule.final_fraction) * cosine
    )


def learning_rates(schedule: ScheduleConfig) -> list[float]:
    """(T,) the rate of each update."""
    return [learning_rate(schedule, step) for step in range(schedule.steps)]


def anchor_steps(steps: int, anchors: int) -> tuple[int, ...]:
    """`anchors` reference steps, evenly spread, 0 and `steps` among them."""
    return tuple(round(k * steps / (anchors - 1)) for k in range(anchors))
