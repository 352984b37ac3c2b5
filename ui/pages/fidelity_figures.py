"""The fidelity page's figures, each in its frame; a click opens an order on the Timeline."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from reorder_core.store.run import Run
from ui.app import panels, state
from ui.charts.bent import bend_of
from ui.charts.dots import Axis, dots
from ui.charts.heat import heat
from ui.charts.points import Scale
from ui.charts.points import points as draw_points
from ui.charts.template import Source
from ui.charts.trust import AXES
from ui.charts.trust import trust as draw_trust
from ui.pages.fidelity_frames import HELD_OUT, SAMPLES, HeatMaps, Judging
from ui.pages.fidelity_jobs import missing_moves
from ui.pages.fidelity_sentences import FAMILY_WORDS, held_out, trust_verdict

LOG, EVEN = "log axes", "even axes"


@dataclass(frozen=True, slots=True)
class Shown:
    """What the figures are of."""

    run: Run
    estimator: str
    """With what it knows: "hybrid, 16 retrainings"."""
    family: str

    @property
    def source(self) -> Source:
        return Source(self.run.id, self.estimator)

    def focus(self, found: Judging) -> str | None:
        """The chosen family where it has orders, else None: all."""
        return self.family if self.family in set(found.orders["family"]) else None


def points(shown: Shown, found: Judging) -> None:
    """Each loss as estimated and as retrained."""
    about = (
        "Each point is one loss under one order that was really retrained: what training gave "
        "(across), what was estimated (up), both minus the reference run. On the line: exact. "
        "Whiskers: 90 % intervals of some points of the chosen family. A diamond: the interval "
        "leaves the truth out. A click opens that order on the Timeline."
    )
    with panels.panel("points", "Estimated against retrained", about):
        with st.container(horizontal=True):
            what = _choose("Which losses", [SAMPLES, HELD_OUT], "ro_points_what")
            axes = _choose("Axes", [LOG, EVEN], "ro_points_axes")
        frame = found.samples if what == SAMPLES else found.held_out
        focus = shown.focus(found)
        chosen = (
            frame["retrained"] if focus is None else frame["retrained"][frame["family"] == focus]
        )
        scale = Scale(bend_of(chosen) if axes == LOG else None)
        figure = draw_points(frame, scale, focus=focus, mode=panels.mode(), source=shown.source,
                             shown=f"{what} {axes}")  # fmt: skip
        words = _points_words(found, what)
        panels.draw(figure, lambda: frame.assign(hash=_of(found, frame["row"])), words,
                    pick=_opener(found))  # fmt: skip
        st.caption(words)


def _points_words(found: Judging, what: str) -> str:
    frame = found.samples if what == SAMPLES else found.held_out
    whole = found.losses if what == SAMPLES else len(frame)
    drawn = f"{len(frame):,} of {whole:,}" if len(frame) < whole else f"{whole:,}"
    said = f"{drawn} losses of {what} under {len(found.orders)} orders"
    if len(frame) < whole:
        said += ", as many of each order; all count in every number given"
    return said + (
        "."
        if np.isfinite(np.asarray(frame["lo"])).any()
        else ". This estimator gives no intervals."
    )


def _of(found: Judging, rows: Any) -> list[str]:
    hashes = list(found.orders["hash"])
    return [hashes[int(row)] for row in rows]


def trust(shown: Shown, found: Judging) -> None:
    """Each order's error against what the estimate says of itself."""
    about = (
        "One point a retrained order: the mean absolute error of its samples’ estimated losses. If "
        "the error grows along the axis, the estimate knows where it is weak. Spearman 1: it ranks "
        "orders by error perfectly; 0: it knows nothing of its own error. Hatched: farther than "
        "any order that was retrained. A click opens the order on the Timeline."
    )
    with panels.panel("trust-ends", "Where trust ends", about):
        names = [name for name in AXES if np.isfinite(np.asarray(found.orders[name])).any()]
        if not names:
            st.markdown("This estimator tells neither a distance nor an error that it expects, so "
                        "it cannot say where it is weak.")  # fmt: skip
            return
        labels = {"distance": "against distance", "expected": "against expected error"}
        with st.container(horizontal=True):
            said = _choose("Against what", [labels[name] for name in names], "ro_trust_axis")
        axis = next(name for name in names if labels[name] == said)
        figure = draw_trust(found.orders, axis, focus=shown.focus(found), mode=panels.mode(),
                            source=shown.source)  # fmt: skip
        words = trust_verdict(axis, found.ranks[axis], shown.family)
        panels.draw(
            figure,
            lambda: found.orders.drop(columns="link"),
            words or "Error by order",
            pick=_opener(found),
        )
        st.caption(words)


