"""DataFrames read by line, with the types that pandas leaves open."""

from typing import Any

import pandas as pd


def lines(frame: pd.DataFrame, keep: Any) -> pd.DataFrame:
    """The lines where `keep` is True."""
    found = frame[keep]
    assert isinstance(found, pd.DataFrame)  # a mask never picks a column
    return found


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Each line as a dict by column."""
    return [{str(k): v for k, v in one.items()} for one in frame.to_dict("records")]
