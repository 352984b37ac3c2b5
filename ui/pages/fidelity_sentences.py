"""What a fidelity report says, in words: for somebody with ten seconds and no trust."""

from collections.abc import Sequence

from reorder_core.records.fidelity import FidelityReport, Measured

FAMILY_WORDS = {
    "random": "random orders",
    "move": "single moves",
    "blocks": "block orders",
    "curriculum": "curricula",
    "heat map": "heat-map moves",
    "by hand": "orders chosen by hand",
}
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
    if name not in report.estimators:
        return (
            "The saved report lacks it; retraining more measures it, too. The orders "
            "already retrained judge it in the figures below."
        )
    parts = (
        _intervals(report.estimators[name].coverage90),
        _rival(report, name),
        _weakest(reports, family, name),
    )
    return " ".join(part for part in parts if part)


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
        return "On no other family is it as weak."
    share = percent(measured[worst]) if measured[worst] > 0 else "nothing"
    return f"It is weakest on {FAMILY_WORDS.get(worst, worst)}, where it explains {share}."


def _percent_range(measured: Measured, key: str) -> str:
    ends = measured.interval(key)
    return "" if ends is None else f" (95 % interval {100 * ends[0]:.0f} to {100 * ends[1]:.0f} %)"


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"
