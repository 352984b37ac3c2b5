"""What the fidelity page sends to the browser: reports, points, coverage, maps; plain records."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reorder_core.judge import measures
from reorder_core.judge.heat_map import compare, estimated_map, missing_moves, true_map
from reorder_core.judge.verified import (
    BY_HAND,
    HEAT_MAP,
    MOST_PER_FAMILY,
    Judged,
    Verified,
    coverage,
    judge,
)
from reorder_core.orders.families import FAMILIES
from reorder_core.orders.links import encode_order
from reorder_core.records.fidelity import FidelityReport
from reorder_core.store.files import finite
from reorder_core.store.run import Run
from ui.app import theme
from ui.pages import fidelity_sentences
from ui.queries import estimates, judged
from ui.queries.packed import packed

POINTS = 8000
"""Most points of the scatter; a browser draws them in some 20 ms."""
TEXT = 90
"""Characters of a sample that a tooltip shows."""

MEASURES = ("r2", "rho_sample", "rho_within", "rho_heldout", "rel_mae", "coverage90",
            "query_ms_p50", "query_ms_p95", "precompute_rre", "bytes")  # fmt: skip
ABOUT = {
    "projected": "replay on sampled coordinates with curvature",
    "hybrid": "the app’s default: a replay, corrected by what real retrainings showed",
    "taylor": "exact products at query time; slow",
    "fut": "the paper’s first-order estimate",
    "fut++": "the paper’s second-order estimate",
    "position": "a table over (sample, step); the preview while dragging",
    "replay": "baseline: the replay without curvature",
    "reference": "baseline: the order changes nothing",
    "tracin": "baseline: sums of gradient products",
    "simfluence": "baseline: a simulator fitted on retrainings",
    "retrain-regression": "baseline: a regression on retrainings alone",
}


def estimators() -> list[dict[str, str]]:
    """Those that can be chosen, with what each is."""
    from reorder_core.estimators import ESTIMATORS

    return [{"name": name, "about": ABOUT.get(name, "")} for name in ESTIMATORS]


def families(run: Run, reports: Sequence[FidelityReport]) -> list[dict[str, Any]]:
    """Every family an order can be of, in the order in which they are drawn."""
    reported = {report.family for report in reports}
    names = (*FAMILIES, HEAT_MAP, BY_HAND)
    return [
        {"name": name, "words": fidelity_sentences.FAMILY_WORDS.get(name, name),
         "drawn": name in FAMILIES, "reported": name in reported}
        for name in names
    ]  # fmt: skip


def reports(reports: Sequence[FidelityReport], estimator: str) -> list[dict[str, Any]]:
    """Saved reports, one a family, with what they say of the estimator in words."""
    return finite([
        {
            "family": report.family,
            "orders": report.orders,
            "seed": report.seed,
            "spread": report.spread,
            "headline": fidelity_sentences.headline(report, estimator),
            "details": fidelity_sentences.details(reports, report.family, estimator),
            "rows": [
                {"name": name, "about": ABOUT.get(name, ""),
                 "ci": measured.ci, **{key: getattr(measured, key) for key in MEASURES}}
                for name, measured in report.estimators.items()
            ],
        }
        for report in reports
    ])  # fmt: skip


def judged_record(run: Run, estimator: str) -> dict[str, Any]:
    """All that is drawn from the ledger; every estimate must have been computed."""
    verified = judged.verified(run, estimator)
    known = judged.known(run, estimator)
    heat = heat_record(run, estimator)
    shared = {
        "fitted": judged.fitted(run, estimator),
        "most": MOST_PER_FAMILY,
        "domains": theme.ordered_domains(run.domains),
        "heat": heat,
    }
    if not verified:
        return finite({"state": "empty", **shared})
    found = judge([known[v.retrained.order_hash] for v in verified], verified)
    reference, probes = run.reference.sample_loss_at[-1], run.reference.probe_loss_at[-1]
    return {
        "state": "ready",
        **finite(shared),
        "orders": finite(orders(run, verified, found)),
        "samples": samples(run),
        "probeDomains": list(run.probe_domains),
        "points": points(
            found.sample_estimated, found.sample_retrained, found.sample_interval, reference
        ),
        "probePoints": points(
            found.probe_estimated, found.probe_retrained, found.probe_interval, probes
        ),
        "coverage": finite(coverages(run, verified, found)),
        "ranks": finite(ranks(verified, found)),
    }


def orders(run: Run, verified: Sequence[Verified], found: Judged) -> list[dict[str, Any]]:
    """One row an order: the ledger's table, and the points of error against distance."""
    reference, probes = run.reference.sample_loss_at[-1], run.reference.probe_loss_at[-1]
    sample_change = np.abs(found.sample_retrained - reference).mean(1)
    probe_change = found.probe_retrained.mean(1) - probes.mean()
    inside = np.where(np.isfinite(found.inside).any(1), found.inside.mean(1), np.nan)
    return [
        {
            "hash": entry.retrained.order_hash,
            "code": encode_order(entry.retrained.order),
            "family": entry.family,
            "distance": found.distance[row],
            "expected": found.expected_error[row],
            "change": sample_change[row],
            "probeChange": probe_change[row],
            "error": found.sample_error[row],
            "probeError": found.probe_error[row],
            "inside": inside[row],
        }
        for row, entry in enumerate(verified)
    ]


