"""The fidelity page's parts: what is shown, the orders that judge it, more of them on request."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from reorder_core.errors import OrderError, ReorderError
from reorder_core.estimators import ESTIMATORS, LIVE_ESTIMATORS
from reorder_core.judge.heat_map import SEED
from reorder_core.judge.verified import USUAL_SEED
from reorder_core.orders.families import FAMILIES
from reorder_core.store.run import Run
from ui.app import component, jobs, open_run, state, visitors
from ui.pages import fidelity_records, fidelity_sentences
from ui.queries import estimates, judged
from ui.timeline.address import RUN

ESTIMATOR, FAMILY = "estimator", "family"
MORE = 8
"""How many orders one press of the button adds."""
HEAT_MAP_JOB = "heat map"
_FIRST_SECONDS, _SLICE_SECONDS, _POLL_SECONDS = 1.2, 0.6, 0.1


@dataclass(frozen=True, slots=True)
class View:
    """What the page shows."""

    estimator: str
    family: str
    notice: str = ""
    """What the reader should know about their link or their last request."""

    @property
    def address(self) -> dict[str, str]:
        return {ESTIMATOR: self.estimator, FAMILY: self.family}


def follow(run: Run) -> View:
    """What the address asks for; coming back to the page, what was shown last."""
    entered = state.enter("fidelity")
    names = (RUN, ESTIMATOR, FAMILY)
    address = {name: st.query_params[name] for name in names if name in st.query_params}
    if entered and not address and (last := state.fidelity_view()):
        address = last | {RUN: run.id}  # links between pages drop the address's parameters
        st.query_params.from_dict(address)
    view = read(address, run)
    state.set_fidelity_view(view.address)
    return view


def read(address: dict[str, str], run: Run) -> View:
    """The view in an address; what it cannot show is replaced, and the notice says so."""
    wrong = []
    linked = address.get(RUN, run.id)
    if linked != run.id:
        wrong.append(
            f"This link was made for run {linked[:60]!r}; the open run is {run.id!r}, shown here. "
            "For the other, start the app with --run on its folder."
        )
    estimator, family = address.get(ESTIMATOR, estimates.ESTIMATOR), address.get(FAMILY, "random")
    if estimator not in ESTIMATORS:
        wrong.append(f"There is no estimator {estimator[:60]!r}; there are {_list(ESTIMATORS)}.")
        estimator = estimates.ESTIMATOR
    if family not in FAMILIES:
        wrong.append(f"There is no family {family[:60]!r}; there are {_list(FAMILIES)}.")
        family = "random"
    return View(estimator, family, " ".join(wrong))


def show(run: Run, view: View) -> None:
    """The instrument itself; the reports are at once there, the judging orders follow."""
    reports = fidelity_sentences.best_reports(run.fidelity)
    component.fidelity(
        {
            "run": run.id,
            "estimator": view.estimator,
            "family": view.family,
            "notice": view.notice or state.fidelity_notice() or " ".join(run.problems[:1]),
            "more": MORE,
            "reports": fidelity_records.reports(reports, view.estimator),
            "families": fidelity_records.families(run, reports),
            "estimators": fidelity_records.estimators(),
            "command": f"python -m reorder_core fidelity {open_run.shown(run.path)} "
            f"--family {view.family} --orders 32 --seed {USUAL_SEED}",
        },
        on_event=lambda: _on_event(run, view),
    )


def judge(run: Run, view: View) -> None:
    """Send what the ledger's orders say of the estimator, computed in slices while it lacks."""
    lacking = _work(run, view.estimator, _FIRST_SECONDS)
    st.fragment(_judge, run_every=_POLL_SECONDS if lacking else None)(run, view, lacking > 0)


def _judge(run: Run, view: View, working: bool) -> None:
    if working and _work(run, view.estimator, _SLICE_SECONDS) == 0:
        st.rerun()  # ends the polling
    try:
        record = _record_so_far(run, view.estimator, working)
    except ReorderError as error:
        record = {"state": "failed", "message": str(error)}
    component.publish("judged", {"run": run.id, "estimator": view.estimator, **record})


def _work(run: Run, estimator: str, seconds: float) -> int:
    try:
        return judged.work(run, estimator, judged.orders(run, estimator), seconds)
    except ReorderError:  # told when the record is made
        return 0


def _record_so_far(run: Run, estimator: str, working: bool) -> dict[str, Any]:
    if working:
        asked = len(judged.orders(run, estimator))
        return {"state": "working", "done": len(judged.known(run, estimator)), "total": asked}
    key = (run.fingerprint, run.ledger.stamp, judged.reports_key(run))
    return _record(run, *key, estimator)


@st.cache_data(max_entries=8, show_spinner=False)
def _record(
    _run: Run, fingerprint: str, ledger: str, reports: tuple[Any, ...], estimator: str
) -> dict[str, Any]:
    return fidelity_records.judged_record(_run, estimator)


def _on_event(run: Run, view: View) -> None:
    payload = state.event(state.FIDELITY)
    if payload is None:
        return
    state.set_fidelity_notice("")
    try:
        _obey(payload, run, view)
    except OrderError as error:
        state.set_fidelity_notice(f"Not done: {error}.")


def _obey(payload: Any, run: Run, view: View) -> None:
    if not isinstance(payload, dict):
        raise OrderError(f"the browser sent {type(payload).__name__}, no request; reload the page")
    if payload.get("run") != run.id:
        raise OrderError(
            f"this page shows run {str(payload.get('run'))[:60]!r}, but the app now serves "
            f"{run.id!r}; reload the page"
        )
    command = payload.get("type")
    asked = read({name: str(payload[name]) for name in view.address if name in payload}, run)
    if asked.notice:
        raise OrderError(asked.notice.rstrip("."))
    if command in ("more", "heatmap", "cancel"):
        visitors.must_be_free_to("retrain or cancel")
    if command == "show":
        st.query_params.from_dict({RUN: run.id} | asked.address)
    elif command == "more":
        name, arguments = more(run, asked)
        jobs.queue().submit_batch(run.path, run.id, name, arguments)
    elif command == "heatmap":
        jobs.queue().submit_batch(run.path, run.id, HEAT_MAP_JOB, heat_map(run))
    elif command == "cancel":
        jobs.queue().cancel(run.id, str(payload.get("job")))
    else:
        raise OrderError(f"unknown request {str(command)[:40]!r} from the browser; reload the page")


def more(run: Run, view: View) -> tuple[str, tuple[str, ...]]:
    """Name and arguments of the command that measures a family on MORE further orders.

    It draws those of the family's report again, of which the ledger knows the truth.
    """
    reports = fidelity_sentences.best_reports(run.fidelity)
    report = next((r for r in reports if r.family == view.family), None)
    had, seed, names = 0, USUAL_SEED, list(LIVE_ESTIMATORS)
    if report is not None:
        had, seed = report.orders, report.seed
        names = [name for name in report.estimators if name in ESTIMATORS]
        names += [view.estimator] if view.estimator not in names else []
    arguments = ("fidelity", str(run.path), "--family", view.family, "--orders", str(had + MORE),
                 "--seed", str(seed), "--estimators", ",".join(names))  # fmt: skip
    return f"more {view.family}", arguments


def heat_map(run: Run) -> tuple[str, ...]:
    """Arguments of the command that retrains the heat map's missing moves."""
    moves = judged.moves(run)
    return ("heatmap", str(run.path), "--samples", str(len(moves.samples)), "--slots",
            str(len(moves.steps)), "--seed", str(SEED), "--estimators", "reference")  # fmt: skip


def _list(names: Any) -> str:
    return ", ".join(names)
