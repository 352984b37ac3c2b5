"""What each figure of Extraction shows for this run, in words, from its numbers."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from reorder_core.analysis.attack import Roc
from reorder_core.analysis.exposures import FEWEST
from reorder_core.analysis.frames import column, grouped, lines
from reorder_core.judge.measures import spearman
from reorder_core.store.run import Run
from ui.app import words
from ui.charts.template import signed
from ui.recall.figures import BY_CHANCE


def exposure(measured: pd.DataFrame) -> str:
    """How far up the secrets stand; retrained first, a null as one."""
    first = lines(measured, measured["known"] == "reference")
    truth = lines(measured, measured["known"] == "retrained")
    bits, said = column(first, "exposure"), ""
    if len(truth):
        again = column(truth, "exposure")
        said = (
            f"Retrained, {_orders(truth)}: mean exposure {again.mean():.2f} bits; "
            f"{100 * np.mean(again > BY_CHANCE):.0f} % stand above {BY_CHANCE:.1f} bits, where 5 % "
            "would by chance. "
        )
    said += (
        f"Measured on the reference: {bits.min():.2f} to {bits.max():.2f} of "
        f"{column(first, 'space').mean():.0f} bits; a secret that was never planted has 1.44 on "
        "average. "
    )
    taken = int(column(first, "extractable").sum())
    if taken:
        return said + f"{taken} of {len(first)} can be extracted greedily."
    if bits.max() < BY_CHANCE:
        return said + "None is extractable or told from chance: no secret was memorized."
    return said + "None is extractable."


def by_step(measured: pd.DataFrame) -> str:
    """Whether step and repetitions decide of the exposure: rank correlations within canaries."""
    truth = lines(measured, measured["known"] == "retrained").dropna(subset="step")
    said = ""
    for name, what in (("step", "the mean step"), ("times", "how often it is trained")):
        found = []
        for _, part in grouped(truth, "sample"):
            x, y = column(part, name), column(part, "exposure")
            if len(part) >= FEWEST and np.ptp(x) and np.ptp(y):
                found.append(float(spearman(x, y)))
        if found:
            said += (
                f"Against {what}, each canary with itself: Spearman "
                f"{signed(float(np.mean(found)), 2)} on average ({signed(min(found), 2)} to "
                f"{signed(max(found), 2)}). "
            )
    return said.strip()


def fared(found: pd.DataFrame, measured: pd.DataFrame) -> str:
    """How the estimates fared where the truth is known."""
    if not len(found):
        return (
            f"With fewer than {FEWEST} recalled retrainings estimates have no interval, and err "
            "more than assuming no change; recall some."
        )
    first = lines(measured, measured["known"] == "reference")
    usual = dict(zip(first["sample"], column(first, "exposure"), strict=True))
    true, told = column(found, "exposure"), column(found, "forecast")
    none = np.abs([usual[sample] for sample in found["sample"]] - true).mean()
    inside = np.mean((column(found, "lo") <= true) & (true <= column(found, "hi")))
    within = [
        spearman(column(part, "forecast"), column(part, "exposure"))
        for _, part in grouped(found, "sample")
        if np.ptp(column(part, "exposure"))
    ]
    return (
        f"Estimates of these {_orders(found)}, each from the others: Spearman "
        f"{spearman(told, true):.2f} over all, {np.mean(within):.2f} within a canary; mean error "
        f"{np.abs(told - true).mean():.2f} bits, {none:.2f} for assuming no change; the 90 % "
        f"interval held {100 * inside:.0f} %."
    )


def extraction(found: pd.DataFrame, other: pd.DataFrame | None, name: str, run: Run) -> str:
    """How many samples come out, and how near the others come."""
    taken, share = column(found, "extractable") > 0, column(found, "share")
    said = (
        f"Measured on the reference: {taken.sum()} of {len(found)} samples can be extracted "
        f"whole; of the tokens asked for {100 * np.nanmean(share):.1f} % are the most likely one "
        "after the true ones. "
    )
    if not taken.any():
        best = int(np.nanargmax(share))
        said += f"The nearest is {words.of_sample(run, best)} with {100 * share[best]:.0f} %. "
    if other is not None:
        under = column(other, "extractable") > 0
        said += (
            f"Under {name}: {under.sum()}, {(taken & under).sum()} of them the same; "
            f"{100 * np.nanmean(column(other, 'share')):.1f} % of tokens."
        )
    return said


def sample(run: Run, chosen: int, losses: dict[str, np.ndarray]) -> str:
    """What one sample's tokens say."""
    (first, own), *others = losses.items()
    if not np.isfinite(own).any():
        return f"No token of {words.of_sample(run, chosen)} counts in its loss."
    where, name = int(np.nanargmax(own)), words.of_sample(run, chosen)
    said = (
        f"{name[:1].upper()}{name[1:]}, on {first}: {np.nanmean(own):.3f} nats a token; the least "
        f"expected is token {where + 2} ({own[where]:.2f} nats)."
    )
    for name, values in others:
        change = values - own
        most = int(np.nanargmax(np.abs(change)))
        said += (
            f" Under {name} {signed(float(np.nanmean(change)))}; most at token {most + 2} "
            f"({signed(float(change[most]))})."
        )
    return said


def influence(run: Run, found: pd.DataFrame, chosen: int) -> str:
    """Whose training helps a sample and whose hurts it."""
    effect = np.bincount(found["sample"].to_numpy(np.intp), column(found, "effect"), run.count)
    others = np.flatnonzero(np.isin(np.arange(run.count), found["sample"]))
    others = others[others != chosen]
    best, worst = (int(others[pick(effect[others])]) for pick in (np.argmin, np.argmax))
    own = f"its own training changes its loss by {signed(float(effect[chosen]))}. "
    if chosen not in set(found["sample"]):
        own = "it is not trained itself. "
    return (
        f"Estimated, to first order: {own}Of the {len(others)} others "
        f"{100 * np.mean(effect[others] < 0):.0f} % help; most {words.of_sample(run, best)} "
        f"({signed(float(effect[best]), 4)}), least {words.of_sample(run, worst)} "
        f"({signed(float(effect[worst]), 4)})."
    )


def attack(curves: dict[str, Roc], found: pd.DataFrame, sides: Sequence[int]) -> str:
    """Whether members can be told; a null as one."""
    truth = lines(found, found["kind"] == "retrained")
    said = ""
    if len(truth):
        parts = []
        for score, part in grouped(truth, "score"):
            area = column(part, "area")
            parts.append(f"by {score} {area.min():.3f} to {area.max():.3f}")
        said = f"Retrained, {_orders(truth)}: AUC {', '.join(parts)}. "
    clear = [name for name, one in curves.items() if one.area_ends[0] > 0.5]
    if not clear:
        most = max(one.area for one in curves.values())
        said += f"No score tells members from others (AUC {most:.3f} at most; .5 is chance)."
    else:
        name = max(clear, key=lambda one: curves[one].area)
        one = curves[name]
        said += (
            f"Best: {name}, AUC {one.area:.3f} [{one.area_ends[0]:.3f}, {one.area_ends[1]:.3f}]; "
            f"at 1 % of others it finds {100 * one.caught:.1f} % of the members "
            f"[{100 * one.caught_ends[0]:.1f}, {100 * one.caught_ends[1]:.1f}]."
        )
    return said + (
        f" {sides[0]} members against {sides[1]} others: held-out texts of the same domains and "
        "samples that are not trained."
    )


def _orders(frame: pd.DataFrame) -> str:
    count = len(set(frame["order"]))
    return f"{count} order{'s' if count != 1 else ''}"
