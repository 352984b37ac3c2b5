"""What the home page shows: the run in facts, its loss curve, its measured fidelity."""

from typing import Any

import numpy as np
import streamlit as st

from reorder_core.judge.cautions import cautions as judged_cautions
from reorder_core.records.fidelity import FidelityReport, Measured
from reorder_core.store.run import Run
from ui.app import open_run, theme
from ui.queries import packed

MEASURES = ("r2", "rho_within", "rho_sample", "rho_heldout")
ESTIMATORS = ("hybrid", "replay", "reference")


def lead(run: Run) -> dict[str, Any]:
    """What the first lines say."""
    return {"steps": run.steps, "count": run.count, "name": run.name}


def cautions(run: Run) -> list[str]:
    """Reasons to distrust this run: those of `reorder_core.judge.cautions`, damaged files."""
    return [*_cautions(run, run.fingerprint), *run.problems]


@st.cache_data(max_entries=8, show_spinner=False)
def _cautions(_run: Run, fingerprint: str) -> list[str]:
    return judged_cautions(_run)


def record(run: Run) -> dict[str, Any]:
    """All that the home page draws."""
    domains = theme.ordered_domains(run.domains)
    by_id = {sample.sample_id: domains.index(sample.domain) for sample in run.samples}
    return {
        "name": run.name,
        "run": run.id,
        "facts": facts(run),
        "steps": run.steps,
        "batch": run.batch_size,
        "domains": domains,
        "mosaic": [by_id[int(sample_id)] for sample_id in run.reference_order],
        "loss": packed.packed(run.reference.loss),
        "learningRate": packed.packed(run.reference.learning_rate),
        "evalSteps": np.asarray(run.eval_steps).tolist(),
        "heldOut": packed.packed(np.asarray(run.reference.probe_loss_at).mean(axis=1)),
        "fidelity": [fidelity(report) for report in run.fidelity],
        "fidelityCommand": f"python -m reorder_core fidelity {open_run.shown(run.path)} "
        "--family random --orders 32 --seed 7",
        "retrained": len(run.ledger),
    }


def facts(run: Run) -> list[dict[str, str]]:
    """The run card: label, value, and what the value means."""
    config, training = run.config, run.config.training
    return [
        _fact(
            "Text",
            config.corpus.label,
            f"{run.count} samples in {len(run.domains)} domains, at most "
            f"{config.corpus.sequence_length} tokens each",
        ),
        _fact(
            "Model",
            _model_name(config.model.family),
            f"{config.model.layers} layers, width {config.model.hidden_size}, "
            f"vocabulary {config.tokenizer.vocab_size}",
        ),
        _fact(
            "Training",
            f"{run.steps} steps × {run.batch_size}",
            f"{training.optimizer.capitalize()}, learning rate {training.learning_rate:g} "
            f"{training.schedule}; base phase of {training.base.steps} steps before it",
        ),
        _fact("Seed", str(config.seed), "Draws the text, the weights, the projection"),
        _fact(
            "Precomputation",
            f"{run.precompute_rre:.1f} RRE",
            "Reference-run equivalents: its cost in reference trainings",
        ),
        _fact("Run", run.id, "Names this run's configuration and data; orders belong to one run"),
    ]


def fidelity(report: FidelityReport) -> dict[str, Any]:
    """One saved report, reduced to what the trust panel draws."""
    return {
        "family": report.family,
        "orders": report.orders,
        "seed": report.seed,
        "spread": report.spread,
        "estimators": {
            name: {measure: _measure(measured, measure) for measure in MEASURES}
            | {"coverage90": measured.coverage90, "queryMs": measured.query_ms_p50}
            for name in ESTIMATORS
            if (measured := report.estimators.get(name)) is not None
        },
    }


def _measure(measured: Measured, name: str) -> dict[str, float | None]:
    low, high = measured.interval(name) or (None, None)
    return {"value": getattr(measured, name), "lo": low, "hi": high}


def _fact(label: str, value: str, note: str) -> dict[str, str]:
    return {"label": label, "value": value, "note": note}


def _model_name(family: str) -> str:
    return {"llama": "Llama", "gpt2": "GPT-2", "gpt_neox": "GPT-NeoX"}[family]
