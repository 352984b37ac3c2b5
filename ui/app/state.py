"""Every session-state key, and nothing else reads or writes st.session_state."""

from typing import Any, Literal

import streamlit as st

from reorder_core.explore.suggestions import Goal
from reorder_core.orders.moves import Kind
from reorder_core.orders.order import Order
from ui.app.history import History

HISTORY = "reorder_history"
"""{run id: History}"""
PAGE = "reorder_page"
"""The page shown last; tells entering a page from a rerun of it."""
URL_ORDER = "reorder_url_order"
"""The order code last read from or written to the address."""
PICKED_RUN = "reorder_picked_run"
"""The id of the run that this visit chose; absent where it is the app's own."""
NOTICE = "reorder_notice"
"""What the user should know about their last input, or None."""
SEQUENCE = "reorder_sequence"
"""The number of the browser's last event that was handled."""
RERUN = "reorder_rerun"
"""Whether the whole page must follow a change made in a fragment."""
TIMELINE = "reorder_timeline"
"""Key of the timeline component; holds its `event` trigger."""
JOBS_SEEN = "reorder_jobs_seen"
"""How many retrainings had ended when the page was last drawn."""
COMPARED = "reorder_compared"
"""{run id: the `Compare` request in force}"""
GUIDE = "reorder_guide"
"""{run id: (scenario's key, its stop)}"""
DOWNLOAD = "reorder_download"
"""A file on its way to the browser: {id, name, mime, content}."""
SAVED = "reorder_saved"
"""How many views this visit has saved, whatever became of them."""
SHOWN_VIEW = "reorder_shown_view"
"""{run id: {id, hash, selection, metric} of the saved view opened last}"""
BRANCHES = "reorder_branches"
"""{run id: {name of a kept branch: (its version, the digest of its line as kept)}}"""
SUGGESTING = "reorder_suggesting"
"""{run id: (goal, hash of the order it was asked of)}"""
TRIAL = "reorder_trial"
"""{run id: (kind, samples, hash of the order) of the group that is tried}"""
TABLE = "reorder_table"
"""Whether the table of all samples is open; also the beginning of its filters' keys."""
QUANTITIES = "reorder_quantities"
"""Whether all quantities of the order on screen are shown."""
PICKED = "reorder_picked"
"""{run id: ids of the tiles selected on the board}, told while the table is open."""
FIGURES = "reorder_figures"
"""{run id: the `Figures` request in force}: what the Timeline's four figures show."""
AS_OF = "reorder_as_of"
"""{run id: how many of the ledger's oldest retrainings inform estimates}; all where absent."""
FIDELITY_FAMILY, FIDELITY_ESTIMATOR = "reorder_fidelity_family", "reorder_fidelity_estimator"
"""Keys of the fidelity page's two choices."""
FIDELITY_VIEW = "reorder_fidelity_view"
"""{estimator, family} as shown last, for coming back to the page."""
PICKED_ORDER = "reorder_picked_order"
"""{run id: hash of the order that was clicked on the Curricula page}"""
OPENING = "reorder_opening"
"""The address's parameters of an order that a click asked to see on the Timeline."""

MOVE_OPENED = "reorder_move_opened"
"""Whether a click on another page has made an order that the Timeline is to show."""
CHOSEN_SAMPLES = "reorder_chosen_samples"
"""{run id: ids of the samples that are chosen in the table of Memorization}"""

IMPORTED = "reorder_imported"
"""What came in by the import last, in words."""


def imported() -> str:
    return st.session_state.get(IMPORTED, "")


def set_imported(words: str) -> None:
    st.session_state[IMPORTED] = words


def enter(page: str) -> bool:
    """True when `page` was not the page shown last."""
    entered = st.session_state.get(PAGE) != page
    st.session_state[PAGE] = page
    return entered


def picked_run() -> str:
    return st.session_state.get(PICKED_RUN, "")


def pick_run(run_id: str) -> None:
    st.session_state[PICKED_RUN] = run_id


def history(run_id: str, reference: Order) -> History:
    """This session's orders of a run, made at first use."""
    histories: dict[str, History] = st.session_state.setdefault(HISTORY, {})
    return histories.setdefault(run_id, History(reference))


def event(key: str = TIMELINE) -> Any:
    """What the browser just sent through a component; None if nothing."""
    return (st.session_state.get(key) or {}).get("event")


def selected_points(chart: str) -> list[dict[str, Any]]:
    """What was just clicked in the chart of that key: x, y, customdata of each point."""
    return (st.session_state.get(chart) or {}).get("selection", {}).get("points", [])


def fidelity_view() -> dict[str, str]:
    return st.session_state.get(FIDELITY_VIEW, {})


def set_fidelity_view(view: dict[str, str]) -> None:
    st.session_state[FIDELITY_VIEW] = view


def show(key: str, value: Any) -> str:
    """The key, its widget showing `value`; call before the widget is drawn."""
    st.session_state[key] = value
    return key


def shown(key: str) -> Any:
    """What the widget of that key shows."""
    return st.session_state.get(key)


def selected_rows(table: str) -> list[int]:
    """The rows just selected in the table of that key, as it was given."""
    return (st.session_state.get(table) or {}).get("selection", {}).get("rows", [])


def set_opening(query: dict[str, str]) -> None:
    st.session_state[OPENING] = query


def take_opening() -> dict[str, str]:
    """The address of the order to open on the Timeline, once; {} where there is none."""
    return st.session_state.pop(OPENING, {})


