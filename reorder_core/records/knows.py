"""Which real retrainings an estimator learned from: without it a number has only half a name."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Knows:
    """A set of retrainings: how many, and a digest that names it."""

    designed: int
    """Of the build's designed retrainings."""
    ledger: int
    """Of the ledger's."""
    digest: str
    """16 hex digits; alike for the same retrainings of the same published run."""

    def words(self, estimator: str) -> str:
        """The whole name of a number's source: `hybrid, 16 + 3 retrainings`."""
        if not self.designed and not self.ledger:
            return estimator
        count = f"{self.designed} + {self.ledger}" if self.ledger else f"{self.designed}"
        one = self.designed + self.ledger == 1
        return f"{estimator}, {count} retraining{'' if one else 's'}"


def knows(fingerprint: str, designed: Iterable[str], ledger: Iterable[str]) -> Knows:
    """What is known, from a digest of each retraining and the run's `fingerprint`."""
    built, added = sorted(designed), sorted(ledger)
    text = "|".join([fingerprint, *built, "+", *added])
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Knows(len(built), len(added), digest)
