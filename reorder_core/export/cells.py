"""Cells of a CSV file that no spreadsheet takes for a formula: sample text is untrusted."""

from typing import Any

import pandas as pd

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def neutral(table: pd.DataFrame) -> pd.DataFrame:
    """The table with an apostrophe before every text that a spreadsheet would execute."""
    words = [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    return table.assign(**{name: table[name].map(_neutral) for name in words})


def _neutral(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULAS):
        return f"'{value}"
    return value
