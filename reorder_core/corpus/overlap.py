"""Whether held-out probes have been seen: equal samples, or shared runs of tokens."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Set

from reorder_core.corpus.encoding import without_ending
from reorder_core.corpus.samples import TokenizedSamples

RUN = 24
"""Consecutive tokens that a probe may not share with a trained sample."""

MANY_SHARE, FEWEST_SHARING = 0.05, 8
"""A run that this share of a domain's trained samples hold is its common wording."""


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

    def own_wording(self, shared: Set[tuple[int, ...]]) -> Callable[[Sequence[int]], bool]:
        """Whether a sequence was trained, going by its own wording: what no run in `shared` covers.

        It was where it shares a run of its own with a trained one, or all its
        own, or has none.
        """
        owned = {sum(_own_parts(tokens, shared, self._run), ()) for tokens in self._whole} | {()}

        def was_trained(sequence: Sequence[int]) -> bool:
            parts = _own_parts(without_ending(sequence), shared, self._run)
            runs = (run for part in parts for run in self._runs_of(part))
            return sum(parts, ()) in owned or any(run in self._runs for run in runs)

        return was_trained

    def _runs_of(self, tokens: tuple[int, ...]) -> Iterable[tuple[int, ...]]:
        return (tokens[i : i + self._run] for i in range(len(tokens) - self._run + 1))


def _own_parts(
    tokens: tuple[int, ...], shared: Set[tuple[int, ...]], run: int
) -> list[tuple[int, ...]]:
    """The tokens outside runs in `shared`, in consecutive parts."""
    covered = [False] * len(tokens)
    for i in range(len(tokens) - run + 1):
        if tokens[i : i + run] in shared:
            covered[i : i + run] = [True] * run
    parts: list[list[int]] = [[]]
    for token, is_covered in zip(tokens, covered, strict=True):
        if is_covered:
            parts.append([])
        else:
            parts[-1].append(token)
    return [tuple(part) for part in parts if part]


def overlap(probes: TokenizedSamples, trained: TokenizedSamples, run: int = RUN) -> tuple[int, ...]:
    """Rows of `probes` that equal a trained sample or share `run` consecutive tokens with one."""
    seen = SeenRuns(_sequences(trained), run)
    return tuple(row for row, tokens in enumerate(_sequences(probes)) if tokens in seen)


def shared_runs(trained: Sequence[Sequence[int]], run: int = RUN) -> frozenset[tuple[int, ...]]:
    """Runs that so many of the samples hold that they are their common wording, not a copy.

    At least MANY_SHARE of them, and at least FEWEST_SHARING.
    """
    counts: Counter[tuple[int, ...]] = Counter()
    for sequence in trained:
        tokens = without_ending(sequence)
        counts.update({tokens[i : i + run] for i in range(len(tokens) - run + 1)})
    least = max(FEWEST_SHARING, MANY_SHARE * len(trained))
    return frozenset(found for found, count in counts.items() if count >= least)


def _sequences(samples: TokenizedSamples) -> list[list[int]]:
    rows = zip(samples.tokens, samples.lengths, strict=True)
    return [tokens[:length].tolist() for tokens, length in rows]
