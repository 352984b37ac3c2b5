"""Tables on stdout."""

import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from reorder_core.export.plain import for_terminal


def print_table(columns: list[str], rows: Any) -> None:
    """A table on stdout; numbers to the right."""
    table = Table(box=None, show_header=any(columns), pad_edge=False)
    for index, column in enumerate(columns):
        first = index == 0 or not any(columns)
        table.add_column(column, justify="left" if first else "right", min_width=5)
    for row in rows:
        table.add_row(*(for_terminal(str(cell)) for cell in row))
    # A pipe has no width; what a program or a log reads is not cut.
    width = None if sys.stdout.isatty() else 160
    Console(markup=False, highlight=False, width=width).print(table)
