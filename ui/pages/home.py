"""What the home page shows: the question, how far to trust answers, the run that was trained."""

from html import escape

import numpy as np
import pandas as pd
import streamlit as st

from reorder_core.config import PretrainedModel, RunConfig
from reorder_core.judge.cautions import cautions as judged_cautions
from reorder_core.records.fidelity import FidelityReport, Measured
from reorder_core.store.run import Run
from ui.app import open_run, panels
from ui.app.markdown import plain
from ui.charts.dots import Axis, dots
from ui.charts.loss_curve import loss_curve
from ui.charts.mosaic import mosaic
from ui.charts.template import Source
from ui.pages import fidelity_sentences
from ui.queries import estimates

QUESTIONS = {
    "r2": "How much of what an order changes is foretold? R²",
    "r2_heldout": "And of what it changes in held-out text? R²",
    "rho_within": "Which samples does an order leave poorly learned? ρ",
    "rho_sample": "In which order is a sample learned best? ρ",
    "rho_heldout": "Which order generalizes best? ρ",
}
"""Measure of a fidelity report → the question it answers, its symbol after it."""
SERIES = {
    estimates.ESTIMATOR: ("this estimate", "estimate"),
    "replay": ("simple replay", "domain-1"),
    "reference": ("“nothing changes”", "reference"),
}
"""Estimator → what it is called here, its colour."""


def lead(run: Run) -> None:
    """The question this run answers."""
    with st.container(key="ro_lead"):
        st.title(
            "What would this model have learned, had its data come in another order?", anchor=False
        )
        st.markdown(
            f"The run “{plain(run.name)}” was really trained once, on {trained_samples(run)} "
            f"samples in {run.steps} steps. Reorder estimates, without retraining, the loss of "
            "every sample and of held-out text under any other order, and lets a real retraining "
            "judge."
        )


def trained_samples(run: Run) -> int:
    """Samples but the reserve, which the reference run does not train."""
    return run.count - run.visits.reserve


def cautions(run: Run) -> list[str]:
    """Reasons to distrust this run: those of `reorder_core.judge.cautions`, damaged files."""
    return [*_cautions(run, run.fingerprint), *run.problems]


@st.cache_data(max_entries=8, show_spinner=False)
def _cautions(_run: Run, fingerprint: str) -> list[str]:
    return judged_cautions(_run)


def trust(run: Run) -> None:
    """How the estimates did against real retraining, for a family of orders to choose."""
    about = (
        "Measured on orders that were really trained and never used for fitting. 0: no better than "
        "knowing nothing; 1: as good as retraining. R²: the share of the order’s effect on final "
        "losses that is explained; an arrow at the left end is below 0, worse than “nothing "
        "changes”. ρ: Spearman rank correlation of estimate and retraining; across the "
        "samples of one order it is high for anyone, as samples differ more than orders do."
    )
    with panels.panel("trust", "How far to trust the answers", about):
        reports = {r.family: r for r in fidelity_sentences.best_reports(run.fidelity)}
        if not reports:
            _measure_first(run)
            return
        report = reports[_choice(list(reports))]
        words = trust_words(report)
        frame = trust_frame(report)
        source = Source(run.id, f"{report.orders} {report.family} orders, seed {report.seed}")
        figure = dots(
            frame, Axis("0: no information → 1: as good as retraining", 2, signed=False,
                        line=None, limits=(0.0, 1.0)),
            name="trust", title=f"How far to trust the answers: {family_words(report)}",
            mode=panels.mode(), source=source, interval="95 % interval", above=True,
        )  # fmt: skip
        st.caption(words)
        panels.draw(figure, lambda: frame, words)


def family_words(report: FidelityReport) -> str:
    return fidelity_sentences.FAMILY_WORDS.get(report.family, report.family)


def _choice(families: list[str]) -> str:
    if len(families) < 2:
        return families[0]
    return st.segmented_control(
        "Orders that judged", families, default=families[0], required=True, key="ro_home_family",
        format_func=lambda name: fidelity_sentences.FAMILY_WORDS.get(name) or name,
        label_visibility="collapsed",
    ) or families[0]  # fmt: skip


def _measure_first(run: Run) -> None:
    st.markdown(
        "**Not yet measured.** Until it is, take every estimate with reserve. To measure it "
        "against 32 real retrainings, run"
    )
    st.code(
        f"python -m reorder_core fidelity {open_run.shown(run.path)} --family random --orders 32 "
        "--seed 7",
        language="bash",
    )


def trust_frame(report: FidelityReport) -> pd.DataFrame:
    """One row a question and estimator, for `dots`; questions that nobody answers are left out."""
    rows = []
    for measure, question in QUESTIONS.items():
        found = {name: report.estimators[name] for name in SERIES if name in report.estimators}
        if all(getattr(measured, measure) is None for measured in found.values()):
            continue
        rows += [
            _row(question, *SERIES[name], measured, measure) for name, measured in found.items()
        ]
    return pd.DataFrame(rows)


