"""`build`: from a configuration to a published run, resumable at any moment."""

from pathlib import Path

from reorder_core.building import designed, precompute
from reorder_core.building.checks import refuse_changed_text, refuse_contradictions
from reorder_core.building.stages import BuildContext, BuildState, BuildStep, Progress
from reorder_core.config import RunConfig
from reorder_core.estimators.position import fit_position_table
from reorder_core.store.lock import BuildLock
from reorder_core.store.published import publish_results
from reorder_core.store.texts import read_report


def _files(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}.safetensors" for name in names)


def _publish(context: BuildContext) -> float:
    publish_results(context.path / "results.duckdb", context.run())
    return 0.0


STEPS = (
    BuildStep(
        "corpus", ("corpus.json", "tokenizer.json", *_files("tokens", "base_tokens")),
        precompute.prepare_text,
    ),
    BuildStep("base", _files("start"), precompute.train_base),
    BuildStep(
        "reference", _files("reference", precompute.CHECKPOINTS), precompute.train_reference
    ),
    BuildStep("gradients", _files("projected"), precompute.take_gradients),
    BuildStep("curvature", _files("curvature"), precompute.take_curvature),
    BuildStep(
        "calibration", _files("calibration", designed.MEASURED), designed.train_calibration
    ),
    BuildStep("centre", _files("centre"), designed.take_centre),
    BuildStep("position", _files("position"), fit_position_table),
    BuildStep("results", ("results.duckdb",), _publish),
)  # fmt: skip


def build_run(
    config: RunConfig, out: Path, on_progress: Progress = lambda label, done, total: None
) -> Path:
    """The folder of a complete run; what an earlier build left there is used again.

    Raises RunBusy while another process builds there, ConfigError where the
    folder holds another run or one of a text that has changed since, CorpusError
    for text that is not enough.
    """
    refuse_contradictions(config)
    with BuildLock(out):
        state, context = BuildState(out, config), BuildContext(config, out, on_progress)
        corpus = out / "corpus.json"
        if refuse_changed_text(config, out, read_report(corpus), state.is_past("corpus")):
            corpus.unlink()  # the step that wrote it is done again
        state.run_steps(STEPS, context)
        kept = config.keep_checkpoints
        unkept = () if kept else _files("base_tokens", precompute.CHECKPOINTS)
        drop = (*_files(designed.MEASURED), *unkept)
        return state.publish(seeds={"run": config.seed}, drop=drop).path
