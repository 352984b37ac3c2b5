"""What each figure of Generalization shows for this run, in words, from its numbers."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from reorder_core.analysis import learning
from reorder_core.analysis.frames import lines
from reorder_core.analysis.held_out import Influence
from reorder_core.store.run import Run
from ui.app import words
from ui.charts.template import signed
from ui.generalization.frames import Course, PricedMove

MOST_NAMED = 8
"""Domains that a sentence names: those with the largest change."""


def influence(run: Run, found: Influence) -> str:
    """Which training domain's place matters most to which held-out text."""
    told = found.told
    if found.judged_by:
        stands = f"How far such effects err was measured on {found.judged_by} retrainings near the reference order. "  # noqa: E501
    else:
        stands = "No retraining near the reference order says yet how far these effects err. "
    if not told.any():
        return stands + (
            "No cell is told from zero: where a training domain’s samples sit makes no difference "
            "to held-out text here that the estimates could tell."
        )
    size = np.where(told, np.abs(found.change), 0)
    d, k, step = np.unravel_index(size.argmax(), size.shape)
    value = found.change[d, k, step]
    return stands + (
        f"{100 * told.mean():.0f} % of cells are told from zero. The largest: one sample of "
        f"{run.domains[k]} moved to step {step + 1} is estimated to change held-out "
        f"{run.probe_domains[d]} by {signed(float(value), 5)} nats, on average over its "
        f"{found.count[k]} samples."
    )


def single_moves(run: Run, moves: Sequence[PricedMove]) -> str:
    """How much the best single moves change; retrained ones first."""
    true = [one for one in moves if one.retrained == one.retrained]
    said = ""
    if true:
        inside = sum(one.low <= one.retrained <= one.high for one in true)
        was, lies = ("was", "lies") if len(true) == 1 else ("were", "lie")
        said = (
            f"{len(true)} of these moves {was} really retrained, of which {inside} {lies} in its "
            "90 % interval. "
        )
    clear = [one for one in moves if not one.low <= 0 <= one.high]
    if not clear:
        return said + "No single move is told from zero: none matters to held-out text on its own."
    top = max(clear, key=lambda one: abs(one.change))
    return said + (
        f"Of {len(moves)} moves {len(clear)} are told from zero. The largest: "
        f"{words.of_visit(run, top.move.samples[0])} at step "
        f"{top.move.slot // run.batch_size + 1} "
        f"changes held-out {top.domain} by {signed(top.change, 4)} nats "
        f"[{signed(top.low, 4)}, {signed(top.high, 4)}]."
    )


def needs(run: Run, found: pd.DataFrame, held_out: str) -> str:
    """How many samples a domain wants late or early, and of which domains."""
    own = lines(found, (found["held_out"] == held_out) & found["told"])
    if not len(own):
        return (
            f"Held-out {held_out} needs no single sample late or early, as far as the estimates "
            "can tell; all pairs were looked at, and corrected for."
        )
    late, early = lines(own, own["late"] < 0), lines(own, own["late"] > 0)
    parts = [f"{len(part)} {name}{_mostly(part)}"
             for name, part in (("late", late), ("early", early)) if len(part)]  # fmt: skip
    return f"Estimated: held-out {held_out} wants " + " and ".join(parts) + ", told from zero."


def _mostly(part: pd.DataFrame) -> str:
    counts = part["domain"].value_counts()
    return f" (mostly {counts.index[0]})" if counts.iloc[0] * 2 > len(part) else ""


def curves(run: Run, courses: Sequence[Course], spread: pd.DataFrame, domain: str, n: int) -> str:
    """Where random orders ended; the reference; the order on screen, retrained first."""
    said = ""
    end = lines(spread, (spread["domain"] == domain) & (spread["step"] == run.steps))
    if len(end):
        low, high = float(end["lo"].iloc[0]), float(end["hi"].iloc[0])
        said = f"Retrained: 90 % of {n} random orders end between {low:.4f} and {high:.4f}. "
    reference, *others = courses
    said += (
        f"The reference ends at {_final(run, reference.losses_at.probes, domain):.4f} (measured)."
    )
    for course in others[:1]:
        name = course.name[:1].upper() + course.name[1:]
        if course.retrained is not None:
            said += f" {name}: {_final(run, course.retrained, domain):.4f} retrained,"
            said += f" {_final(run, course.losses_at.probes, domain):.4f} estimated."
        else:
            said += f" {name}: {_final(run, course.losses_at.probes, domain):.4f} estimated."
    return said


def gap(run: Run, course: Course, spread: pd.DataFrame, orders: int) -> str:
    """By how much training text pulled ahead of held-out text."""
    own = learning.gaps(run, course.losses_at)
    grown = {
        domain: float(part["loss"].iloc[-1] - part["loss"].iloc[0])
        for domain, part in own.groupby("domain", sort=False)
        if domain != learning.ALL
    }
    if not grown:
        return "No training domain has held-out text, so there is no gap to show."
    most = sorted(grown, key=lambda name: -abs(grown[name]))[:MOST_NAMED]
    told = [f"{name} by {signed(value, 4)}" for name, value in grown.items() if name in most]
    rest = len(grown) - len(told)
    told += [f"{rest} other domain{'s' if rest > 1 else ''} by less"] if rest else []
    said = f"Measured on the reference: from first to last evaluation the gap grew in {_listed(told)} nats."  # noqa: E501
    if orders > 1:
        said += f" Bands: the middle 90 % of {orders} random retrainings."
    return said


def _final(run: Run, probe_loss_at: np.ndarray, domain: str) -> float:
    last = np.asarray(probe_loss_at, np.float64)[-1]
    if domain == learning.ALL:
        return float(last.mean())
    return float(last[run.probe_domains.index(domain)])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else "".join(names)
