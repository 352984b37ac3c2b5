"""python -m reorder_core: build a run, ask it, retrain to judge it.

torch is imported by the commands that train, never by those that only ask.
"""

import functools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from reorder_core.cli import printing, quantities
from reorder_core.cli.curriculum import curriculum
from reorder_core.cli.progress import ProgressReport
from reorder_core.cli.recall import recall
from reorder_core.config import read_config
from reorder_core.errors import ConfigError, EstimatorError, ReorderError, told
from reorder_core.execution.executor import open_executor
from reorder_core.export.plain import for_terminal
from reorder_core.importing.bringing import import_run
from reorder_core.orders.families import FAMILIES
from reorder_core.orders.order import Order, order_hash, read_order
from reorder_core.recording.layout import CONFIG as RECORDED
from reorder_core.store.files import finite
from reorder_core.store.manifest import RUN_FILE, read_manifest
from reorder_core.store.run import Run, open_run
from reorder_core.store.texts import read_report

app = typer.Typer(
    help="What would the model have learned, had its samples come in another order?",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder made by build.")]
OrderPath = Annotated[
    Path,
    typer.Option(
        "--order",
        metavar="FILE",
        help='ids as 3 1 2, or JSON: [ids] or {"run": id, "order": [ids]}',
    ),
]
ExecutorName = Annotated[
    str,
    typer.Option(
        "--executor",
        metavar="NAME",
        help="here, local (processes on this machine), ray, or ray:ADDRESS of a cluster.",
    ),
]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes of local and ray.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def _told(command: Callable[..., None]) -> Callable[..., None]:
    """The command with what a user can put right told in one message, without a traceback."""

    @functools.wraps(command)
    def run(*args: Any, **options: Any) -> None:
        try:
            command(*args, **options)
            sys.stdout.flush()  # a closed pipe shows here, where typer still handles it
        except ReorderError as error:
            _fail(str(error), 1)
        except BrokenPipeError:
            raise  # whoever read our output has gone; typer ends quietly
        except OSError as error:
            _fail(told(error), 1)
        except ModuleNotFoundError as error:
            if error.name not in ("torch", "transformers", "tokenizers"):
                raise
            _fail(f"this command trains, and {error.name} is not installed: pip install torch", 1)
        except KeyboardInterrupt:
            _fail("interrupted; what is done is kept, the same command goes on from there", 130)

    return run


def _fail(message: str, code: int) -> None:
    print(for_terminal(f"error: {message}"), file=sys.stderr)
    raise typer.Exit(code)


@app.command()
@_told
def build(
    out: Annotated[Path, typer.Option("--out", metavar="RUN", help="Folder of the new run.")],
    config: Annotated[Path | None, typer.Argument(metavar="CONFIG", help="A YAML file.")] = None,
    recording: Annotated[
        Path | None,
        typer.Option("--from", metavar="RECORDING", help="A recorded training, not a CONFIG."),
    ] = None,
    executor: ExecutorName = "here",
    workers: Workers = 2,
    as_json: AsJson = False,
) -> None:
    """Train the reference run, precompute and publish; a run cut off is resumed."""
    if (config is None) == (recording is None):
        raise ConfigError("build takes a CONFIG, or --from RECORDING; give one of them")
    checked = read_config(config or recording / RECORDED)  # type: ignore[operator]
    from reorder_core.building.build import build_run  # imports torch

    already_built = (out / RUN_FILE).is_file()
    before = _published_stages(out)
    began = time.perf_counter()
    with open_executor(executor, workers) as working, ProgressReport() as on_progress:
        run = open_run(build_run(checked, out, on_progress, working))
    seconds = time.perf_counter() - began
    built = printing.about(run) | {
        "build_seconds": round(seconds, 1),
        "already_built": already_built,
        "gained": sorted(set(run.costs) - before) if before else [],
        "read": read_report(run.path / "corpus.json"),
    }
    _answer(built, as_json, lambda: printing.print_built(run, built))


@app.command()
@_told
def plan(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML file.")],
    budget: Annotated[
        float | None,
        typer.Option(min=0, metavar="RRE", help="Propose settings whose precomputation costs it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What a build of this configuration would cost and may expect. Trains nothing."""
    checked = read_config(config)
    from reorder_core.building.plan import make_plan  # imports torch

    found = make_plan(checked, budget)
    _answer(printing.planned(found), as_json, lambda: printing.print_plan(found))


@app.command()
@_told
def estimate(
    run_path: RunPath,
    order_path: OrderPath,
    estimator: Annotated[str, typer.Option("--estimator", metavar="NAME")] = "",
    as_json: AsJson = False,
) -> None:
    """Losses under another order, without retraining."""
    run, order = _opened(run_path, order_path)
    from reorder_core.estimators import DEFAULT, informing_runs, open_estimator
    from reorder_core.estimators.learning.retrainings import knowledge
    from reorder_core.estimators.read_outs import read_of

    opened = open_estimator(run, estimator or DEFAULT, informing_runs(run, order))
    known = knowledge(run, opened.fitted_on).words(opened.name)
    found = opened.estimate(order)
    values = quantities.of_estimate(run, found, read_of(opened, order))
    answer = printing.estimated_answer(run, found, known)
    answer |= quantities.record(run, values, ends=True)

    def show() -> None:
        printing.print_losses(run, answer)
        quantities.print_values(run, values, found.estimator)

    _answer(answer, as_json, show)


@app.command()
@_told
def retrain(run_path: RunPath, order_path: OrderPath, as_json: AsJson = False) -> None:
    """Ground truth: really train in another order, once; the ledger remembers."""
    run, order = _opened(run_path, order_path)
    from reorder_core.judge.fidelity import retrain_once

    with ProgressReport() as on_progress:
        found = retrain_once(run, order, on_progress)
    values = quantities.of_retraining(run, found)
    answer = printing.retrained_answer(run, found) | quantities.record(run, values)

    def show() -> None:
        printing.print_losses(run, answer)
        quantities.print_values(run, values, "retrained")

    _answer(answer, as_json, show)


@app.command()
@_told
def measure(
    run_path: RunPath,
    order_path: Annotated[
        Path | None,
        typer.Option("--order", metavar="FILE", help="An order retrained before; else reference."),
    ] = None,
    hashed: Annotated[
        str, typer.Option("--hash", metavar="HASH", help="The same, by its hash in the ledger.")
    ] = "",
    designed: Annotated[
        bool,
        typer.Option(
            "--designed", help="And of every designed retraining: what read-outs are corrected by."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """What only real parameters tell, of an order trained before: trains it once more.

    Of the reference run also what read-outs need that were registered after the build.
    """
    run = open_run(run_path)
    from reorder_core.estimators.read_outs import lacking_read_outs
    from reorder_core.judge.measuring import measure_again, retrained_order
    from reorder_core.quantities import VALUED

    at_own = order_path is not None or bool(hashed)
    if VALUED and not at_own and (lacking_read_outs(run) or designed):
        from reorder_core.building.read_outs import gain_read_outs, measure_designed

        with ProgressReport() as on_progress:
            if lacking_read_outs(run):
                gain_read_outs(run, on_progress)
                run = open_run(run_path)
            if designed:
                measure_designed(run, on_progress)

    order = run.reference_order
    if order_path is not None:
        order = read_order(order_path, run.id, run.visits)
    elif hashed:
        order = retrained_order(run, hashed)
    with ProgressReport() as on_progress:
        values = list(measure_again(run, order, on_progress).values())
    at_reference = order_hash(order) == order_hash(run.reference_order)
    name = "reference" if at_reference else "retrained"
    about = {"run": run.id, "order_hash": order_hash(order)}
    answer = about | quantities.record(run, values)
    _answer(answer, as_json, lambda: quantities.print_values(run, values, name))


@app.command()
@_told
def fidelity(
    run_path: RunPath,
    family: Annotated[str, typer.Option(help=f"One of {', '.join(FAMILIES)}.")] = "random",
    orders: Annotated[int, typer.Option(min=1, help="How many to retrain.")] = 32,
    seed: Annotated[int, typer.Option(min=0)] = 7,
    estimators: Annotated[
        str | None, typer.Option(metavar="A,B", help="Default: all that answer in a moment.")
    ] = None,
    executor: ExecutorName = "here",
    workers: Workers = 2,
    as_json: AsJson = False,
) -> None:
    """Estimates against real retraining, on orders that nothing was fitted to."""
    run = open_run(run_path)
    from reorder_core.judge.fidelity import measure

    names = _names(estimators)
    with open_executor(executor, workers) as working, ProgressReport() as on_progress:
        measured = measure(run, family, orders, seed, names, on_progress, working)
    _answer(measured.to_json(), as_json, lambda: printing.print_fidelity(measured))


@app.command()
@_told
def heatmap(
    run_path: RunPath,
    samples: Annotated[int, typer.Option(min=1, help="How many samples to move.")] = 6,
    slots: Annotated[int, typer.Option(min=1, help="To how many places each.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Draws the samples.")] = 7,
    estimators: Annotated[
        str | None, typer.Option(metavar="A,B", help="Default: all that the run supports.")
    ] = None,
    executor: ExecutorName = "here",
    workers: Workers = 2,
    as_json: AsJson = False,
) -> None:
    """What a sample's place does to its own loss: estimated maps against retraining's."""
    run = open_run(run_path)
    from reorder_core.judge.heat_map import measure, plan_moves

    moves = plan_moves(run, samples, slots, seed)
    with open_executor(executor, workers) as working, ProgressReport() as on_progress:
        measured = measure(run, moves, _names(estimators), on_progress, working)
    _answer(measured, as_json, lambda: printing.print_heat_map(measured))


app.command()(_told(curriculum))
app.command()(_told(recall))


@app.command()
@_told
def info(run_path: RunPath, as_json: AsJson = False) -> None:
    """What a run folder holds, what it cost and how far it can be trusted."""
    run, problem = printing.open_anyway(run_path)
    about = printing.about(run, problem)
    _answer(about, as_json, lambda: printing.print_about(run, about))
    if problem:
        _fail(problem, 1)


@app.command("import")
@_told
def import_(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A run's folder, or its zip.")],
    into: Annotated[
        Path, typer.Option("--into", metavar="FOLDER", help="The folder that runs lie in.")
    ] = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Bring in a run that was made elsewhere: whole, every digest compared, or not at all."""
    with ProgressReport() as on_progress:
        run = import_run(source, into, on_progress=on_progress)
    brought = {"run": run.id, "path": str(run.path), "retrained": len(run.ledger)}
    said = f"{run.id} is in {run.path}, with {len(run.ledger)} retrained orders"
    _answer(brought, as_json, lambda: print(for_terminal(said)))


def _published_stages(path: Path) -> set[str]:
    """Build stages of the run that is published there; none where none can be read."""
    try:
        return set(read_manifest(path).costs)
    except ReorderError:
        return set()


def _opened(run_path: Path, order_path: Path) -> tuple[Run, Order]:
    run = open_run(run_path)
    return run, read_order(order_path, run.id, run.visits)


def _names(estimators: str | None) -> list[str]:
    if estimators is None:
        from reorder_core.estimators import LIVE_ESTIMATORS

        return list(LIVE_ESTIMATORS)
    names = [name.strip() for name in estimators.split(",") if name.strip()]
    if not names:
        raise EstimatorError("--estimators names none; give one or more, separated by commas")
    return names


def _answer(value: dict[str, Any], as_json: bool, show: Callable[[], None]) -> None:
    if as_json:
        print(json.dumps(finite(value), ensure_ascii=False, allow_nan=False))
    else:
        show()


def main() -> None:
    """Run the command line and exit."""
    app(prog_name="python -m reorder_core")