def coverage(shown: Shown, found: Judging) -> None:
    """How often the intervals hold."""
    about = (
        "How often a retrained loss lies inside the estimate’s 90 % interval. On the heavy line: "
        "as promised. Left of it: too narrow, the estimate claims to know more than it does. Bars: "
        "95 % bootstrap intervals over orders, since the losses of one order err together."
    )
    with panels.panel("coverage", "How often the 90 % intervals hold", about):
        if found.coverage.empty:
            st.markdown("This estimator gives no intervals, so there is nothing to hold it to.")
            return
        lowest = float(np.nanmin(found.coverage[["value", "lo"]].to_numpy(dtype=float)))
        axis = Axis("retrained losses inside, %", 0, signed=False, suffix=" %", line=90.0,
                    limits=(min(70.0, 10 * np.floor(lowest / 10)), 100.0))  # fmt: skip
        figure = dots(
            found.coverage, axis, name="coverage", title="How often the 90 % intervals hold",
            mode=panels.mode(), source=shown.source, interval="95 % interval of the share",
        )  # fmt: skip
        judged_by = f", as the {FAMILY_WORDS[shown.family]} of the ledger judge it"
        words = held_out(found.held_out_r2.get(shown.family),
                         found.held_out_coverage.get(shown.family), judged_by)  # fmt: skip
        panels.draw(figure, lambda: found.coverage, "Share of losses inside their 90 % interval")
        st.caption(words)


def heat_maps(shown: Shown, maps: HeatMaps) -> None:
    """The moves' map as estimated, beside the true one."""
    about = (
        "Each row is a sample, each column a step that it is moved to, alone; the cell is what "
        "that does to its own final loss, in nats per token. Blue: learned better than in the "
        "reference order. Colour grows with the square root of the change. A click opens the move "
        "on the Timeline."
    )
    with panels.panel("heat-maps", "What a sample’s place does to it", about):
        changes = np.concatenate([maps.estimated["change"], maps.retrained["change"]])
        known = np.abs(changes[np.isfinite(changes)])
        reach = max(1e-6, float(known.max())) if len(known) else 1e-6
        for column, (kind, frame) in zip(
            st.columns(2),
            (("estimated", maps.estimated), ("retrained", maps.retrained)),
            strict=True,
        ):
            source = shown.source if kind == "estimated" else Source(shown.run.id)
            with column:
                st.markdown(f"**{kind.capitalize()}**")
                figure = heat(frame, reach, name=f"heat-{kind}", mode=panels.mode(), source=source,
                              title=f"What a sample’s place does to it: {kind}")  # fmt: skip
                panels.draw(figure, lambda table=frame: table, f"Heat map of moves, {kind}",
                            pick=_cell_opener(maps))  # fmt: skip
        st.caption(_likeness(maps))
        missing_moves(shown.run, maps.missing, maps.seconds)


def _likeness(maps: HeatMaps) -> str:
    found, moves = maps.likeness, int((~np.asarray(maps.estimated["home"], bool)).sum())
    if not found["cells"]:
        return "No move was retrained yet, so this map is an estimate without a judge."
    rho, within = (f"{found[key]:.2f}".replace("-", "−") for key in ("spearman", "spearman_rows"))
    share = 1 - found["mse"] / found["mse_no_change"] if found["mse_no_change"] > 0 else np.nan
    return (
        f"Over {int(found['cells'])} of {moves} moves the maps have a Spearman of {rho}, within "
        f"a sample’s row {within}; the estimate explains {100 * share:.0f} % of the true map (R²)."
    )


def _opener(found: Judging) -> Callable[[dict[str, Any]], None]:
    links = list(found.orders["link"])
    return lambda point: state.set_opening(links[int(point["customdata"])])


def _cell_opener(maps: HeatMaps) -> Callable[[dict[str, Any]], None]:
    return lambda point: state.set_opening(maps.links.get(str(point.get("customdata")), {}))


def _choose(label: str, options: list[str], key: str) -> str:
    return st.segmented_control(
        label, options, default=options[0], required=True, key=key, label_visibility="collapsed"
    ) or options[0]  # fmt: skip
