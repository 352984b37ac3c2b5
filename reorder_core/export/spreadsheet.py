"""Cells of a CSV file that no spreadsheet takes for a formula: sample text is untrusted."""

from typing import Any

import pandas as pd

from reorder_core.export.plain import whole

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def neutral(table: pd.DataFrame) -> pd.DataFrame:
    """The table with an apostrophe before every text that a spreadsheet would execute."""
    words = [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    return table.assign(**{name: table[name].map(_neutral) for name in words})


def _neutral(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = whole(value)
    marked = f"'{text}" if text.lstrip(" ").startswith(_FORMULAS) else text
    return marked.replace("\r", " ")  # which the csv module of Python 3.11 leaves unquoted
