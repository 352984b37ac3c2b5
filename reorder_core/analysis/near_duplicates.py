"""Samples whose texts nearly repeat each other, by MinHash."""

import re
from collections.abc import Sequence

from datasketch import MinHash, MinHashLSH

SHINGLE, PERMUTATIONS, ALIKE = 3, 128, 0.6
"""Words in a row; hash functions; the Jaccard similarity from which two texts are near-duplicates.
"""
_WORD = re.compile(r"\w+")


def near_duplicates(texts: Sequence[str], alike: float = ALIKE) -> list[tuple[int, ...]]:
    """For each text the places of its near-duplicates, in order.

    MinHash finds candidates (Broder 1997), at a threshold a little lower, so
    that few are missed; their shingles decide, so that none is false.
    """
    shingles = [shingled(text) for text in texts]
    index = MinHashLSH(threshold=0.8 * alike, num_perm=PERMUTATIONS)
    sketches = [_sketch(words) for words in shingles]
    for place, sketch in enumerate(sketches):
        index.insert(place, sketch)
    return [
        tuple(
            other
            for other in sorted(map(_place, index.query(sketch)))
            if other != place and jaccard(shingles[place], shingles[other]) >= alike
        )
        for place, sketch in enumerate(sketches)
    ]


def _place(key: object) -> int:
    assert isinstance(key, int)  # what was inserted
    return key


def shingled(text: str) -> frozenset[str]:
    """Every run of SHINGLE words, case aside; a shorter text is one shingle."""
    words = _WORD.findall(text.lower())
    count = max(1, len(words) - SHINGLE + 1)
    return frozenset(" ".join(words[at : at + SHINGLE]) for at in range(count))


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """Shared shingles over all shingles of the two."""
    return len(a & b) / len(a | b)


def _sketch(shingles: frozenset[str]) -> MinHash:
    sketch = MinHash(num_perm=PERMUTATIONS, seed=1)
    sketch.update_batch([shingle.encode("utf-8", "replace") for shingle in sorted(shingles)])
    return sketch
