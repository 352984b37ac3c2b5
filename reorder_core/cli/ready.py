"""`python -m reorder_core.cli.ready`: loads PyTorch before it is told which command to be.

Whoever keeps one writes a line to its standard input, the command's arguments as a JSON list,
and then what the command itself reads there. Where that end is closed instead, it just ends.
"""

import json
import os
import sys


def main() -> None:
    """Load what training needs, wait, and be the command that is asked for."""
    import reorder_core.judge.fidelity
    import reorder_core.training.loop  # noqa: F401  PyTorch and the model come with it
    from reorder_core.cli import commands

    line = _first_line()
    if line:
        sys.argv = ["reorder_core", *json.loads(line)]
        commands.main()


def _first_line() -> bytes:
    """Byte by byte: what follows is for the command, which opens the stream itself."""
    found = bytearray()
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        found += byte
    return bytes(found)


if __name__ == "__main__":
    main()
