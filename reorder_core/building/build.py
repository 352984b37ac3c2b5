"""`build`: from a configuration to a published run, resumable at any moment."""

from pathlib import Path

from reorder_core.building import calibration, reference_run
from reorder_core.building.anchor_gradients import take_gradients
from reorder_core.building.checks import refuse_changed_text, refuse_contradictions
from reorder_core.building.curvature import take_curvature
from reorder_core.building.held_out import take_adjoint
from reorder_core.building.position_table import fit_position_table
from reorder_core.building.read_outs import read_out_stages
from reorder_core.building.stages import BuildContext, BuildStage, BuildState, Progress
from reorder_core.building.text import prepare_text
from reorder_core.config import RunConfig
from reorder_core.execution.executor import Executor, InProcess
from reorder_core.store.lock import BuildLock
from reorder_core.store.published import publish_results
from reorder_core.store.texts import read_report


def _files(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}.safetensors" for name in names)


def _publish(context: BuildContext) -> float:
    paid = reference_run.measure_reference(context)
    publish_results(context.path / "results.duckdb", context.run())
    return paid


STAGES = (
    BuildStage(
        "corpus", ("corpus.json", "tokenizer.json", *_files("tokens", "base_tokens")),
        prepare_text,
    ),
    BuildStage("base", _files("start"), reference_run.train_base),
    BuildStage(
        "reference", _files("reference", reference_run.CHECKPOINTS), reference_run.train_reference
    ),
    BuildStage("gradients", _files("projected"), take_gradients),
    BuildStage("curvature", _files("curvature"), take_curvature),
    BuildStage(
        "calibration", _files("calibration", calibration.MEASURED), calibration.train_calibration
    ),
    BuildStage("centre", _files("centre"), calibration.take_centre),
    BuildStage("adjoint", _files("adjoint"), take_adjoint, gained=True),
    BuildStage("position", _files("position"), fit_position_table),
    *read_out_stages(),
    BuildStage("results", ("results.duckdb",), _publish),
)  # fmt: skip


def build_run(
    config: RunConfig,
    out: Path,
    on_progress: Progress = lambda label, done, total: None,
    executor: Executor | None = None,
) -> Path:
    """The folder of a complete run; what an earlier build left there is used again.

    An `executor` has draws and designed retrainings done by its workers, with the same bits.

    Raises RunBusy while another process builds there, ConfigError where the
    folder holds another run or one of a text that has changed since, CorpusError
    for text that is not enough.
    """
    refuse_contradictions(config)
    with BuildLock(out):
        state = BuildState(out, config)
        context = BuildContext(config, out, on_progress, executor or InProcess())
        corpus = out / "corpus.json"
        if refuse_changed_text(config, out, read_report(corpus), state.is_past("corpus")):
            corpus.unlink()  # the stage that wrote it is done again
        state.run_stages(STAGES, context)
        kept = config.keep_checkpoints
        unkept = () if kept else _files("base_tokens", reference_run.CHECKPOINTS)
        drop = (*_files(calibration.MEASURED), *unkept)
        return state.publish(seeds={"run": config.seed}, drop=drop).path
