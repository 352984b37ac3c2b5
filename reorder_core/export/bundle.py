"""What can be taken away of one order: results as a table, and a zip that a paper can cite.

A bundle says where every number comes from: run, digests, versions, estimator,
how far it was judged, how much it had learned from, what its intervals mean.
"""

import io
import json
import platform
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import pandas as pd

from reorder_core.errors import OrderError
from reorder_core.export.plain import for_xml
from reorder_core.export.spreadsheet import neutral
from reorder_core.orders.order import Order, order_hash, slots_of
from reorder_core.records.estimates import Estimate
from reorder_core.store.ledger import Retrained
from reorder_core.store.run import Run

MOST_FIGURES, LARGEST_SVG, LARGEST_PNG, LARGEST_ALL = 12, 2_000_000, 6_000_000, 20_000_000
_PNG = b"\x89PNG\r\n\x1a\n"
_MADE_WITH = ("numpy", "scipy", "pandas", "duckdb", "streamlit", "torch", "transformers")
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)  # the same bundle twice is the same file


@dataclass(frozen=True, slots=True)
class FigureFile:
    """A figure as the browser drew it."""

    name: str
    """Of the files, such as `generalization`."""
    svg: str
    png: bytes


def make_figure(name: str, svg: str, png: bytes) -> FigureFile:
    """A checked figure; raises OrderError for one that cannot be what it claims to be."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", name):
        raise OrderError(f"a figure is called {name[:40]!r}; expected small letters and digits")
    if not svg.lstrip().startswith("<svg") or len(svg) > LARGEST_SVG:
        raise OrderError(f"figure {name} has no SVG of at most {LARGEST_SVG // 10**6} MB")
    if not png.startswith(_PNG) or len(png) > LARGEST_PNG:
        raise OrderError(f"figure {name} has no PNG of at most {LARGEST_PNG // 10**6} MB")
    return FigureFile(name, for_xml(svg), png)


def results_table(run: Run, estimate: Estimate, order: Order, truth: Retrained | None) -> Any:
    """One row a sample and one a held-out domain: reference, estimate, interval, truth.

    Losses are final, in nats per token, but "before", which is before training; nan where
    there is none. A sample that the order leaves out has losses, but no step. A sample's
    memorization is "before" minus its final loss. A DataFrame.
    """
    slots = _first_slots(run, order)
    columns = run.reference.final, estimate.final, estimate.interval, truth and truth.final
    frames = [
        _losses("sample", *(part and part.samples for part in columns)),
        _losses("held_out", *(part and part.probes for part in columns)),
    ]
    frames[0].insert(1, "sample_id", np.arange(run.count))
    frames[0].insert(2, "domain", [s.domain for s in run.samples])
    frames[0].insert(3, "flags", [" ".join(s.flags) for s in run.samples])
    frames[0].insert(4, "step", slots // run.batch_size + 1)
    frames[0].insert(5, "place", slots % run.batch_size + 1)
    frames[0].insert(6, "before", run.reference.losses_at.samples[0])
    frames[1].insert(1, "domain", list(run.probe_domains))
    frames[1].insert(2, "before", run.reference.losses_at.probes[0])
    table = pd.concat(frames, ignore_index=True)
    return table.astype({"sample_id": "Int32", "step": "Int32", "place": "Int32"})


def _first_slots(run: Run, order: Order) -> Any:
    """(N,) the slot in which each sample is first trained; missing where it is not trained."""
    visits, slots = run.visits, slots_of(order)
    if visits.is_plain:
        return slots
    first = np.full(run.count, visits.trained)
    np.minimum.at(first, visits.sample_of, np.minimum(slots, visits.trained))
    return pd.arrays.IntegerArray(first, first == visits.trained)


def curve_table(run: Run, estimate: Estimate, truth: Retrained | None) -> pd.DataFrame:
    """One row an evaluation step: mean held-out loss as the reference, estimated, retrained."""
    nothing = np.full(len(run.eval_steps), np.nan)
    return pd.DataFrame({
        "step": run.eval_steps, "reference": run.reference.losses_at.probes.mean(1),
        "estimate": estimate.losses_at.probes.mean(1),
        "retrained": nothing if truth is None else truth.losses_at.probes.mean(1),
    })  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Changes of every sample's final loss against another order, as the page lists them."""

    against: str
    """That order in words, such as `the reference order`."""
    change: Any
    """(N,) nats per token."""
    interval: Any = None
    """(2, N) ends of the 90 % interval."""
    retrained: Any = None
    """(N,) the same changes between real retrainings."""


