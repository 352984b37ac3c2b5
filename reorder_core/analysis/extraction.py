"""What a model gives away when asked: (k, l)-extractable samples, measured token by token.

Carlini et al. (2023), *Quantifying Memorization*: a sample is (k, l)-extractable if the model,
given its first k tokens, goes on greedily with the next l as they are in the sample. That needs no
writing: it is so exactly if each of these tokens is the most likely one after the true ones before
it, so one pass over a text tells it for every k.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reorder_core.recall.plan import prompt_length, prompt_of
from reorder_core.recall.record import Recall
from reorder_core.store.run import Run

Array = NDArray[Any]


def extracted(run: Run, recall: Recall) -> pd.DataFrame:
    """One line a sample: sample, prompt (k), length (l), share (of the l tokens that are the most
    likely one after the true ones, Biderman et al. 2023), extractable (all of them)."""
    lengths = np.array([sample.tokens for sample in run.samples])
    prompts = np.array([prompt_of(run, int(n)) for n in lengths])
    ends = np.minimum(lengths, prompts + prompt_length(run))
    share = np.array([recall.hit[i, k - 1 : end - 1].mean() if end > k else np.nan
                      for i, (k, end) in enumerate(zip(prompts, ends, strict=True))])  # fmt: skip
    return pd.DataFrame({
        "sample": np.arange(run.count), "prompt": prompts, "length": ends - prompts,
        "share": share, "extractable": share == 1,
    })  # fmt: skip


def by_prompt(run: Run, recall: Recall, length: int) -> pd.DataFrame:
    """One line a prompt of k tokens: prompt, share of the samples whose next `length` tokens can
    be extracted, lo and hi (90 %, Wilson), samples that are long enough."""
    lengths = np.array([sample.tokens for sample in run.samples])
    runs = right_runs(recall.hit)  # (N, L−1) how many right tokens follow in a row
    lines = []
    for k in range(1, int(lengths.max()) - length + 1):
        fit = lengths >= k + length
        share = float((runs[fit, k - 1] >= length).mean())
        lines.append((k, share, *wilson(share, int(fit.sum())), int(fit.sum())))
    return pd.DataFrame(lines, columns=["prompt", "share", "lo", "hi", "samples"])


def right_runs(hit: Array) -> Array:
    """(N, L−1) how many tokens from each on are right without one that is not."""
    found = np.zeros(hit.shape, np.int32)
    after = np.zeros(len(hit), np.int32)
    for place in reversed(range(hit.shape[1])):
        after = np.where(hit[:, place], after + 1, 0)
        found[:, place] = after
    return found


def wilson(share: float, count: int, z: float = 1.6449) -> tuple[float, float]:
    """Wilson's 90 % interval of a proportion."""
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * np.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))
