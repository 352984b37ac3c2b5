"""What `plan` and `build` print of the text that they read."""

from collections.abc import Mapping
from typing import Any

from reorder_core.cli.tables import print_table
from reorder_core.corpus.reading.cleaning import shown

_NAME, _MOST_DOMAINS = 40, 40


def print_read(read: Mapping[str, Any]) -> None:
    """Counts, what was left out and why, domains, and how three samples begin.

    All that comes from the text is one line without control characters.
    """
    counts = f"{read['documents']:,} documents"
    if read["files"]:
        counts = f"{read['files']:,} files, {read['rows']:,} rows of tables, {counts}"
    print(f"read: {counts}, {read['duplicates']:,} of them duplicates and dropped")
    for note in read["notes"]:
        print(f"  {shown(note, 400)}")
    for name, why in read["left_out"].items():
        print(f"  left out domain {shown(name, _NAME)!r}: too little text, {why}")
    if read["left_out"]:
        print("  name domains in corpus.domains to decide otherwise")
    rows = [
        (shown(name, _NAME), *(f"{domain[key]:,}" for key in
         ("documents", "characters", "train", "probes", "base")))
        for name, domain in read["domains"].items()
    ]  # fmt: skip
    columns = ["domain", "documents", "characters", "samples", "probes", "base samples"]
    print_table(columns, rows[:_MOST_DOMAINS])
    if len(rows) > _MOST_DOMAINS:
        print(f"… and {len(rows) - _MOST_DOMAINS} more domains")
    for beginning in read["beginnings"]:
        print(f"  {shown(beginning['source'], 60)}: {shown(beginning['text'], 80)}")
