"""Retraining more from the fidelity page: the commands, their buttons, how far they are."""

from reorder_core.estimators import ESTIMATORS, LIVE_ESTIMATORS
from reorder_core.judge.heat_map import SEED
from reorder_core.judge.verified import USUAL_SEED
from reorder_core.store.run import Run
from ui.app import job_buttons, jobs
from ui.pages.fidelity_sentences import FAMILY_WORDS, best_reports
from ui.queries import judged

MORE = 8
"""How many orders one press of the button adds."""
HEAT_MAP = "heat map"
"""Name of the job that retrains the heat map's missing moves."""


def more(run: Run, family: str, estimator: str) -> tuple[str, tuple[str, ...]]:
    """Name and arguments of the command that measures a family on MORE further orders.

    It draws those of the family's report again, of which the ledger knows the truth.
    """
    report = next((r for r in best_reports(run.fidelity) if r.family == family), None)
    had, seed, names = 0, USUAL_SEED, list(LIVE_ESTIMATORS)
    if report is not None:
        had, seed = report.orders, report.seed
        names = [name for name in report.estimators if name in ESTIMATORS]
        names += [estimator] if estimator in ESTIMATORS and estimator not in names else []
    arguments = ("fidelity", str(run.path), "--family", family, "--orders", str(had + MORE),
                 "--seed", str(seed), "--estimators", ",".join(names))  # fmt: skip
    return f"more {family}", arguments


def heat_map(run: Run) -> tuple[str, ...]:
    """Arguments of the command that retrains the heat map's missing moves."""
    moves = judged.moves(run)
    return ("heatmap", str(run.path), "--samples", str(len(moves.samples)), "--slots",
            str(len(moves.steps)), "--seed", str(SEED), "--estimators", "reference")  # fmt: skip


def more_orders(run: Run, family: str, estimator: str) -> None:
    """The button that retrains more orders of a family; while it works, how far it is."""
    name, arguments = more(run, family, estimator)
    measured = any(report.family == family for report in run.fidelity)
    orders = f"{'more ' if measured else ''}{FAMILY_WORDS.get(family, family)}"
    about = (
        f"Draws {MORE} {orders}, really trains the model on each in the background, adds them to "
        "the ledger and measures every estimator again."
    )
    job_buttons.show(run, name, f"Retrain {MORE} {orders}", about, arguments)


def missing_moves(run: Run, missing: int, seconds: float) -> None:
    """The button that retrains the moves whose truth is unknown."""
    job = jobs.queue().find(run.id, HEAT_MAP)
    if not missing and not (job is not None and job.active):
        return
    cost = f", about {1.3 * seconds * missing + 5:.0f} s" if seconds == seconds else ""
    label = f"Retrain {missing} missing move{'s' if missing != 1 else ''}{cost}"
    about = "Really trains the model once a move, in the background."
    job_buttons.show(run, HEAT_MAP, label, about, heat_map(run))
