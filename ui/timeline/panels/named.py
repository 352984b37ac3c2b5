"""What samples are called in the panels: by their flags, and by being copies of each other."""

from collections import Counter

from reorder_core.store.run import Run
from ui.app.words import MARKS


def flags(run: Run) -> list[tuple[str, ...]]:
    """Of each sample; `duplicate` is one of them where another sample has the same text."""
    texts = Counter(sample.text for sample in run.samples)
    return [(*s.flags, *(["duplicate"] if texts[s.text] > 1 else [])) for s in run.samples]


def marked(run: Run) -> list[tuple[int, str]]:
    """The samples that carry a mark on the board, each with its first flag."""
    return [(i, of[0]) for i, of in enumerate(flags(run)) if any(flag in MARKS for flag in of)]
