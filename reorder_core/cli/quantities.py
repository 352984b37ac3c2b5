"""What the command line prints of quantities: all that the registry lists, by name."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reorder_core.cli.tables import print_table
from reorder_core.export.plain import for_terminal
from reorder_core.judge.measuring import of_reference, of_retrained
from reorder_core.quantities import QUANTITIES, Quantity, ReadOut
from reorder_core.quantities.quantity import valued
from reorder_core.quantities.values import NOT_ESTIMATED, SAMPLES, Found, Mean, estimated, means
from reorder_core.records.estimates import Estimate
from reorder_core.records.read_outs import ReadValues
from reorder_core.records.values import Values
from reorder_core.store.ledger import Retrained
from reorder_core.store.run import Run

_RETRAIN = f"{NOT_ESTIMATED}; retrain to see it"


def of_estimate(run: Run, found: Estimate, read: Mapping[str, ReadValues]) -> list[Found]:
    """Every quantity under an estimated order; `read`: those with a value of their own."""
    before, name = run.reference.before, found.estimator
    return [
        estimated(quantity, before, found.final, found.interval, name, read)
        for quantity in QUANTITIES.values()
    ]


def of_retraining(run: Run, entry: Retrained) -> list[Found]:
    """Every quantity under an order that was really retrained."""
    return [of_retrained(run, quantity, entry) for quantity in QUANTITIES.values()]


def record(run: Run, found: Sequence[Found], ends: bool = False) -> dict[str, Any]:
    """`quantities` of a JSON answer; lo and hi only with `ends`, null without an interval."""
    return {"quantities": {part.quantity.name: _record(run, part, ends) for part in found}}


def _record(run: Run, found: Found, ends: bool) -> dict[str, Any]:
    names = {"samples": [str(i) for i in range(run.count)], "held_out": run.probe_domains}
    about = _about(found.quantity) | {"reason": _reason(found) or None}
    for kind in found.quantity.of:
        cells = [{"value": value} for value in found.values.of(kind)]
        if ends:
            low, high = _ends(found.interval, kind, len(cells))
            for cell, lo, hi in zip(cells, low, high, strict=True):
                cell |= {"lo": lo, "hi": hi}
        key = "samples" if kind == "samples" else "probes"
        about[key] = dict(zip(names[kind], cells, strict=True))
    return about


def _ends(interval: Values | None, kind: str, count: int) -> Any:
    return ([None] * count,) * 2 if interval is None else interval.of(kind)  # type: ignore[arg-type]


def listed(run: Run | None) -> dict[str, Any]:
    """`quantities` of `info --json`: what each is, and its means on the reference run."""
    found = {}
    for name, quantity in QUANTITIES.items():
        found[name] = _about(quantity) | {"sentence": quantity.sentence}
        if run is not None:
            reference = of_reference(run, quantity)
            found[name] |= {
                "reason": reference.reason or None,
                "reference": {row.who: row.value for row in means(reference, run.probe_domains)},
            }
    return found


def print_listed(facts: Mapping[str, Any]) -> None:
    """The registry for a person."""
    rows = [
        (name, fact["unit"], fact["better"], fact["how"], *_both_means(fact.get("reference", {})))
        for name, fact in facts.items()
    ]
    columns = ["on the reference run", "unit", "better", "comes about", "samples", "held out"]
    print_table(columns, rows)
    for fact in facts.values():
        if fact.get("reason"):
            print(for_terminal(f"{fact['title']}: {fact['reason']}"))


def _both_means(reference: Mapping[str, float]) -> tuple[str, str]:
    """Over samples, and over held-out domains; a dash where there is none."""
    held_out = [value for who, value in reference.items() if who != SAMPLES]
    samples, domains = reference.get(SAMPLES, np.nan), np.mean(held_out) if held_out else np.nan
    return _number(samples), _number(float(domains))


def print_values(run: Run, found: Sequence[Found], name: str) -> None:
    """Quantities beside the reference's, but for losses, which have a table of their own."""
    rows = []
    for part in found:
        if isinstance(part.quantity, ReadOut) and not valued(part.quantity):
            continue
        known = [row.value for row in means(of_reference(run, part.quantity), run.probe_domains)]
        for row, before in zip(means(part, run.probe_domains), known, strict=True):
            told = (
                *map(_number, (before, row.value)),
                _number(row.value - before, "+"),
                _range(row),
            )
            rows.append((part.quantity.title, row.who, *told, f"{part.quantity.better} is better"))
    columns = ["quantity", "of", "reference", name, "change", "90 %", ""]
    if name == "reference":  # beside itself nothing changes
        columns, rows = [*columns[:3], ""], [(*row[:3], row[-1]) for row in rows]
    print_table(columns, rows)
    for part in found:
        if part.reason:
            print(for_terminal(f"{part.quantity.title}: {_reason(part)}"))


def _about(quantity: Quantity) -> dict[str, Any]:
    return {
        "title": quantity.title, "unit": quantity.unit, "better": quantity.better,
        "how": quantity.how,
    }  # fmt: skip


def _reason(found: Found) -> str:
    return _RETRAIN if found.reason == NOT_ESTIMATED else found.reason


def _range(row: Mean) -> str:
    return f"{row.low:.4f} … {row.high:.4f}" if np.isfinite(row.low) else ""


def _number(value: float, sign: str = "") -> str:
    return f"{value:{sign}.4f}" if np.isfinite(value) else "–"
