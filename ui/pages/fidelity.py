"""The fidelity page: which estimator and family, what was measured, what the ledger says."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from reorder_core.errors import ReorderError
from reorder_core.estimators import ABOUT, DEFAULT
from reorder_core.judge.verified import USUAL_SEED
from reorder_core.orders.families import families_of
from reorder_core.store.run import Run
from ui.app import open_run, state
from ui.app.markdown import plain
from ui.app.open_run import RUN
from ui.pages import (
    fidelity_figures,
    fidelity_frames,
    fidelity_jobs,
    fidelity_sentences,
    fidelity_tables,
)
from ui.queries import estimates, judged

ESTIMATOR, FAMILY = "estimator", "family"
FAMILY_TIPS = (
    "Random: uniformly random orders of all samples. Moves: one sample put elsewhere, or two "
    "exchanged. Blocks: whole steps or domains in another order. Curricula: sorted by length or "
    "domain, mixed or apart."
)
_SLICE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Choice:
    """What the page shows."""

    estimator: str
    family: str
    notice: str = ""
    """What the reader should know about their link."""

    @property
    def address(self) -> dict[str, str]:
        return {ESTIMATOR: self.estimator, FAMILY: self.family}


def follow(run: Run) -> Choice:
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


def read(address: dict[str, str], run: Run) -> Choice:
    """The view in an address; what it cannot show is replaced, and the notice says so."""
    wrong = []
    linked = address.get(RUN, run.id)
    if linked != run.id:
        wrong.append(
            f"This link was made for run {linked[:60]!r}; the open run is {run.id!r}, shown here. "
            "For the other, start the app with --run on its folder."
        )
    estimator, family = address.get(ESTIMATOR, estimates.ESTIMATOR), address.get(FAMILY, "random")
    if estimator not in judged.CHOICES:
        wrong.append(
            f"There is no estimator {estimator[:60]!r}; there are {', '.join(judged.CHOICES)}."
        )
        estimator = estimates.ESTIMATOR
    families = families_of(run.visits)
    if family not in families:
        wrong.append(f"There is no family {family[:60]!r}; there are {', '.join(families)}.")
        family = "random"
    return Choice(estimator, family, " ".join(wrong))


def verdict(run: Run, view: Choice) -> None:
    """The page's first lines: how much the estimator explains, and where it is weak."""
    reports = fidelity_sentences.best_reports(run.fidelity)
    report = next((r for r in reports if r.family == view.family), None)
    if view.notice:
        st.warning(plain(view.notice), icon=":material/link_off:")
    with st.container(key="ro_verdict"):
        if report is not None:
            st.title(plain(fidelity_sentences.headline(report, view.estimator)), anchor=False)
            st.markdown(plain(fidelity_sentences.details(reports, view.family, view.estimator)))
            return
        words = fidelity_sentences.FAMILY_WORDS[view.family]
        st.title(f"Not yet measured on {words}.", anchor=False)
        st.markdown(
            "Until it is, take estimates of such orders with reserve. The button below retrains "
            f"{fidelity_jobs.MORE} of them and measures every estimator; for more, run this:"
        )
        st.code(
            f"python -m reorder_core fidelity {open_run.shown(run.path)} --family {view.family} "
            f"--orders 32 --seed {USUAL_SEED}",
            language="bash",
        )


