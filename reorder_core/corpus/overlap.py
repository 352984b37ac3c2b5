"""Whether held-out probes have been seen: equal samples, or shared runs of tokens."""

from collections.abc import Iterable, Sequence

from reorder_core.corpus.encoding import without_ending
from reorder_core.corpus.samples import TokenizedSamples

RUN = 24
"""Consecutive tokens that a probe may not share with a trained sample."""


class SeenRuns:
    """Runs of `run` consecutive tokens, and whole sequences, of what is trained."""

    def __init__(self, sequences: Iterable[Sequence[int]], run: int = RUN) -> None:
        self._run = run
        self._whole: set[tuple[int, ...]] = set()
        self._runs: set[tuple[int, ...]] = set()
        for sequence in sequences:
            tokens = without_ending(sequence)
            self._whole.add(tokens)
            self._runs.update(self._runs_of(tokens))

    def __contains__(self, sequence: Sequence[int]) -> bool:
        tokens = without_ending(sequence)
        return tokens in self._whole or any(r in self._runs for r in self._runs_of(tokens))

    def _runs_of(self, tokens: tuple[int, ...]) -> Iterable[tuple[int, ...]]:
        return (tokens[i : i + self._run] for i in range(len(tokens) - self._run + 1))


def overlap(probes: TokenizedSamples, trained: TokenizedSamples, run: int = RUN) -> tuple[int, ...]:
    """Rows of `probes` that equal a trained sample or share `run` consecutive tokens with one."""
    seen = SeenRuns(_sequences(trained), run)
    return tuple(row for row, tokens in enumerate(_sequences(probes)) if tokens in seen)


def _sequences(samples: TokenizedSamples) -> list[list[int]]:
    rows = zip(samples.tokens, samples.lengths, strict=True)
    return [tokens[:length].tolist() for tokens, length in rows]
