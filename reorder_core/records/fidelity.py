"""How estimators did against real retraining, as saved in RUN/fidelity."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

MOST_ORDERS = 10_000
"""A report of more was never retrained: its file is damaged."""

Interval = tuple[float | None, float | None]
_ANY, _SHARE, _CORRELATION = (0.0, math.inf), (0.0, 1.0), (-1.0, 1.0)
_BOUNDS = {
    "r2": (-math.inf, 1.0), "r2_heldout": (-math.inf, 1.0),
    "rho_sample": _CORRELATION, "rho_within": _CORRELATION, "rho_heldout": _CORRELATION,
    "coverage90": _SHARE, "coverage90_heldout": _SHARE,
    "mae": _ANY, "mae_training": _ANY, "mae_heldout": _ANY, "distance": _ANY,
    "rel_mae": _ANY, "abs_diff_perplexity": _ANY, "all_steps_mse": _ANY,
    "query_ms_p50": _ANY, "query_ms_p95": _ANY, "precompute_rre": _ANY, "bytes": _ANY,
}  # fmt: skip
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Measured:
    """One estimator's measures (`judge.measures`); None for what it cannot answer, never 0.

    Of final losses of samples unless said otherwise; over all orders of the report.
    """

    r2: float | None = None
    rho_sample: float | None = None
    rho_within: float | None = None
    rho_heldout: float | None = None
    rel_mae: float | None = None
    mae: float | None = None
    """Nats; this and the next three are None also in reports written before they were measured."""
    mae_training: float | None = None
    """Of the mean final loss over all samples."""
    mae_heldout: float | None = None
    """Of the mean held-out loss."""
    distance: float | None = None
    """Mean `Estimate.distance` of the orders."""
    abs_diff_perplexity: float | None = None
    all_steps_mse: float | None = None
    """Nats², over evaluation steps too."""
    coverage90: float | None = None
    r2_heldout: float | None = None
    """Of held-out losses by domain; None also in reports written before it was measured."""
    coverage90_heldout: float | None = None
    query_ms_p50: float | None = None
    query_ms_p95: float | None = None
    precompute_rre: float | None = None
    bytes: int | None = None
    knows: str = ""
    """Its name with the retrainings it was fitted on: "hybrid, 16 retrainings"; empty in reports
    written before this was noted."""
    ci: Mapping[str, Interval] = field(default_factory=dict)
    """Measure → bootstrap 95 % interval over orders."""

    def __post_init__(self) -> None:
        for name, (least, most) in _BOUNDS.items():
            value = _defined(getattr(self, name))
            object.__setattr__(self, name, value)
            if value is not None and not least - _ROUNDING <= value <= most + _ROUNDING:
                raise ValueError(f"{name} is {value:.6g}, which it cannot be")
        ends = {name: (_defined(low), _defined(high)) for name, (low, high) in self.ci.items()}
        object.__setattr__(self, "ci", ends)

    def interval(self, measure: str) -> tuple[float, float] | None:
        """The measure's bootstrap 95 % interval; None where it has none.

        Drawing orders again repeats some, and ties lower every rank correlation
        across orders, so that the draws may all lie under the value itself: their
        width is right, their place is not, and the interval is moved around the value.
        """
        low, high = self.ci.get(measure, (None, None))
        value = getattr(self, measure, None)
        if low is None or high is None:
            return None
        if value is not None and not low <= value <= high:
            shift = value - (low + high) / 2
            return low + shift, min(high + shift, _BOUNDS.get(measure, _ANY)[1])
        return low, high


@dataclass(frozen=True, slots=True)
class FidelityReport:
    """Estimators judged by the real retraining of some orders of a family."""

    run: str
    family: str
    orders: int
    """How many judged."""
    seed: int
    """That drew them."""
    estimators: Mapping[str, Measured]
    made: str = ""
    """When, such as 2026-11-25T04:52:46Z."""
    spread: float | None = None
    """Mean over samples of the standard deviation of the final loss over orders, in nats."""

    def __post_init__(self) -> None:
        if not 1 <= self.orders <= MOST_ORDERS:
            raise ValueError(f"it tells of {self.orders} orders, expected 1 to {MOST_ORDERS}")
        if self.seed < 0:
            raise ValueError(f"its seed is {self.seed}, expected 0 or more")

    def to_json(self) -> dict[str, Any]:
        """What `fidelity --json` prints."""
        found = self.saved()
        del found["made"], found["spread"]
        return found

    def saved(self) -> dict[str, Any]:
        """What its file holds."""
        first = {"made": self.made, "spread": self.spread}
        return first | asdict(self)


def _defined(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
