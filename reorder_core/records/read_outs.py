"""A quantity that is read out of an estimated order by a value and a gradient of its own."""

from dataclasses import dataclass

from reorder_core.records.values import Values


@dataclass(frozen=True, slots=True, eq=False)
class ReadValues:
    """Of N samples and D held-out domains, in the quantity's unit."""

    values: Values
    """(N,) and (D,)"""
    interval: Values | None
    """(2, N) and (2, D) ends of the 90 % interval; None where too few retrainings told of it."""
    taught: int
    """Retrainings that measured the quantity and corrected it."""
    reason: str = ""
    """Why there is no number; empty where there is one."""