def ranking_table(run: Run, order: Order, ranking: Ranking) -> pd.DataFrame:
    """What gained or lost most, the largest change first: one row a sample."""
    nothing = np.full(run.count, np.nan)
    low, high = (nothing, nothing) if ranking.interval is None else ranking.interval
    table = pd.DataFrame({
        "sample_id": np.arange(run.count),
        "domain": [s.domain for s in run.samples],
        "flags": [" ".join(s.flags) for s in run.samples],
        "step": _first_slots(run, order) // run.batch_size + 1,
        "change": ranking.change, "low_90": low, "high_90": high,
        "retrained": nothing if ranking.retrained is None else ranking.retrained,
    })  # fmt: skip
    by_size = np.argsort(-np.abs(np.nan_to_num(table["change"].to_numpy())), kind="stable")
    table = table.iloc[by_size].reset_index(drop=True)
    table.insert(0, "rank", np.arange(1, run.count + 1))
    return table


def _losses(kind: str, reference: Any, estimate: Any, interval: Any, truth: Any) -> pd.DataFrame:
    nothing = np.full(len(reference), np.nan)
    low, high = (nothing, nothing) if interval is None else interval
    return pd.DataFrame({
        "kind": kind, "reference": reference, "estimate": estimate, "low_90": low,
        "high_90": high, "retrained": nothing if truth is None else truth,
    })  # fmt: skip


def to_csv(table: pd.DataFrame) -> bytes:
    """The table as CSV, seven digits: what float32 holds."""
    return neutral(table).to_csv(index=False, float_format="%.7g").encode()


def to_parquet(table: pd.DataFrame) -> bytes:
    found = io.BytesIO()
    table.to_parquet(found, index=False)
    return found.getvalue()


def order_json(run: Run, order: Order) -> bytes:
    """An order file, as `--order FILE` and the app's paste read it."""
    return json.dumps({"run": run.id, "order": order.tolist()}).encode()


def figure_bundle(
    run: Run,
    order: Order,
    estimate: Estimate,
    figures: Sequence[FigureFile],
    knows: str,
    made: str,
    ranking: Ranking | None = None,
) -> bytes:
    """A zip: figures as SVG and PNG, data, what moved most, order, run card, citation.

    `knows` is the estimator's name with the retrainings that taught it; `made` is a date.
    Raises OrderError for too many or too large figures.
    """
    size = sum(len(f.svg) + len(f.png) for f in figures)
    if len(figures) > MOST_FIGURES or size > LARGEST_ALL:
        raise OrderError(f"{len(figures)} figures of {size // 10**6} MB are too much for a bundle; "
                         f"at most {MOST_FIGURES} and {LARGEST_ALL // 10**6} MB")  # fmt: skip
    truth = run.ledger.of(order)
    card = run_card(run, order, estimate, knows, made, ranking)
    files: dict[str, bytes] = {
        "README.md": card.encode("utf-8", "replace"),
        "order.json": order_json(run, order),
        "data.csv": to_csv(results_table(run, estimate, order, truth).assign(estimator=knows)),
        "CITATION.bib": CITATION.encode(),
    }
    if ranking is not None:
        files["ranking.csv"] = to_csv(ranking_table(run, order, ranking).assign(estimator=knows))
    for figure in figures:
        files[f"figures/{figure.name}.svg"] = figure.svg.encode()
        files[f"figures/{figure.name}.png"] = figure.png
    return _zipped(files)