def choices(run: Run, view: Choice) -> None:
    """The choice of family and estimator, kept in the address, and the button for more orders."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="ro_fidelity_choices"):
        st.segmented_control(
            "Orders that judge", list(families_of(run.visits)), required=True, help=FAMILY_TIPS,
            format_func=lambda name: fidelity_sentences.FAMILY_WORDS.get(name) or name,
            key=state.show(state.FIDELITY_FAMILY, view.family),
            on_change=lambda: _choose(run, view),
        )  # fmt: skip
        st.selectbox(
            "Estimator", _estimators(run), format_func=_about, width=420,
            key=state.show(state.FIDELITY_ESTIMATOR, view.estimator),
            on_change=lambda: _choose(run, view),
        )  # fmt: skip
        fidelity_jobs.more_orders(run, view.family, view.estimator)


def _choose(run: Run, view: Choice) -> None:
    """Put what was just chosen into the address, which the page then follows."""
    family = state.shown(state.FIDELITY_FAMILY) or view.family
    estimator = state.shown(state.FIDELITY_ESTIMATOR) or view.estimator
    st.query_params.from_dict({RUN: run.id, ESTIMATOR: estimator, FAMILY: family})


def _estimators(run: Run) -> list[str]:
    """Those that a report measured come first."""
    measured = {name for report in run.fidelity for name in report.estimators}
    return sorted(judged.CHOICES, key=lambda name: name not in measured)


def _about(name: str) -> str:
    bare = name.removesuffix(judged.INFORMED)
    told = "" if bare == name else "; as the Timeline asks it, it knows the ledger’s others too"
    default = "the app’s default: " if bare == DEFAULT else ""
    return f"{name} – {default}{ABOUT[bare]}{told}"


def reports(run: Run, view: Choice) -> None:
    """The saved report of the family: every estimator beside the others."""
    best = fidelity_sentences.best_reports(run.fidelity)
    report = next((r for r in best if r.family == view.family), None)
    if report is not None:
        fidelity_tables.reports(run, report, view.estimator)


def judge(run: Run, view: Choice) -> bool:
    """What the ledger's orders say of the estimator; whether some are still to be estimated.

    While some are, the page is drawn again and again, each time after a slice of the work:
    a fragment that polls would meet the page's own reruns.
    """
    if _work(run, view.estimator, _SLICE_SECONDS) == 0:
        st.fragment(_judge)(run, view)
        return False
    asked = max(1, len(judged.orders(run, view.estimator)))
    done = min(asked, len(judged.known(run, view.estimator)))
    st.progress(done / asked, text=f"estimating the retrained orders: {done} of {asked} …")
    return True


def _judge(run: Run, view: Choice) -> None:
    if query := state.take_opening():
        st.switch_page("pages/timeline.py", query_params={RUN: run.id} | query)
    try:
        found, heat = _judged(run, view.estimator)
    except ReorderError as error:
        st.info(f"The retrained orders cannot judge this estimator: {plain(str(error))}")
        return
    with st.container(key="ro_judged"):
        _draw(run, view, found, heat)


def _draw(
    run: Run, view: Choice, found: fidelity_frames.Judging | None, heat: fidelity_frames.HeatMaps
) -> None:
    fitted = judged.fitted(run, view.estimator)
    known = judged.answers(run, view.estimator)
    words = known.knows().words(known.name)
    shown = fidelity_figures.Shown(run, words, view.family)
    if found is None:
        st.info(
            f"All {fitted} retrained orders in the ledger were used to fit this estimator; none is "
            "left to judge it. Retrain some more with the button above."
            if fitted
            else "No order was retrained yet, so nothing can judge the estimates. Retrain some "
            "with the button above."
        )
        fidelity_figures.heat_maps(shown, heat)
        return
    left, right = st.columns(2)
    with left:
        fidelity_figures.points(shown, found)
    with right:
        fidelity_figures.trust(shown, found)
    left, right = st.columns([5, 8])
    with left:
        fidelity_figures.coverage(shown, found)
    with right:
        fidelity_figures.heat_maps(shown, heat)
    fidelity_tables.ledger(shown, found, fitted)


def _work(run: Run, estimator: str, seconds: float) -> int:
    try:
        return judged.work(run, estimator, judged.orders(run, estimator), seconds)
    except ReorderError:  # told when the frames are made
        return 0


def _judged(
    run: Run, estimator: str
) -> tuple[fidelity_frames.Judging | None, fidelity_frames.HeatMaps]:
    key = (run.fingerprint, run.ledger.stamp, judged.reports_key(run))
    return _frames(run, *key, estimator)


@st.cache_resource(max_entries=8, show_spinner=False)
def _frames(
    _run: Run, fingerprint: str, ledger: str, reports: tuple[Any, ...], estimator: str
) -> tuple[fidelity_frames.Judging | None, fidelity_frames.HeatMaps]:
    return fidelity_frames.judging(_run, estimator), fidelity_frames.heat_maps(_run, estimator)
