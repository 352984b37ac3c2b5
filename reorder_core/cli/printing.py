"""What the command line prints: the agreed JSON objects, and tables for a person."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from reorder_core.building.plan import Plan
from reorder_core.cli import quantities, reading
from reorder_core.cli.tables import print_table
from reorder_core.errors import StoreError
from reorder_core.export.plain import for_terminal
from reorder_core.judge.cautions import cautions
from reorder_core.records.estimates import Estimate
from reorder_core.records.fidelity import FidelityReport
from reorder_core.store.ledger import Retrained
from reorder_core.store.manifest import RUN_FILE, read_manifest
from reorder_core.store.run import Run, open_run

_SHOWN = {
    "r2": "R²", "r2_heldout": "R² held out", "rho_sample": "ρ sample", "rho_within": "ρ within",
    "rho_heldout": "ρ held out",
    "rel_mae": "rel. MAE", "coverage90": "90 % covers", "query_ms_p50": "p50 ms",
    "precompute_rre": "RRE",
}  # fmt: skip


def estimated_answer(run: Run, estimate: Estimate, knows: str) -> dict[str, Any]:
    """The object that `estimate --json` prints; lo and hi are null without an interval.

    `knows`, the estimator's name with the retrainings that informed it, is there where some did.
    """
    final, ends = estimate.final, estimate.interval
    samples = _cells(final.samples, ends and ends.samples)
    probes = _cells(final.probes, ends and ends.probes)
    return {
        "run": run.id,
        "order_hash": estimate.order_hash,
        "estimator": estimate.estimator,
        "samples": {str(i): cell for i, cell in enumerate(samples)},
        "probes": dict(zip(run.probe_domains, probes, strict=True)),
        **({"knows": knows} if knows != estimate.estimator else {}),
    }


def retrained_answer(run: Run, retrained: Retrained) -> dict[str, Any]:
    """The object that `retrain --json` prints: the truth has no interval."""
    probes = zip(run.probe_domains, retrained.final.probes, strict=True)
    return {
        "run": run.id,
        "order_hash": retrained.order_hash,
        "estimator": "retrained",
        "samples": {str(i): {"loss": loss} for i, loss in enumerate(retrained.final.samples)},
        "probes": {domain: {"loss": loss} for domain, loss in probes},
    }


def _cells(losses: Any, interval: Any) -> list[dict[str, Any]]:
    lows, highs = ([None] * len(losses),) * 2 if interval is None else interval
    cells = zip(losses, lows, highs, strict=True)
    return [{"loss": loss, "lo": low, "hi": high} for loss, low, high in cells]


def open_anyway(path: Path) -> tuple[Run, str]:
    """The run and what is wrong with its files, "" where every digest is as published."""
    try:
        run = open_run(path)
        run.verify()
        return run, ""
    except StoreError as error:
        if not (path / RUN_FILE).is_file():
            raise
        manifest = read_manifest(path)
        return Run(path, manifest.id, manifest.config, manifest), str(error)


def about(run: Run, problem: str = "") -> dict[str, Any]:
    """The object that `info --json` prints; with a problem, only what run.yaml itself says."""
    training, model = run.config.training, run.config.model
    facts = {
        "run": run.id,
        "path": str(run.path),
        "problem": problem or None,
        "corpus": run.config.corpus.kind,
        "samples": run.count,
        "steps": run.steps,
        "batch_size": run.batch_size,
        "learning_rate": training.learning_rate,
        "optimizer": training.optimizer,
        "model": model.facts(),
        "precompute_rre": run.precompute_rre,
        "costs": run.costs,
        "bytes": run.bytes,
    }
    if not problem:
        facts["domains"], facts["ledger"] = list(run.domains), len(run.ledger)
        facts["fidelity"] = [report.saved() for report in run.fidelity]
        facts["cautions"] = [*cautions(run), *run.problems]
    facts["quantities"] = quantities.listed(None if problem else run)
    return facts


def print_about(run: Run, facts: Mapping[str, Any]) -> None:
    """`info` for a person."""
    rows = {
        "run": facts["run"],
        "corpus": f"{facts['corpus']}, {facts['samples']} samples",
        "domains": ", ".join(facts.get("domains", ())) or "unknown",
        "model": run.config.model.title,
        "training": f"{facts['steps']} steps of {facts['batch_size']}, {facts['optimizer']}, "
        f"learning rate {facts['learning_rate']:g}",
        "precompute": f"{facts['precompute_rre']:.1f} RRE (1 RRE: one reference training)",
        "size": f"{facts['bytes'] / 1e6:.1f} MB",
        "ledger": f"{facts.get('ledger', 'unknown')} retrainings",
    }
    print_table(["", ""], rows.items())
    costs = ((name, f"{c['rre']:.2f}", f"{c['seconds']:.1f}") for name, c in facts["costs"].items())
    print_table(["build stage", "RRE", "seconds"], costs)
    quantities.print_listed(facts["quantities"])
    for report in run.fidelity if "fidelity" in facts else ():
        print_fidelity(report)
    for caution in facts.get("cautions", ()):
        print(for_terminal(f"caution: {caution}"))


def print_built(run: Run, facts: Mapping[str, Any]) -> None:
    """What `build` tells at its end, with the next command to type."""
    if facts["read"]:
        reading.print_read(facts["read"])
    if facts["gained"]:
        gained = ", ".join(facts["gained"])
        print(f"{run.id} was built by an older version; it gained {gained}, all else is as it was")
    elif facts["already_built"]:
        print(f"{run.id} was built already, from this configuration and text; nothing was done")
    else:
        print(f"built {run.id} in {facts['build_seconds']:.0f} s, {run.bytes / 1e6:.1f} MB")
    print(f"precompute cost: {run.precompute_rre:.1f} RRE (1 RRE: one reference training)")
    for caution in facts["cautions"]:
        print(for_terminal(f"caution: {caution}"))
    print(f"next: streamlit run app.py -- --run {run.path}")


def planned(plan: Plan) -> dict[str, Any]:
    """The object that `plan --json` prints; seconds are null for a model too large to time."""
    return {
        "config": plan.config.name,
        "parameters": plan.parameters,
        "rre": {**plan.rre, "total": sum(plan.rre.values())},
        "bytes": {**plan.bytes, "total": sum(plan.bytes.values())},
        "seconds": plan.seconds,
        "memory": plan.memory,
        "query_bytes": plan.query_bytes,
        "paper_bytes": plan.paper_bytes,
        "precompute_rre": plan.precompute_rre,
        "expected": plan.expected and asdict(plan.expected),
        "warnings": list(plan.warnings),
        "proposal": plan.proposal
        and {"like": plan.proposal.preset, "rre": plan.proposal.rre, **plan.proposal.fields()},
        "read": plan.read,
    }


def print_plan(plan: Plan) -> None:
    """A plan as two tables."""
    config, training = plan.config, plan.config.training
    if plan.read:
        reading.print_read(plan.read)
    print(f"{config.name}: {plan.parameters:,} parameters, {config.corpus.samples} samples, "
          f"{training.steps} steps of {training.batch_size}")  # fmt: skip
    costs = [(name, f"{rre:.2f}") for name, rre in plan.rre.items()]
    total = f"{sum(plan.rre.values()):.2f}"
    print_table(["build stage", "RRE"], [*costs, ("in all", total)])
    sizes = [(name, _size(size)) for name, size in plan.bytes.items()]
    print_table(["file", "size"], [*sizes, ("in all", _size(sum(plan.bytes.values())))])
    told = "not foretold: the model is too large to time a step of it"
    if plan.seconds is not None:
        told = f"about {plan.seconds:.0f} s here, from a step timed now on one thread"
    print(f"build: {told}")
    if plan.memory is not None:
        print(f"memory at its peak: at least {_size(plan.memory)}, held in a step on trial")
    print(f"read by queries: {_size(plan.query_bytes)}")
    print(f"update terms of all pairs of steps, unprojected: {_size(plan.paper_bytes)}")
    _print_foretold(plan)


def _print_foretold(plan: Plan) -> None:
    found = plan.expected
    if found is None:
        print(
            "fidelity to expect: nothing like these settings was measured; build, then `fidelity`"
        )
    else:
        print(f"fidelity to expect of hybrid on random orders, about: R² {found.r2:.2f}, ρ of a "
              f"sample {found.rho_sample:.2f}, ρ held out {found.rho_heldout:.2f}; as preset "
              f"{found.settings} had on {found.source}")  # fmt: skip
    for warning in plan.warnings:
        print(for_terminal(f"warning: {warning}"))
    if plan.proposal is not None:
        parts = (f"{part}: {fields}" for part, fields in plan.proposal.fields().items())
        like = f"{plan.proposal.rre:.1f} RRE of precomputation, like {plan.proposal.preset}"
        print(f"for that budget ({like}): {'; '.join(parts)}".replace("'", ""))


def _size(size: float) -> str:
    """Bytes in the unit that leaves one to three digits before the point."""
    power = min(4, max(0, len(f"{size:.0f}") - 1) // 3)
    return f"{size / 1000**power:.3g} {('B', 'kB', 'MB', 'GB', 'TB')[power]}"


def print_losses(run: Run, answer: Mapping[str, Any]) -> None:
    """Losses under an order beside the reference's, by held-out domain and over all samples."""
    rows = []
    for domain, before in zip(run.probe_domains, run.reference.final.probes, strict=True):
        rows.append((f"held out: {domain}", before, answer["probes"][domain]))
    mean = {"loss": np.mean([cell["loss"] for cell in answer["samples"].values()])}
    rows.append(("training samples, mean", run.reference.final.samples.mean(), mean))
    source = answer.get("knows", answer["estimator"])
    print(f"{source}; order {answer['order_hash']}, run {answer['run']}")
    shown = (
        (name, _nats(before), _nats(cell["loss"]), f"{cell['loss'] - before:+.4f}", _range(cell))
        for name, before, cell in rows
    )
    print_table(["nats per token", "reference", answer["estimator"], "change", "90 %"], shown)


