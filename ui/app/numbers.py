"""Numbers as a reader of papers expects them: a real minus, fixed digits; as shared/format.js."""

import math

MISSING = "–"
"""For what is not known: never zero, which reads as a perfect loss."""


def number(value: float | None, digits: int = 3) -> str:
    """`1.142`, `−0.012`, `0.000`."""
    if value is None or not math.isfinite(value):
        return MISSING
    shown = f"{abs(value):.{digits}f}"
    return f"−{shown}" if value < 0 and float(shown) else shown


def signed(value: float | None, digits: int = 3) -> str:
    """`+0.012`, `−0.012`, `0.000`."""
    shown = number(value, digits)
    rises = value is not None and 0 < value < math.inf and float(shown)
    return f"+{shown}" if rises else shown


def interval(low: float, high: float, digits: int = 3) -> str:
    """`[−0.012, +0.004]`"""
    return f"[{signed(low, digits)}, {signed(high, digits)}]"


def seconds(value: float) -> str:
    """`12 s`, `2 min 30 s`; at least a second."""
    if value < 90:
        return f"{max(1, round(value))} s"
    return f"{int(value // 60)} min {round(value % 60)} s"


def clip(text: str, longest: int) -> str:
    """One line of at most so many letters."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def side(low: float, high: float) -> str:
    """Where an interval lies: above zero, below it, or around it."""
    return "rise" if low > 0 else "fall" if high < 0 else "unclear"


def digits_for(spread: float) -> int:
    """Digits that show a spread of this size with two or three significant figures."""
    if not spread > 0:
        return 3
    return min(5, max(2, 1 - math.floor(math.log10(spread))))
