"""What has been recalled of a run, and the buttons that recall more, each with its cost."""

import streamlit as st

from reorder_core.orders.order import order_hash
from reorder_core.recall.plan import cost
from reorder_core.store.run import Run
from ui.app import job_buttons, open_run, state
from ui.app.markdown import plain
from ui.queries import recalled

MORE = 16
"""Random retrainings that one press recalls."""
TAYLOR, TAYLOR_RRE = "taylor", 4.0


def lead() -> None:
    """What the page is about."""
    st.title("What can be got out of the model again?", anchor=False)
    st.caption(
        "*Measured* token by token on real parameters: of the reference run, of retrainings, or "
        "of the parameters that `taylor` estimates. *Estimated*: from the replay. Losses in nats "
        "per token. [How this is defined](/help?page=memorization)"
    )


def show(run: Run) -> bool:
    """What is there and what more would cost; whether the reference is."""
    first, others = recalled.reference(run), recalled.retrained(run)
    for damage in recalled.recalls(run).damaged[:3]:
        st.warning(plain(str(damage)))
    with st.container(border=True, key="ro_figure_recalled"):
        if first is None:
            st.markdown(
                "**Nothing has been recalled yet.** What stands on this page needs the model’s "
                f"real parameters: one training and a few passes, {_cost(run, 1)}. Here, or:"
            )
            st.code(f"python -m reorder_core recall {open_run.shown(run.path)}", language="bash")
            _button(run, "recall reference", "Recall the reference run", ())
            return False
        there = recalled.randomly_retrained(run)
        st.markdown(
            f"Recalled: the reference run and {len(others)} retrained orders; the ledger has "
            f"{there} random ones."
        )
        with st.container(horizontal=True):
            more = min(there, len(others) + MORE)
            if more > len(others):
                count = more - len(others)
                _button(run, f"recall random {more}",
                        f"Recall {count} more retrainings: {_cost(run, count)}",
                        ("--random", str(more)))  # fmt: skip
            _of_the_order(run)
    return True


def _of_the_order(run: Run) -> None:
    """The button for the order on screen, where it is another one."""
    order = state.history(run.id, run.reference_order).order
    known = {one.kind for one in recalled.here(run, order)}
    if "reference" in known or "retrained" in known:
        return
    truth = run.ledger.of(order)
    if truth is not None:
        _button(
            run,
            f"recall {truth.order_hash[:8]}",
            f"Recall the order on screen: {_cost(run, 1)}",
            ("--hash", truth.order_hash),
        )
    elif TAYLOR not in known:
        st.caption(
            "The order on screen was not retrained: *Verify* it on the Timeline and recall it "
            f"here, or measure it on the parameters that taylor gives it, "
            f"{_cost(run, 1, TAYLOR_RRE)}: `python -m reorder_core recall "
            f"{plain(open_run.shown(run.path))} --order FILE --estimator taylor`, with the order "
            f"{order_hash(order)[:8]} saved from the Timeline."
        )


def _button(run: Run, name: str, label: str, more: tuple[str, ...]) -> None:
    about = "Trains once an order in the background and keeps what it measures beside the run."
    job_buttons.show(run, name, label, about, ("recall", str(run.path), *more))


def _cost(run: Run, orders: int, training: float = 1.0) -> str:
    """`about 3.1 reference trainings, 4 s`."""
    rre, seconds = cost(run, orders, training)
    told = f", {max(1, round(seconds))} s" if seconds == seconds else ""
    return f"about {rre:.1f} reference trainings{told}"
