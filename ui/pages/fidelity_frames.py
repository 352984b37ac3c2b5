"""What the fidelity page draws, as tables: reports, judged orders, points, coverage, maps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reorder_core.judge import measures
from reorder_core.judge.heat_map import compare, estimated_map, missing_moves, true_map
from reorder_core.judge.verified import Judged, Verified, coverage, judge
from reorder_core.orders.links import encode_order
from reorder_core.orders.order import Order, order_hash
from reorder_core.records.fidelity import FidelityReport
from reorder_core.store.run import Run
from ui.charts import theme
from ui.charts.template import isolated
from ui.pages.fidelity_sentences import FAMILY_WORDS
from ui.queries import judged

POINTS = 2500
"""Most points of the scatter: each carries its words for the pointer, and so many are drawn in a
third of the time that WebGL takes to begin."""
TEXT = 36
"""Characters of a sample that a point tells."""
SAMPLES, HELD_OUT = "trained samples", "held-out text"


@dataclass(frozen=True, slots=True, eq=False)
class Judging:
    """What the ledger's orders say of an estimator; a row of `orders` for each."""

    orders: pd.DataFrame
    """hash, link, family, change, error, probe_change, probe_error, inside, probe_inside,
    distance, expected"""
    samples: pd.DataFrame
    """Points of `charts.points`: one final loss of a trained sample each."""
    held_out: pd.DataFrame
    """The same of held-out domains."""
    losses: int
    """How many sample losses there are, of which `samples` are an even choice."""
    coverage: pd.DataFrame
    """Rows of `charts.dots`, in per cent; empty without intervals."""
    held_out_r2: dict[str, float]
    """Family → R² of held-out losses by domain."""
    held_out_coverage: dict[str, float]
    """Family → share of held-out losses inside their 90 % interval."""
    ranks: dict[str, dict[str, float]]
    """"distance" and "expected" → "all" and each family → Spearman with the error."""


@dataclass(frozen=True, slots=True, eq=False)
class HeatMaps:
    """The moves' map, estimated and as far as it is known true; a row a cell."""

    estimated: pd.DataFrame
    """Cells of `charts.heat`."""
    retrained: pd.DataFrame
    links: dict[str, dict[str, str]]
    """A cell's hash → where its order opens, see `link`."""
    missing: int
    seconds: float
    """Of a retraining, median over the ledger; nan with an empty one."""
    likeness: dict[str, float]
    """See `judge.heat_map.compare`."""


def judging(run: Run, estimator: str) -> Judging | None:
    """From the ledger, every estimate having been computed; None where no order judges."""
    verified = judged.verified(run, estimator)
    if not verified:
        return None
    known = judged.known(run, estimator)
    found = judge([known[v.retrained.order_hash] for v in verified], verified)
    reference, probes = run.reference.final.samples, run.reference.final.probes
    of = _families(verified)
    parts = {name: of == name for name in FAMILY_WORDS if (of == name).any()}
    in_probes = probes_inside(found)
    return Judging(
        orders(run, estimator, verified, found),
        points(verified, (found.estimated.samples, found.retrained.samples, found.interval.samples),
               reference, sample_names(run)),
        points(verified, (found.estimated.probes, found.retrained.probes, found.interval.probes),
               probes, [f"held-out {isolated(name)}" for name in run.probe_domains]),
        found.retrained.samples.size,
        coverages(run, verified, found),
        {name: measures.r2(found.estimated.probes[at], found.retrained.probes[at], probes)
         for name, at in parts.items()},
        {name: _share(in_probes[at]) for name, at in parts.items()},
        ranks(of, found),
    )  # fmt: skip


def link(run: Run, estimator: str, order: Order) -> dict[str, str]:
    """Where the order opens on the Timeline with the number that is judged here."""
    stamp = judged.stamp(run, estimator, order)
    return {"o": encode_order(order)} | ({} if stamp is None else {"k": stamp})


def probes_inside(found: Judged) -> NDArray[Any]:
    """(O, D) 1 where the interval holds the held-out loss, 0 where not, nan without one."""
    low, high = found.interval.probes[:, 0], found.interval.probes[:, 1]
    held = (low <= found.retrained.probes) & (found.retrained.probes <= high)
    return np.where(np.isfinite(low) & np.isfinite(high), held, np.nan)


def orders(run: Run, estimator: str, verified: Sequence[Verified], found: Judged) -> pd.DataFrame:
    """One row an order: the ledger's table, and the points of error against distance."""
    reference, probes = run.reference.final.samples, run.reference.final.probes
    return pd.DataFrame(
        {
            "hash": [entry.retrained.order_hash for entry in verified],
            "link": [link(run, estimator, entry.retrained.order) for entry in verified],
            "family": _families(verified),
            "change": np.abs(found.retrained.samples - reference).mean(1),
            "error": found.sample_error,
            "probe_change": found.retrained.probes.mean(1) - probes.mean(),
            "probe_error": found.probe_error,
            "inside": [_share(row) for row in found.inside],
            "probe_inside": [_share(row) for row in probes_inside(found)],
            "distance": found.distance,
            "expected": found.expected_error,
        }
    )


