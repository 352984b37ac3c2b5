"""The page's parts: lead, form, the search that is shown."""

from collections.abc import Sequence

import streamlit as st

from reorder_core.curricula.asked import Task, understand
from reorder_core.curricula.result import best_entry, verdict
from reorder_core.curricula.search_state import SearchState
from reorder_core.errors import ReorderError
from reorder_core.store.run import Run
from ui.app.job import Job
from ui.app.markdown import plain
from ui.curricula import form, found, searches

POLL_SECONDS = 1.5


def lead(run: Run) -> None:
    """What the page does."""
    st.title("In which order should it have been trained?", anchor=False)
    st.markdown(
        "Orders are proposed and searched for by the estimate, and the best ones are really "
        f"trained: what is said of them in the end is the truth. Run “{plain(run.name)}”."
    )


def follow(run: Run) -> None:
    """The search that is shown; polls while one is under way."""
    every = POLL_SECONDS if searches.active(run) else None
    st.fragment(_show, run_every=every)(run, every is not None)


def _show(run: Run, polling: bool) -> None:
    if polling and not searches.active(run):
        st.rerun()  # ends the polling
    states = searches.known(run)
    state = searches.shown(states)
    waiting = [job for job in searches.queue().active(run.id) if not _has_state(job, states)]
    for job in waiting:
        st.info(f"A search begins: {job.label}.", icon=":material/hourglass_top:")
    if state is None:
        if not waiting:
            _nothing_yet(run)
        return
    _choose(states, state)
    try:
        task = understand(run, state.asked)
    except ReorderError as error:
        st.warning(f"This search cannot be shown: {plain(str(error))}.")
        return
    st.subheader(plain(form.in_words(task)), anchor=False)
    _status(run, task, state)
    if state.verified:
        _told(task, state)
        found.show(run, task, state)
    if state.proposals:
        found.proposals(run, task, state)


def _has_state(job: Job, states: Sequence[SearchState]) -> bool:
    return any(state.path.stem == job.name for state in states)


def _nothing_yet(run: Run) -> None:
    failed = [job for job in searches.queue().all(run.id) if job.state == "failed"]
    if failed:
        st.error(f"The search failed: {plain(failed[-1].message)}.")
    with st.container(border=True, key="ro_curriculum_none"):
        st.markdown(
            "**No search yet.** Say above what the order should serve and press *Search*. A search "
            "takes minutes and can be stopped at any time: what it has trained is kept. On the "
            "command line:"
        )
        st.code(
            f"python -m reorder_core curriculum {run.path} --objective heldout --budget 24",
            language="bash",
        )


def _choose(states: Sequence[SearchState], state: SearchState) -> None:
    """Which of several searches is shown."""
    if len(states) < 2:
        return
    names = [each.path.stem for each in states]
    labels = {each.path.stem: _label(each) for each in states}
    chosen = st.selectbox(
        "Search", names, index=names.index(state.path.stem), format_func=lambda n: labels[n],
        key=f"ro_curriculum_shown_{state.path.stem}_{len(names)}",
    )  # fmt: skip
    if chosen != state.path.stem:
        st.query_params[searches.SHOWN] = chosen
        st.rerun()


def _label(state: SearchState) -> str:
    asked = state.asked
    parts = [" + ".join(asked.objectives), f"{asked.budget:g} RRE", f"seed {asked.seed}"]
    parts += [f"early {asked.early}"] if asked.early else []
    parts += ["domains whole"] if asked.whole else []
    parts += [f"at most {asked.most_moves} moves"] if asked.most_moves is not None else []
    return ", ".join(parts) + ("" if state.done else " (not finished)")


def _status(run: Run, task: Task, state: SearchState) -> None:
    """How far it is, and a button to stop it or to go on."""
    name = state.path.stem
    job = searches.job(run, name)
    running = job is not None and job.active
    if job is not None and job.state == "failed" and not state.done:
        st.error(f"The search stopped: {plain(job.message)}.")
    if state.done:
        return
    words, button = st.columns([5, 1], vertical_alignment="center")
    share = min(1.0, state.paid / task.retrainings)
    label = job.label if job is not None and running else "stopped; what it has trained is kept"
    words.progress(share, f"{state.paid} of {task.retrainings} retrainings · {plain(label)}")
    try:
        if running and button.button("Stop", key=f"ro_stop_{name}"):
            searches.stop(run, name)
            st.rerun()
        if not running and button.button("Go on", key=f"ro_go_{name}", type="primary"):
            searches.start(run, state.asked)
            st.rerun()
    except ReorderError as error:
        st.error(f"Not done: {plain(str(error))}.")


def _told(task: Task, state: SearchState) -> None:
    """The verdict, so far or for good."""
    text = plain(verdict(task, state))
    if not state.done:
        st.info(f"So far: {text}", icon=":material/hourglass_top:")
    elif best_entry(task, state) is None or "no order found is clearly better" in text:
        st.warning(text, icon=":material/balance:")
    else:
        st.success(text, icon=":material/check:")
