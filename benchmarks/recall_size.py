"""Seconds and bytes of what the Extraction page reads and draws, of a synthetic large run.

    python benchmarks/recall_size.py [--samples 4096] [--tokens 256]

Recalls of random numbers; the run's own are not touched. Times are medians of three.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from reorder_core.analysis import attack, extraction
from reorder_core.recall.record import Recall, Recalls


def synthetic(samples: int, tokens: int, number: int) -> Recall:
    """A recall of random numbers."""
    random = np.random.default_rng(number)
    loss = random.gamma(2.0, 0.8, (samples, tokens - 1)).astype(np.float32)
    names = tuple("x" * tokens for _ in range(64))
    return Recall(
        f"{number:016x}", "", loss, random.random(loss.shape) < 0.6, loss[:512],
        np.arange(64, dtype=np.int32), np.full(64, 32, np.int32), names,
        np.arange(8, dtype=np.int32), np.tile(np.array([[20, 28]], np.int32), (8, 1)),
        np.full(8, 26.0), random.normal(4, 0.1, (8, 512)).astype(np.float32),
        np.tile([0.5, 4.0, 0.1, 0.5], (8, 1)),
    )  # fmt: skip


def seconds(of: Callable[[], Any]) -> float:
    """Median of three."""
    found = []
    for _ in range(3):
        began = time.perf_counter()
        of()
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def main() -> None:
    """Print a line a piece."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--samples", type=int, default=4096)
    parser.add_argument("--tokens", type=int, default=256)
    asked = parser.parse_args()
    count, tokens = asked.samples, asked.tokens
    with tempfile.TemporaryDirectory() as folder:
        text = [SimpleNamespace(tokens=tokens) for _ in range(count)]
        corpus = SimpleNamespace(sequence_length=tokens)
        run: Any = SimpleNamespace(path=Path(folder), id="synthetic", count=count, samples=text,
                                   config=SimpleNamespace(corpus=corpus))  # fmt: skip
        path = Recalls(run).keep(synthetic(count, tokens, 1))
        print(f"a recall: {path.stat().st_size / 1e6:.1f} MB on disk")
        known = Recalls(run).of(f"{1:016x}")
        assert known is not None
        halves = attack.by_min_k(known)[0]
        pieces: dict[str, Callable[[], Any]] = {
            "read and compare its digest": lambda: Recalls(run).of(f"{1:016x}"),
            "extractable samples": lambda: extraction.extracted(run, known),
            "by length of prompt": lambda: extraction.by_prompt(run, known, 8),
            "Min-K %": lambda: attack.by_min_k(known),
            "ROC with intervals": lambda: attack.roc(halves[::2], halves[1::2]),
        }
        for name, of in pieces.items():
            print(f"{name}: {seconds(of):.3f} s")
        curve = attack.roc(halves[::2], halves[1::2])
        assert curve is not None
        size = curve.false.nbytes + curve.true.nbytes
        print(f"a ROC curve sends {size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
