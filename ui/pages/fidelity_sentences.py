"""What a fidelity report says, in words: for somebody with ten seconds and no trust."""

import math
from collections.abc import Mapping, Sequence

from reorder_core.records.fidelity import FidelityReport, Measured
from ui.app.words import FAMILY_WORDS

PROMISED = 0.9
_NEAR_PROMISE = 0.035


def best_reports(reports: Sequence[FidelityReport]) -> list[FidelityReport]:
    """One report a family: that with most orders, of equals the first (the newest)."""
    best: dict[str, FidelityReport] = {}
    for report in reports:
        known = best.get(report.family)
        if known is None or report.orders > known.orders:
            best[report.family] = report
    places = list(FAMILY_WORDS)
    return sorted(
        best.values(),
        key=lambda report: places.index(report.family) if report.family in places else 99,
    )


def headline(report: FidelityReport, name: str) -> str:
    """How much of the order's effect the estimator explains."""
    measured = report.estimators.get(name, Measured())
    orders, words = report.orders, FAMILY_WORDS.get(report.family, report.family)
    r2 = measured.r2
    if r2 is None:
        return f"“{name}” has not been measured on {words}."
    if name == "reference":
        return "“reference” says that the order changes nothing: the zero that others must beat."
    if r2 <= 0.005:
        return (
            f"On {orders} {words} really retrained, “{name}” does no better than assuming "
            f"that the order changes nothing."
        )
    return (
        f"On {orders} {words} really retrained, “{name}” explains {percent(r2)}"
        f"{_percent_range(measured, 'r2')} of what the order changes in the samples’ final losses."
    )


def details(reports: Sequence[FidelityReport], family: str, name: str) -> str:
    """Its intervals, the best of the others, and where it is weakest."""
    report = next((r for r in reports if r.family == family), None)
    if report is None:
        return ""
    if name not in report.estimators and "+" in name.removesuffix("++"):
        return (
            "No saved report measures it, since it learns from the very orders that judge; below, "
            "each judges it without having taught it."
        )
    if name not in report.estimators:
        return (
            "The saved report lacks it; retraining more measures it, too. The orders "
            "already retrained judge it in the figures below."
        )
    measured = report.estimators[name]
    parts = (
        _intervals(measured.coverage90),
        held_out(measured.r2_heldout, measured.coverage90_heldout),
        _weakest(reports, family, name),
        _rival(report, name),
    )
    return " ".join(part for part in parts if part)


def held_out(r2: float | None, coverage: float | None, judged_by: str = "") -> str:
    """What it explains of held-out losses, and how often its intervals hold them."""
    if r2 is None or not math.isfinite(r2):
        return ""
    told = f"explains {percent(r2)}" if r2 > 0.005 else "explains nothing"
    said = f"Of what an order changes in held-out losses it {told}{judged_by}"
    if coverage is None or not math.isfinite(coverage):
        return f"{said}."
    return f"{said}; the 90 % intervals of these held {percent(coverage)}."


def _intervals(coverage: float | None) -> str:
    if coverage is None:
        return "It gives no intervals."
    held = f"Its 90 % intervals held the truth {percent(coverage)} of the time"
    if coverage < PROMISED - _NEAR_PROMISE:
        return f"{held}: they are too narrow, allow for more."
    if coverage > PROMISED + _NEAR_PROMISE:
        return f"{held}: they are wider than they need be."
    return f"{held}, close to what they promise."


def _rival(report: FidelityReport, name: str) -> str:
    others = {
        other: measured.r2
        for other, measured in report.estimators.items()
        if other not in (name, "reference") and measured.r2 is not None
    }
    if not others:
        return ""
    best = max(others, key=lambda other: others[other])
    reached = percent(others[best]) if others[best] > 0 else "nothing"
    return f"The best of the others, “{best}”, explains {reached}."


def _weakest(reports: Sequence[FidelityReport], family: str, name: str) -> str:
    measured = {
        report.family: r2
        for report in reports
        if (r2 := report.estimators.get(name, Measured()).r2) is not None
    }
    if len(measured) < 2 or name == "reference":
        return ""
    worst = min(measured, key=lambda one: measured[one])
    if worst == family:
        return f"On no other family is “{name}” as weak."
    share = percent(measured[worst]) if measured[worst] > 0 else "nothing"
    return f"“{name}” is weakest on {FAMILY_WORDS.get(worst, worst)}, where it explains {share}."


def trust_verdict(axis: str, ranks: Mapping[str, float], family: str) -> str:
    """Whether an order's distance, or its expected error, tells how far to trust its estimate."""
    over_all = ranks.get("all", math.nan)
    if not math.isfinite(over_all):
        return ""
    what = {"distance": "The distance", "expected": "The expected error"}[axis]
    if over_all >= 0.7:
        verdict = f"{what} tells well which estimates to trust"
    elif over_all >= 0.35:
        verdict = f"{what} tells roughly which estimates to trust"
    else:
        verdict = f"{what} does not tell which estimates to trust"
    said = f"{verdict}: its Spearman with the error, over all orders, is {_signless(over_all)}."
    within = ranks.get(family, math.nan)
    if math.isfinite(within):
        words = FAMILY_WORDS.get(family, family)
        unlike = " only" if within < 0.35 <= over_all else ""
        said += f" Among {words} alone it is{unlike} {_signless(within)}."
    return said


def _signless(rho: float) -> str:
    return f"{rho:.2f}".replace("-", "−")


def _percent_range(measured: Measured, key: str) -> str:
    ends = measured.interval(key)
    return "" if ends is None else f" (95 % interval {100 * ends[0]:.0f} to {100 * ends[1]:.0f} %)"


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"
