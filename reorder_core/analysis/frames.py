"""DataFrames read by line, with the types that pandas leaves open."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def lines(frame: pd.DataFrame, keep: Any) -> pd.DataFrame:
    """The lines where `keep` is True."""
    found = frame[keep]
    assert isinstance(found, pd.DataFrame)  # a mask never picks a column
    return found


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Each line as a dict by column."""
    return [{str(k): v for k, v in one.items()} for one in frame.to_dict("records")]


def column(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """One column's numbers."""
    return frame[name].to_numpy(np.float64)


def grouped(frame: pd.DataFrame, name: str) -> list[tuple[Any, pd.DataFrame]]:
    """The lines with each value of a column, values as they first come."""
    return [(value, lines(frame, frame[name] == value)) for value in dict.fromkeys(frame[name])]
