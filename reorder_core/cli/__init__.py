"""The command line: `python -m reorder_core`."""