def _zipped(files: dict[str, bytes]) -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _FIXED_TIME), content, zipfile.ZIP_DEFLATED)
    return found.getvalue()


def run_card(
    run: Run,
    order: Order,
    estimate: Estimate,
    knows: str,
    made: str,
    ranking: Ranking | None = None,
) -> str:
    """Markdown that says what the numbers are and where they come from."""
    truth = run.ledger.of(order)
    manifest = run.manifest
    digests = [] if manifest is None else [
        f"- {name.replace('_digest', ' digest')}: `{getattr(manifest, name)}`"
        for name in ("config_digest", "corpus_digest", "start_digest")
    ]  # fmt: skip
    parts = [
        f"# Order {order_hash(order)} of run {run.id}",
        f"Made {made} with Reorder. Losses are mean nats per token.",
        "## Run",
        f"- run: `{run.id}` ({run.name}); {run.count} samples, {run.steps} steps of "
        f"{run.batch_size}\n- fingerprint of its files: `{run.fingerprint}`",
        "\n".join(digests),
        "```json\n" + json.dumps(run.config.model_dump(mode="json"), indent=1) + "\n```",
        "## This order",
        f"- order: `order.json`, hash `{order_hash(order)}`\n"
        f"- estimator: {knows} (designed by the build + from the ledger, which holds "
        f"{len(run.ledger)}; never this order's own)\n"
        f"- distance from the reference run: {_figure(estimate.distance)} (0 is the same model; "
        "estimates lose trust as it grows)\n"
        f"- retrained: {'yes, in column `retrained`' if truth else 'no, these are estimates'}",
        ""
        if ranking is None
        else "## What moved most\n\n`ranking.csv` and the figure `ranking`: "
        f"changes of final loss against {ranking.against}, the largest first.",
        "## Intervals",
        "`low_90` and `high_90` are the ends of a 90 % interval of the final loss in this order, "
        "its width set on real retrainings: about nine in ten losses of a real retraining lie "
        "inside. The table below says how often they did.",
        "## Fidelity, judged by real retraining on orders that nothing was fitted to",
        _fidelity(run, estimate.estimator),
        "## Versions",
        _versions(run),
        "## Citation\n\n`CITATION.bib`",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _fidelity(run: Run, estimator: str) -> str:
    columns = ("r2", "rho_sample", "rho_within", "rho_heldout", "coverage90")
    rows = []
    for report in run.fidelity:
        found = report.estimators.get(estimator)
        if found is not None:
            cells = " | ".join(_figure(getattr(found, column)) for column in columns)
            rows.append(f"| {report.family} | {report.orders} | {cells} |")
    if not rows:
        return "Not measured for this run."
    heads = f"| family | orders | {' | '.join(columns)} |\n{'|---' * (len(columns) + 2)}|\n"
    return heads + "\n".join(rows)


def _figure(value: Any) -> str:
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and np.isfinite(value)
    return f"{value:.3f}" if number else "–"


def _versions(run: Run) -> str:
    built = ", ".join(f"{k} {v}" for k, v in run.manifest.versions.items()) if run.manifest else ""
    lines = [f"- built with: {built or 'not known'}", f"- python {platform.python_version()}"]
    for package in _MADE_WITH:
        try:
            lines.append(f"- {package} {version(package)}")
        except PackageNotFoundError:
            continue
    return "\n".join(lines)


CITATION = """\
% The question and the first-order and second-order estimates (FUT, FUT++).
@article{training-orders-2025,
  title         = {Estimating the Effects of Sample Training Orders for Large Language Models
                   without Retraining},
  year          = {2025},
  eprint        = {2505.22042},
  archivePrefix = {arXiv},
  url           = {https://arxiv.org/abs/2505.22042}
}

% The tool that drew the figures and computed the estimates.
@software{reorder,
  title   = {Reorder: what would a language model have learned, had its samples come in another
             order?},
  version = {0.1.0},
  year    = {2026}
}
"""