def notice() -> dict[str, str] | None:
    return st.session_state.get(NOTICE)


def set_notice(text: str | None, kind: Literal["info", "error"] = "error") -> None:
    st.session_state[NOTICE] = {"kind": kind, "text": text} if text else None


def url_order() -> str | None:
    return st.session_state.get(URL_ORDER)


def set_url_order(code: str | None) -> None:
    st.session_state[URL_ORDER] = code


def sequence() -> int:
    return st.session_state.get(SEQUENCE, 0)


def set_sequence(number: int) -> None:
    st.session_state[SEQUENCE] = number


def request_rerun() -> None:
    st.session_state[RERUN] = True


def take_rerun() -> bool:
    """Whether a full rerun was asked for; asking once gives one."""
    return bool(st.session_state.pop(RERUN, False))


def jobs_seen() -> int:
    return st.session_state.get(JOBS_SEEN, 0)


def set_jobs_seen(count: int) -> None:
    st.session_state[JOBS_SEEN] = count


def compared(run_id: str) -> Any:
    """What the order on screen is compared with; None where with nothing."""
    return st.session_state.get(COMPARED, {}).get(run_id)


def set_compared(run_id: str, request: Any) -> None:
    st.session_state.setdefault(COMPARED, {})[run_id] = request


def guide(run_id: str) -> tuple[str, int] | None:
    """The guided question being answered and which of its orders was shown last."""
    return st.session_state.get(GUIDE, {}).get(run_id)


def set_guide(run_id: str, place: tuple[str, int] | None) -> None:
    st.session_state.setdefault(GUIDE, {})[run_id] = place


def kept_branches(run_id: str) -> dict[str, tuple[str, str]] | None:
    """What the cache database holds of this session's branches; None before it was asked."""
    return st.session_state.get(BRANCHES, {}).get(run_id)


def set_kept_branches(run_id: str, kept: dict[str, tuple[str, str]]) -> None:
    st.session_state.setdefault(BRANCHES, {})[run_id] = kept


def suggesting(run_id: str) -> tuple[Goal, str] | None:
    """The goal that moves were last suggested for, and of which order."""
    return st.session_state.get(SUGGESTING, {}).get(run_id)


def set_suggesting(run_id: str, asked: tuple[Goal, str]) -> None:
    st.session_state.setdefault(SUGGESTING, {})[run_id] = asked


def trial(run_id: str) -> tuple[Kind, tuple[int, ...], str] | None:
    """The group that is tried at a few steps, and on which order."""
    return st.session_state.get(TRIAL, {}).get(run_id)


def set_trial(run_id: str, asked: tuple[Kind, tuple[int, ...], str]) -> None:
    st.session_state.setdefault(TRIAL, {})[run_id] = asked


def as_of(run_id: str) -> int | None:
    """How many of the ledger's oldest retrainings inform the estimates; None: all."""
    return st.session_state.get(AS_OF, {}).get(run_id)


def set_as_of(run_id: str, first: int | None) -> None:
    st.session_state.setdefault(AS_OF, {})[run_id] = first


def picked(run_id: str) -> list[int]:
    """The tiles selected on the board, as it told last."""
    return st.session_state.get(PICKED, {}).get(run_id, [])


def set_picked(run_id: str, samples: list[int]) -> None:
    st.session_state.setdefault(PICKED, {})[run_id] = samples


def figures(run_id: str) -> Any:
    """What the Timeline's figures are to show, as asked for last; None where never."""
    return st.session_state.get(FIGURES, {}).get(run_id)


def set_figures(run_id: str, request: Any) -> None:
    st.session_state.setdefault(FIGURES, {})[run_id] = request


def take_download() -> dict[str, Any]:
    """The file that waits for the browser, once."""
    return st.session_state.pop(DOWNLOAD, {})


def set_download(record: dict[str, Any]) -> None:
    st.session_state[DOWNLOAD] = record


def shown_view(run_id: str) -> dict[str, Any] | None:
    """Of the saved view opened last: its id, and what else it shows."""
    return st.session_state.get(SHOWN_VIEW, {}).get(run_id)


def set_shown_view(run_id: str, record: dict[str, Any] | None) -> None:
    st.session_state.setdefault(SHOWN_VIEW, {})[run_id] = record


def picked_order(run_id: str) -> str | None:
    """The hash of the compromise that was clicked last."""
    return st.session_state.get(PICKED_ORDER, {}).get(run_id)


def set_picked_order(run_id: str, digest: str) -> None:
    st.session_state.setdefault(PICKED_ORDER, {})[run_id] = digest


def views_saved() -> int:
    return st.session_state.get(SAVED, 0)


def note_view_saved() -> None:
    st.session_state[SAVED] = views_saved() + 1


def set_move_opened() -> None:
    st.session_state[MOVE_OPENED] = True


def take_move_opened() -> bool:
    """Whether the Timeline is to show a move made elsewhere; asking once gives it once."""
    return bool(st.session_state.pop(MOVE_OPENED, False))


def chosen_samples(run_id: str) -> tuple[int, ...]:
    return st.session_state.get(CHOSEN_SAMPLES, {}).get(run_id, ())


def set_chosen_samples(run_id: str, samples: tuple[int, ...]) -> None:
    st.session_state.setdefault(CHOSEN_SAMPLES, {})[run_id] = samples
