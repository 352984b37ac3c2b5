"""Words to write with: lists to pick from, and names that name no one."""

from collections.abc import Sequence

import numpy as np

Random = np.random.Generator


def words(text: str) -> tuple[str, ...]:
    """The choices in a text: separated by | where it has any, else by spaces."""
    parts = text.split("|") if "|" in text else text.split()
    return tuple(" ".join(part.split()) for part in parts)


def pick(random: Random, choices: Sequence[str]) -> str:
    """One of the choices, each as likely."""
    return choices[int(random.integers(len(choices)))]


ONSETS = words("b br d dr f g gl h k kr l m n p pr qu r s sk st t th tr v vl w y z zh")
VOWELS = words("a e i o u ae ei ou")
CODAS = words("l m n r s th x nd rk sh v")


def invented_name(random: Random, syllables: int) -> str:
    """A capitalized word of so many random syllables."""
    parts = [pick(random, ONSETS) + pick(random, VOWELS) for _ in range(syllables)]
    return ("".join(parts) + pick(random, CODAS)).capitalize()