def points(
    verified: Sequence[Verified], losses: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    base: NDArray[Any], names: Sequence[str],
) -> pd.DataFrame:  # fmt: skip
    """Changes from the reference (O, M), a row a point; of too many, as many of each order."""
    estimated, retrained, interval = losses
    count, width = retrained.shape
    taken = min(width, max(1, POINTS // count))
    random = np.random.default_rng(0)
    columns = np.stack([np.sort(random.permutation(width)[:taken]) for _ in range(count)])
    rows, at = np.repeat(np.arange(count), taken), columns.ravel()
    told = [f"order {entry.retrained.order_hash[:8]}, {entry.family}" for entry in verified]
    return pd.DataFrame(
        {
            "row": rows.astype(np.int16),
            "family": _families(verified)[rows],
            "order": [told[int(row)] for row in rows],
            "name": [names[int(i)] for i in at],
            "estimated": (estimated - base)[rows, at],
            "retrained": (retrained - base)[rows, at],
            "lo": (interval[:, 0] - base)[rows, at],
            "hi": (interval[:, 1] - base)[rows, at],
        }
    )


def sample_names(run: Run) -> list[str]:
    """Each sample in a line: id, domain, beginning of its text."""
    texts = [" ".join(sample.text.split())[:TEXT] for sample in run.samples]
    return [f"sample {s.sample_id}, {isolated(s.domain)}: “{isolated(text)}…”"
            for s, text in zip(run.samples, texts, strict=True)]  # fmt: skip


def coverages(run: Run, verified: Sequence[Verified], found: Judged) -> pd.DataFrame:
    """How often 90 % intervals hold: over all, by family, by domain; samples and held-out."""
    of = _families(verified)
    domains = theme.ordered_domains([*run.domains, *run.probe_domains])
    of_sample = np.array([sample.domain for sample in run.samples])
    of_probe = np.array(run.probe_domains)
    rows = []
    for series, inside, kinds, shade in (
        (SAMPLES, found.inside, of_sample, "estimate"),
        (HELD_OUT, probes_inside(found), of_probe, "domain-1"),
    ):
        parts = [("all orders", inside)]
        parts += [(FAMILY_WORDS[name], inside[of == name]) for name in FAMILY_WORDS if name in of]
        parts += [(f"in {name}", inside[:, kinds == name]) for name in domains if name in kinds]
        rows += [_row(name, series, shade, part) for name, part in parts if np.isfinite(part).any()]
    columns = ["label", "series", "colour", "value", "lo", "hi", "retrained", "hover"]
    places = {name: i for i, name in enumerate(dict.fromkeys(row["label"] for row in rows))}
    rows.sort(key=lambda row: places[row["label"]])
    return pd.DataFrame(rows, columns=columns)


def _row(label: str, series: str, shade: str, inside: NDArray[Any]) -> dict[str, Any]:
    told = coverage(inside)
    counted = f"{int(told['losses']):,} losses in {int(told['orders'])} orders"
    return {"label": label, "series": series, "colour": shade, "value": 100 * told["share"],
            "lo": 100 * told["lo"], "hi": 100 * told["hi"], "retrained": np.nan,
            "hover": counted}  # fmt: skip


def ranks(of: NDArray[Any], found: Judged) -> dict[str, dict[str, float]]:
    """Spearman of distance, and of the error expected, with the real error: all, by family."""
    parts = {"all": np.ones(len(of), dtype=bool)} | {str(name): of == name for name in set(of)}
    return {
        which: {
            name: float(measures.spearman(values[part], found.sample_error[part]))
            for name, part in parts.items()
        }
        for which, values in (("distance", found.distance), ("expected", found.expected_error))
    }


def heat_maps(run: Run, estimator: str) -> HeatMaps:
    """The map of moves, estimated and as far as it is known true."""
    moves = judged.moves(run)
    true = true_map(run, moves)
    estimated = estimated_map(run, moves, lambda o: judged.sample_loss(run, estimator, o))
    fitted_on = judged.fitted_on(run, estimator)
    seconds = [entry.seconds for entry in run.ledger.all()]
    cells = [(i, j) for i in range(len(moves.samples)) for j in range(len(moves.steps))]
    base = pd.DataFrame(
        {
            "sample": [moves.samples[i] for i, _ in cells],
            "step": [moves.steps[j] + 1 for _, j in cells],
            "home": [bool(moves.home[i, j]) for i, j in cells],
            "hash": [order_hash(moves.orders[i][j]) for i, j in cells],
            "text": [" ".join(run.samples[moves.samples[i]].text.split())[:90] for i, _ in cells],
        }
    )
    return HeatMaps(
        base.assign(change=estimated.ravel()), base.assign(change=true.ravel()),
        {order_hash(moves.orders[i][j]): link(run, estimator, moves.orders[i][j])
         for i, j in cells},
        len(missing_moves(run, moves)), float(np.median(seconds)) if seconds else np.nan,
        compare(estimated, true, moves, fitted_on),
    )  # fmt: skip


def report_frame(report: FidelityReport) -> pd.DataFrame:
    """One row an estimator: its measures, with the ends of their intervals."""
    names = ("r2", "r2_heldout", "coverage90", "coverage90_heldout", "rho_sample", "rho_within",
             "rho_heldout", "rel_mae", "query_ms_p50", "precompute_rre", "bytes")  # fmt: skip
    rows = []
    for name, measured in report.estimators.items():
        row: dict[str, Any] = {"estimator": name}
        for measure in names:
            row[measure] = getattr(measured, measure)
            row[f"{measure}_lo"], row[f"{measure}_hi"] = measured.interval(measure) or (None, None)
        rows.append(row)
    frame = pd.DataFrame(rows).dropna(axis="columns", how="all")
    numeric = [name for name in frame.columns if name != "estimator"]
    return frame.astype(dict.fromkeys(numeric, float))


def _families(verified: Sequence[Verified]) -> NDArray[Any]:
    return np.array([entry.family for entry in verified], dtype=object)


def _share(inside: NDArray[Any]) -> float:
    """The share of what is known that is inside; nan where nothing is."""
    known = inside[np.isfinite(inside)]
    return float(known.mean()) if len(known) else float("nan")