def print_fidelity(report: FidelityReport) -> None:
    """A fidelity report as a table, one row an estimator."""
    print(f"{report.orders} orders of family {report.family}, seed {report.seed}")
    rows = (
        (measured.knows or name, *(_digits(getattr(measured, key)) for key in _SHOWN))
        for name, measured in report.estimators.items()
    )
    print_table(["estimator", *_SHOWN.values()], rows)


def print_heat_map(measured: Mapping[str, Any]) -> None:
    """How alike the estimated and the true map are, one row an estimator; errors in nats."""
    samples, steps = measured["samples"], measured["steps"]
    print(f"{len(samples)} samples moved to {len(steps)} steps each: {len(samples) * len(steps)}")
    rows = (
        (values.get("knows", name), values["cells"],
         *(_digits(values[key]) for key in ("spearman", "spearman_rows")),
         *(f"{values[key] ** 0.5:.4f}" for key in ("mse", "mse_no_change")))
        for name, values in measured["estimators"].items()
    )  # fmt: skip
    columns = ["estimator", "moves", "Spearman", "within a sample", "RMSE", "RMSE of no change"]
    print_table(columns, rows)


def _nats(value: Any) -> str:
    return f"{float(value):.4f}"


def _digits(value: Any) -> str:
    return "–" if value is None else f"{value:.3f}"


def _range(cell: Mapping[str, Any]) -> str:
    if cell.get("lo") is None:
        return ""
    return f"{cell['lo']:.4f} … {cell['hi']:.4f}"
