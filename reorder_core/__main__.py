"""`python -m reorder_core`."""

from reorder_core.cli.commands import main

if __name__ == "__main__":
    main()
