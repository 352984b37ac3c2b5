"""What a recall looks at, and what it costs: decided from the run alone, before torch is there."""

import numpy as np
from numpy.typing import NDArray

from reorder_core.recall.secrets import ALTERNATIVES, canary_texts
from reorder_core.store.run import Run

PROMPT = 32
"""Tokens of a prompt, and of what is to follow: Biderman et al. (2023), for long enough samples."""
SHOWN = 64
"""Samples that are continued; the flagged ones and those with the largest gain."""
BACKWARD = 3.0
"""Of a forward pass, both ways."""


def prompt_length(run: Run) -> int:
    """k: tokens of a prompt, half of the sequence where that is less than 2 · PROMPT."""
    return min(PROMPT, run.config.corpus.sequence_length // 2)


def prompt_of(run: Run, length: int) -> int:
    """k of a sample: half of it where it is too short for a prompt and as much again."""
    return max(1, min(prompt_length(run), length // 2))


def shown_samples(run: Run) -> NDArray[np.int32]:
    """(G,) which samples are continued: flagged ones first, then by gain on the reference run."""
    known = run.reference
    gain = (known.before.samples - known.final.samples).astype(np.float64)
    flagged = np.array([bool(sample.flags) for sample in run.samples])
    ranked = np.lexsort((np.arange(run.count), -np.nan_to_num(gain), ~flagged))
    return ranked[:SHOWN].astype(np.int32)


def cost(run: Run, orders: int = 1, training: float = 1.0) -> tuple[float, float]:
    """Reference trainings, and seconds as far as the build's own tell, of recalling orders."""
    per_text = run.evaluation_rre / (run.count + len(run.probes))
    greedy = min(SHOWN, run.count) * prompt_length(run) * 0.75  # prompts grow to a whole sample
    texts = run.count + len(run.probes) + ALTERNATIVES * len(canary_texts(run)) + greedy
    rre = orders * (training + per_text * texts)
    known = run.costs.get("reference")
    per_rre = known["seconds"] / known["rre"] if known and known["rre"] else float("nan")
    return rre, rre * per_rre
