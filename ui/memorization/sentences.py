"""What each figure of Memorization shows for this run, in words, from its numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from reorder_core.analysis.cohorts import HELD_OUT
from reorder_core.analysis.frames import lines, records
from reorder_core.analysis.planted import ORDINARY
from reorder_core.analysis.position_effects import Effects
from reorder_core.store.run import Run
from ui.app import words
from ui.charts.template import signed


def who(run: Run, samples: pd.DataFrame) -> str:
    """What training gave, to whom most, and how many nearly repeat another."""
    gain = samples["gain"].to_numpy(np.float64)
    top = samples.nlargest(3, "gain")
    names = _listed([words.of_sample(run, i) for i in top["sample"].tolist()])
    worse = int((gain < 0).sum())
    said = (
        f"Measured on the reference: training took {np.median(gain):.3f} nats per token off the "
        f"median sample’s loss; most off {names} ({gain.max():.3f}). "
    )
    if worse:
        said += f"{worse} of {len(samples)} samples ended worse than they began. "
    alike = sum(map(bool, samples["alike"].tolist())) if "alike" in samples else 0
    return said + (f"{alike} have a near-duplicate." if alike else "None has a near-duplicate.")


def swings(samples: pd.DataFrame, effects: Effects) -> str:
    """How much the step decides, and whether early or late is better."""
    clear = lines(samples, effects.told.any(1))
    if not len(clear):
        return (
            "Estimated: for no sample is any step told from its own; where a sample is trained "
            "does not matter here, as far as the estimates can tell."
        )
    early = float(np.mean(clear["best_step"] < clear["worst_step"]))
    when = "earlier" if early >= 0.5 else "later"
    return (
        f"Estimated: for {len(clear)} of {len(samples)} samples another step is told from their "
        f"own; from best to worst step the median sample changes by {samples['swing'].median():.3f}"
        f" nats, the most {samples['swing'].max():.3f}. Of those {len(clear)}, "
        f"{100 * max(early, 1 - early):.0f} % are remembered better when trained {when}."
    )


def presence(samples: pd.DataFrame) -> str:
    """What absence does beside what another step does; nothing where the run cannot tell."""
    if "memorized" not in samples:
        return ""
    known = lines(samples, samples["memorized_lo"] > 0)
    if not len(known):
        return (
            "Estimated: of no sample is it told that the model would know it less had it never "
            "been trained."
        )
    memorized = known["memorized"].to_numpy(np.float64)
    share = float(np.median(known["swing"].to_numpy(np.float64) / memorized))
    return (
        f"Estimated: never trained, {len(known)} of {len(samples)} samples would be told to end "
        f"higher, the median of them by {np.median(memorized):.3f} nats, the most by "
        f"{memorized.max():.3f} (counterfactual memorization). From its best to its worst "
        f"step the loss of such a sample changes by {100 * share:.0f} % of that: "
        + ("when it is trained matters as much as whether." if share >= 0.8
           else "whether it is trained matters more than when.")
    )  # fmt: skip


def position_map(effects: Effects, agreement: dict[str, float], per_rate: bool) -> str:
    """How the map fared against retraining; then how much of it is told from zero."""
    told = effects.told.mean()
    held = ""
    if agreement["cells"] >= 3 and not per_rate:
        share = agreement["mse"] / agreement["mse_no_change"]
        held = (
            f"Against {agreement['cells']:.0f} cells really retrained the estimates have Spearman "
            f"{agreement['spearman']:.2f} and are off by {agreement['mse'] ** 0.5:.3f} nats (root "
            f"mean square); their MSE is {100 * share:.0f} % of that of assuming no change. "
        )
    elif not per_rate:
        held = "No cell has been retrained yet, so nothing judges this map. "
    if not told:
        return held + (
            "No cell is told from zero: with the schedule divided out, a sample’s step makes no "
            "difference here that the estimates could tell." if per_rate else
            "No cell is told from zero: where a sample is trained makes no difference here that "
            "the estimates could tell."
        )  # fmt: skip
    rest = " once the learning rate is divided out" if per_rate else ""
    return held + (
        f"{100 * told:.0f} % of all cells are told from zero{rest} (false discovery rate 5 %)."
    )


def forgetting(study: pd.DataFrame, half: pd.DataFrame, checkpoint: int, orders: int) -> str:
    """What training on a sample leaves after a while, and when half of it is gone."""
    treated = lines(study, study["first"] >= 0)
    if not len(treated):
        return "No sample was trained by this checkpoint with a control beside it."
    fresh, old = (_pooled(treated, treated["first"] == treated["first"].agg(end))
                  for end in ("min", "max"))  # fmt: skip
    said = (
        f"Retrained, {orders} random orders: after step {checkpoint} samples know "
        f"{signed(fresh)} nats more than their control when they were trained in the last steps, "
        f"and {signed(old)} when they were trained longest ago. "
    )
    before = lines(study, study["first"] < 0)
    if len(before):
        off = float(np.mean((before["lo"] > 0) | (before["hi"] < 0)))
        said += (
            f"Before training {100 * off:.0f} % of the points lie off zero, where 10 % would by "
            "chance. "
        )
    return said + half_lives(half)


def _pooled(treated: pd.DataFrame, bin: Any) -> float:
    """Mean of one bin over domains, weighted by samples."""
    part = lines(treated, bin)
    return float(np.average(part["value"], weights=part["samples"]))


def half_lives(half: pd.DataFrame) -> str:
    """When half is gone, by domain."""
    known = lines(half, half["told"])
    if not len(known):
        return "No domain has an effect above zero, so there is nothing to forget."
    reached = lines(known, known["reached"])
    if not len(reached):
        return (
            "In no domain is half of it gone by then: the half-life is not reached, which is a "
            "result and not a lack of data."
        )
    told = [f"{line['domain']} {line['half_life']:.0f} steps" for line in records(reached)]
    rest = len(known) - len(reached)
    return f"Half is gone after: {_listed(told)}" + (
        f"; not reached in {rest} other domain{'s' if rest > 1 else ''}." if rest else "."
    )


def profile(cells: pd.DataFrame) -> str:
    """What a cohort keeps from one checkpoint to the next."""
    treated = lines(cells, cells["treated"])
    checkpoints = sorted(treated["checkpoint"].unique().tolist())
    said = ""
    if len(checkpoints) > 1:
        first, last = checkpoints[0], checkpoints[-1]
        old = lines(treated, treated["last"] < first)
        before, after = (_mean_of(lines(old, old["checkpoint"] == at)) for at in (first, last))
        if before > 0:
            said = (
                f"Retrained: samples trained by step {first} knew {signed(before)} nats more "
                f"after step {first} and {signed(after)} after step {last}: "
                f"{100 * after / before:.0f} % is left. "
            )
    placebo = lines(cells, ~cells["treated"]).dropna(subset="value")
    if len(placebo):
        off = np.abs(placebo["value"].to_numpy()).max()
        said += (
            f"Samples that were not trained yet differ by {off:.4f} at most, which should be "
            "nothing. "
        )
    if any(HELD_OUT in control for control in cells["control"]):
        said += "After the last step the control is held-out text of the domain."
    return said.strip()


def _mean_of(cells: pd.DataFrame) -> float:
    known = cells.dropna(subset="value")
    return float(np.average(known["value"], weights=known["samples"])) if len(known) else np.nan


def planted(late: pd.DataFrame, orders: int) -> str:
    """What the second half of training costs a planted sample, next to an ordinary one."""
    if not len(late.dropna(subset="late")):
        gains = [f"{r['group']} {r['gain']:.3f}" for r in records(late)]
        return (
            f"Measured on the reference: gain by training in nats per token: {_listed(gains)}. "
            "No random order has been retrained, so their positions are estimated only."
        )
    parts = [_cost(line) for line in records(late) if line["group"] != ORDINARY]
    parts += [_cost(line) for line in records(late) if line["group"] == ORDINARY]
    return (
        f"Retrained, {orders} random orders, trained in the second half instead of the first: "
        + "; ".join(parts) + "."
    )  # fmt: skip


def _cost(line: dict) -> str:
    if line["lo"] <= 0 <= line["hi"]:
        return f"{line['group']} changes by {signed(line['late'])} nats, not told from zero"
    kept = "less" if line["late"] > 0 else "more"
    return (
        f"{line['group']} keeps {abs(line['late']):.3f} nats {kept} "
        f"[{signed(line['lo'])}, {signed(line['hi'])}], where training on the reference gained "
        f"{line['gain']:.3f}"
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else "".join(names)
