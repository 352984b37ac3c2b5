"""`curriculum`: search for an order that serves an objective, verified by real training."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from reorder_core.cli import printing
from reorder_core.cli.progress import ProgressReport
from reorder_core.export.plain import for_terminal
from reorder_core.store.files import finite
from reorder_core.store.run import open_run


def curriculum(
    run_path: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder made by build.")],
    objective: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT",
            help="heldout, domain:NAME, weighted:NAME=2,NAME=1, worst, remember:IDS, forget:IDS, "
            "quantity:NAME or quantity:NAME:IDS; "
            "given more than once, the best compromises are searched for.",
        ),
    ] = None,
    budget: Annotated[
        float,
        typer.Option(metavar="RRE", help="What retrainings may cost, in reference trainings."),
    ] = 8,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    within_first_half: Annotated[
        str, typer.Option(metavar="IDS", help="Ids, ranges, flags or domains, separated by commas.")
    ] = "",
    keep_domains_whole: Annotated[
        bool, typer.Option("--keep-domains-whole", help="Every domain stands in one block.")
    ] = False,
    max_moves: Annotated[
        int | None, typer.Option(metavar="M", help="From the reference order at most.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
) -> None:
    """Search for an order that serves an objective; a search cut off is resumed."""
    run = open_run(run_path)
    from reorder_core.curricula.asked import Asked, understand
    from reorder_core.curricula.result import answer
    from reorder_core.curricula.searching import search

    asked = Asked(
        tuple(objective or ["heldout"]), budget, seed, within_first_half, keep_domains_whole,
        max_moves,
    )  # fmt: skip
    with ProgressReport() as on_progress:
        state = search(run, asked, on_progress)
    found = answer(understand(run, asked), state)
    if as_json:
        print(json.dumps(finite(found), ensure_ascii=False, allow_nan=False))
    else:
        print_curriculum(found, str(state.path))


def print_curriculum(found: dict[str, Any], path: str) -> None:
    """The verdict, then all that was verified and proposed, the best first."""
    print(for_terminal(found["verdict"]))
    print(f"{found['retrainings']} retrainings, {found['rre']:.1f} RRE beyond the build; "
          f"found by {for_terminal(found['source'])}; estimates: {found['knows']}")  # fmt: skip
    objectives = _many(found["objective"])
    columns = ["order"]
    for name in objectives:
        columns += [f"{name}: estimated", "90 %", "retrained"]
    rows = [
        (part["source"], *_cells(part["estimated"], part["realised"], objectives))
        for part in found["verified"] if part["round"]
    ]  # fmt: skip
    for name, part in found["proposals"].items():
        parts = zip(*(_many(part[key]) for key in ("estimated", "lo", "hi")), strict=True)
        estimated = [dict(zip(("value", "lo", "hi"), values, strict=True)) for values in parts]
        rows.append((name, *_cells(estimated, part["realised"], objectives)))
    printing.print_table(columns, rows)
    print(f'the order is in {path}, and under "order" with --json')


def _cells(estimated: Any, realised: Any, objectives: list[str]) -> list[str]:
    truths = [None] * len(objectives) if realised is None else _many(realised)
    cells = []
    for one, truth in zip(_many(estimated), truths, strict=True):
        cells += [f"{one['value']:.4f}", f"{one['lo']:.4f} … {one['hi']:.4f}"]
        cells.append("" if truth is None else f"{truth:.4f}")
    return cells


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