def _row(
    question: str, series: str, colour: str, measured: Measured, measure: str
) -> dict[str, str | float]:
    value, (low, high) = getattr(measured, measure), measured.interval(measure) or (None, None)
    numbers = {"value": value, "lo": low, "hi": high, "retrained": None}
    known = {key: np.nan if number is None else number for key, number in numbers.items()}
    return {"label": question, "series": series, "colour": colour, **known}


def trust_words(report: FidelityReport) -> str:
    """What judged, how often intervals held, and how large the effect is."""
    said = (
        f"{report.orders} {plain(family_words(report))}, seed {report.seed}, each really retrained."
    )
    measured = report.estimators.get(estimates.ESTIMATOR)
    if measured is not None and measured.coverage90 is not None:
        held = fidelity_sentences.percent(measured.coverage90)
        said += f" The 90 % intervals held the truth {held} of the time."
    if report.spread is not None:
        said += f" A sample’s final loss varies by {report.spread:.3f} nats over them."
    return said


def training(run: Run) -> None:
    """The loss curve of the run that was really trained."""
    reference = run.reference
    steps = pd.DataFrame(
        {"step": np.arange(1, run.steps + 1), "loss": np.asarray(reference.loss),
         "learning_rate": np.asarray(reference.learning_rate)}
    )  # fmt: skip
    held_out = pd.DataFrame(
        {"step": np.asarray(run.eval_steps), "loss": reference.losses_at.held_out}
    )
    about = (
        "The training that really happened. Dots: the loss of each step’s batch just before it is "
        "trained. Line: mean loss on text that was never trained, at the evaluation steps. Below: "
        "the learning rate of each step."
    )
    with panels.panel("loss-curve", "The run that was really trained", about):
        figure = loss_curve(steps, held_out, mode=panels.mode(), source=Source(run.id))
        ends = np.asarray(held_out["loss"])
        alt = f"Held-out loss went from {ends[0]:.3f} to {ends[-1]:.3f} nats per token."
        st.caption(f"{alt} Evaluated {len(ends)} times.")
        panels.draw(figure, lambda: steps, alt)


def trained_when(run: Run) -> None:
    """Which domain each step trains, in the reference order."""
    batch = run.batch_size
    frame = pd.DataFrame(
        [{"step": slot // batch + 1, "place": slot % batch + 1, "sample": int(sample),
          "domain": run.samples[int(sample)].domain}
         for slot, sample in enumerate(run.visits.batches(run.reference_order).reshape(-1))]
    )  # fmt: skip
    about = "A column is a training step, a cell a sample, coloured by its domain."
    with panels.panel("mosaic", "What is trained when", about):
        figure = mosaic(frame, mode=panels.mode(), source=Source(run.id))
        words = f"Domains of {trained_samples(run)} samples in {run.steps} steps"
        panels.draw(figure, lambda: frame, words)


def card(run: Run) -> None:
    """The run in facts."""
    items = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd>"
        f'<dd class="ro-fact-note">{escape(note)}</dd></div>'
        for label, value, note in facts(run)
    )
    st.html(f'<div class="ro"><dl class="ro-facts">{items}</dl></div>')


def facts(run: Run) -> list[tuple[str, str, str]]:
    """The run card: label, value, and what the value means."""
    config, training = run.config, run.config.training
    before = f"; base phase of {training.base.steps} steps before it" if training.base.steps else ""
    reserve = f", {run.visits.reserve} more in reserve," if run.visits.reserve else ""
    return [
        ("Text", config.corpus.label,
         f"{trained_samples(run)} samples{reserve} in {len(run.domains)} domains, at most "
         f"{config.corpus.sequence_length} tokens each"),
        _model(config),
        ("Training", f"{run.steps} steps × {run.batch_size}",
         f"{training.optimizer.capitalize()}, learning rate {training.learning_rate:g} "
         f"{training.schedule}{before}"),
        ("Prepared at the cost of", f"{run.precompute_rre:.1f} trainings",
         "Of this run (RRE): paid once, before the first estimate"),
        ("Retrained", f"{len(run.ledger)} orders",
         "In the ledger: they judge the estimates on the Fidelity page"),
        ("Seed", str(config.seed), "Drew the text, the weights, and which weights are followed"),
        ("Run", run.id, "Names this configuration and data; orders belong to one run"),
    ]  # fmt: skip


def _model(config: RunConfig) -> tuple[str, str, str]:
    model = config.model
    if isinstance(model, PretrainedModel):
        return ("Model", model.title, "Pretrained, with its own tokenizer; trained further here")
    name = {"llama": "Llama", "gpt2": "GPT-2", "gpt_neox": "GPT-NeoX"}[model.family]
    words = f"{model.layers} layers, width {model.hidden_size}"
    return ("Model", name, f"{words}, vocabulary {config.tokenizer.vocab_size}")