def samples(run: Run) -> list[list[Any]]:
    """Of each sample: its domain's index, and the beginning of its text."""
    domains = theme.ordered_domains(run.domains)
    return [[domains.index(s.domain), " ".join(s.text.split())[:TEXT]] for s in run.samples]


def points(
    estimated: NDArray[Any], retrained: NDArray[Any], interval: NDArray[Any], base: NDArray[Any]
) -> dict[str, Any]:
    """Changes from the reference (O, M), as columns; of too many, the same share of each order."""
    orders, losses = retrained.shape
    taken = min(losses, max(1, POINTS // orders))
    random = np.random.default_rng(0)
    columns = np.stack([np.sort(random.permutation(losses)[:taken]) for _ in range(orders)])
    rows = np.repeat(np.arange(orders), taken)
    at = columns.ravel()
    return {
        "all": orders * losses,
        "order": packed(rows),
        "sample": packed(at),
        "estimated": packed((estimated - base)[rows, at]),
        "retrained": packed((retrained - base)[rows, at]),
        "lo": packed((interval[:, 0] - base)[rows, at]),
        "hi": packed((interval[:, 1] - base)[rows, at]),
    }


def coverages(run: Run, verified: Sequence[Verified], found: Judged) -> list[dict[str, Any]]:
    """How often the 90 % interval holds: over all, by family, by domain; [] without intervals."""
    inside = found.inside
    if not np.isfinite(inside).any():
        return []
    of = np.array([entry.family for entry in verified])
    domain = np.array([sample.domain for sample in run.samples])
    rows = [("all", "all orders", inside)]
    rows += [
        ("family", name, inside[of == name])
        for name in fidelity_sentences.FAMILY_WORDS
        if name in of
    ]
    domains = theme.ordered_domains(run.domains)
    rows += [("domain", name, inside[:, domain == name]) for name in domains]
    told = [(kind, name, part) for kind, name, part in rows if np.isfinite(part).any()]
    return [{"kind": kind, "name": name, **coverage(part)} for kind, name, part in told]


def ranks(verified: Sequence[Verified], found: Judged) -> dict[str, dict[str, float]]:
    """Spearman of distance, and of the error expected, with the real error: all, by family."""
    of = np.array([entry.family for entry in verified])
    parts = {"all": np.ones(len(of), dtype=bool)} | {name: of == name for name in set(of)}
    return {
        which: {
            name: float(measures.spearman(values[part], found.sample_error[part]))
            for name, part in parts.items()
        }
        for which, values in (("distance", found.distance), ("expected", found.expected_error))
    }


def heat_record(run: Run, estimator: str) -> dict[str, Any]:
    """The map of moves, estimated and as far as it is known true."""
    moves = judged.moves(run)
    true = true_map(run, moves)
    estimated = estimated_map(run, moves, lambda o: judged.sample_loss(run, estimator, o))
    fitted_on = estimates.estimator(run, estimator).fitted_on
    seconds = [entry.seconds for entry in run.ledger.all()]
    domains = theme.ordered_domains(run.domains)
    return {
        "samples": list(moves.samples),
        "steps": list(moves.steps),
        "domain": [domains.index(run.samples[i].domain) for i in moves.samples],
        "home": moves.home.tolist(),
        "estimated": packed(estimated),
        "true": packed(true),
        "missing": len(missing_moves(run, moves)),
        "moves": len(moves.cells()),
        "seconds": float(np.median(seconds)) if seconds else None,
        **compare(estimated, true, moves, fitted_on),
    }
