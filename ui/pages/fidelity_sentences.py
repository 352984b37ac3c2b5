"""What a fidelity report says, in words: for somebody with ten seconds and no trust."""

from collections.abc import Mapping, Sequence
from typing import Any

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

Report = Mapping[str, Any]


def best_reports(reports: Sequence[Report]) -> list[Report]:
    """One report a family: that with most orders, of equals the first (the newest)."""
    best: dict[str, Report] = {}
    for report in reports:
        family = str(report.get("family"))
        if family not in best or report.get("orders", 0) > best[family].get("orders", 0):
            best[family] = report
    places = list(FAMILY_WORDS)
    return sorted(
        best.values(),
        key=lambda report: places.index(report["family"]) if report["family"] in places else 99,
    )


def headline(report: Report, name: str) -> str:
    """How much of the order's effect the estimator explains."""
    measured: Report = report["estimators"].get(name) or {}
    orders, words = report.get("orders"), FAMILY_WORDS.get(report["family"], report["family"])
    r2 = measured.get("r2")
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
        f"On {orders} {words} really retrained, “{name}” explains {_percent(r2)}"
        f"{_percent_range(measured, 'r2')} of what the order changes in the samples’ final losses."
    )


def details(reports: Sequence[Report], family: str, name: str) -> str:
    """Its intervals, the best of the others, and where it is weakest."""
    report = next((r for r in reports if r["family"] == family), None)
    if report is None:
        return ""
    if name not in report["estimators"]:
        return (
            "The saved report lacks it; retraining more measures it, too. The orders "
            "already retrained judge it in the figures below."
        )
    parts = (
        _intervals(report["estimators"][name].get("coverage90")),
        _rival(report, name),
        _weakest(reports, family, name),
    )
    return " ".join(part for part in parts if part)


def _intervals(coverage: float | None) -> str:
    if coverage is None:
        return "It gives no intervals."
    held = f"Its 90 % intervals held the truth {_percent(coverage)} of the time"
    if coverage < PROMISED - _NEAR_PROMISE:
        return f"{held}: they are too narrow, allow for more."
    if coverage > PROMISED + _NEAR_PROMISE:
        return f"{held}: they are wider than they need be."
    return f"{held}, close to what they promise."


def _rival(report: Report, name: str) -> str:
    others = {
        other: values["r2"]
        for other, values in report["estimators"].items()
        if other not in (name, "reference") and values.get("r2") is not None
    }
    if not others:
        return ""
    best = max(others, key=lambda other: others[other])
    reached = _percent(others[best]) if others[best] > 0 else "nothing"
    return f"The best of the others, “{best}”, explains {reached}."


def _weakest(reports: Sequence[Report], family: str, name: str) -> str:
    measured = {
        str(report["family"]): report["estimators"][name]["r2"]
        for report in reports
        if report["estimators"].get(name, {}).get("r2") is not None
    }
    if len(measured) < 2 or name == "reference":
        return ""
    worst = min(measured, key=lambda one: measured[one])
    if worst == family:
        return "On no other family is it as weak."
    share = _percent(measured[worst]) if measured[worst] > 0 else "nothing"
    return f"It is weakest on {FAMILY_WORDS.get(worst, worst)}, where it explains {share}."


def _percent_range(measured: Mapping[str, Any], key: str) -> str:
    low, high = (measured.get("ci") or {}).get(key) or (None, None)
    if low is None or high is None:
        return ""
    return f" (95 % interval {100 * low:.0f} to {100 * high:.0f} %)"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
