"""What to search for: objectives, constraints and budget as widgets, and in plain words."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from reorder_core.curricula.asked import Asked, Task, understand
from reorder_core.curricula.objectives.quantity import serving
from reorder_core.errors import ReorderError
from reorder_core.quantities import QUANTITIES
from reorder_core.store.run import Run
from ui.app.markdown import plain
from ui.curricula import searches

KINDS = {
    "heldout": "Lower the held-out loss",
    "domain": "Lower one domain's held-out loss",
    "weighted": "Lower a weighted held-out loss",
    "worst": "Lower the worst domain's held-out loss",
    "remember": "Have samples remembered",
    "forget": "Have samples forgotten",
    "quantity": "Better by a quantity",
}
NONE = "none"
BUDGET = 24.0
"""RRE that are offered at first."""


def ask(run: Run) -> None:
    """The form; a press of its button begins the search."""
    with st.container(border=True, key="ro_curriculum_form"):
        left, right = st.columns(2)
        with left:
            objectives = [_objective(run, "What should the order serve?", "first", list(KINDS))]
            second = _objective(run, "And at the same time", "second", [NONE, *KINDS])
            objectives += [second] if second else []
        with right:
            early, whole, moves = _constraints()
        budget_at, seed_at, press_at = st.columns([2, 2, 3], vertical_alignment="bottom")
        budget = budget_at.number_input(
            "Budget, RRE", min_value=0.0, value=BUDGET, step=4.0, key="ro_curriculum_budget",
            help="What real retrainings may cost: 1 is one training of this run.",
        )  # fmt: skip
        seed = seed_at.number_input("Seed", min_value=0, value=0, key="ro_curriculum_seed")
        asked = Asked(tuple(objectives), float(budget), int(seed), early, whole, moves)
        _press(run, asked, press_at)


def _press(run: Run, asked: Asked, place: DeltaGenerator) -> None:
    try:
        task = understand(run, asked)
    except ReorderError as error:
        place.button("Search", disabled=True, key="ro_curriculum_search")
        st.error(f"This cannot be searched for: {plain(str(error))}.")
        return
    pressed = place.button("Search", type="primary", key="ro_curriculum_search")
    st.caption(f"In words: {plain(in_words(task))}")
    if not pressed:
        return
    try:
        searches.start(run, asked)
    except ReorderError as error:
        st.error(f"Not done: {plain(str(error))}.")
        return
    st.rerun()


def in_words(task: Task) -> str:
    """Objectives, constraints and budget as one sentence."""
    goals = ", and ".join(objective.words for objective in task.objectives)
    kept = task.constraints.words()
    keeping = f", keeping {', '.join(kept)}" if kept else ""
    many = task.retrainings
    return (
        f"{goals[0].upper()}{goals[1:]}{keeping}; the budget pays for {many} "
        f"retraining{'' if many == 1 else 's'} ({many * task.price:.1f} RRE)."
    )


def _objective(run: Run, label: str, key: str, kinds: list[str]) -> str:
    """The objective's text; "" for none."""
    kind = st.selectbox(
        label, kinds, key=f"ro_curriculum_{key}",
        format_func=lambda name: KINDS.get(name, "nothing else"),
    )  # fmt: skip
    if kind == "domain":
        name = st.selectbox("Domain", run.probe_domains, key=f"ro_curriculum_{key}_domain")
        return f"domain:{name}"
    if kind == "weighted":
        usual = ",".join(f"{name}=1" for name in run.probe_domains)
        return "weighted:" + st.text_input("Weights", usual, key=f"ro_curriculum_{key}_weights")
    if kind in ("remember", "forget"):
        flags = sorted({flag for sample in run.samples for flag in sample.flags})
        ids = st.text_input(
            "Samples", flags[0] if flags else "0-7", key=f"ro_curriculum_{key}_ids",
            help="Ids, ranges, flags or domains: 3,7-9,canary",
        )  # fmt: skip
        return f"{kind}:{ids.strip()}"
    if kind == "quantity":
        return _quantity(run, key)
    return "" if kind == NONE else str(kind)


def _quantity(run: Run, key: str) -> str:
    """One that estimates serve, of held-out text or of chosen samples."""
    name = st.selectbox(
        "Quantity", serving(), key=f"ro_curriculum_{key}_quantity",
        format_func=lambda name: f"{QUANTITIES[name].title} ({QUANTITIES[name].better} is better)",
    )  # fmt: skip
    if "samples" not in QUANTITIES[name].of:
        return f"quantity:{name}"
    held_out = "held_out" in QUANTITIES[name].of
    ids = st.text_input(
        "Of samples", "", key=f"ro_curriculum_{key}_quantity_ids",
        placeholder="of held-out text" if held_out else "of all samples",
        help="Ids, ranges, flags or domains: 3,7-9,canary",
    )  # fmt: skip
    return f"quantity:{name}:{ids.strip()}" if ids.strip() else f"quantity:{name}"


def _constraints() -> tuple[str, bool, int | None]:
    early = st.text_input(
        "Within the first half of training", "", key="ro_curriculum_early",
        placeholder="any sample anywhere", help="Ids, ranges, flags or domains: 3,7-9,canary",
    )  # fmt: skip
    moves = st.number_input(
        "Moves from the reference order, at most", min_value=0, value=None, step=1,
        placeholder="as many as it takes", key="ro_curriculum_moves",
    )  # fmt: skip
    whole = st.checkbox("Keep every domain in one block", key="ro_curriculum_whole")
    return early.strip(), bool(whole), None if moves is None else int(moves)
