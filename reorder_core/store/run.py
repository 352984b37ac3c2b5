"""An open run: its samples, its reference training and the arrays estimators need."""

import json
import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reorder_core.config import RunConfig
from reorder_core.errors import RunBusy, RunNotFound, StoreError
from reorder_core.orders.order import Order
from reorder_core.orders.visits import Visits, make_visits
from reorder_core.records.fidelity import FidelityReport
from reorder_core.records.losses import Losses
from reorder_core.store.contents import Contents
from reorder_core.store.costs import evaluation_rre
from reorder_core.store.files import (
    Arrays,
    arrays_in,
    file_digest,
    json_digest,
    json_in,
    metadata_in,
    read_arrays,
    read_json,
    read_metadata,
)
from reorder_core.store.ledger import Ledger, Retrained
from reorder_core.store.leftovers import remove_left
from reorder_core.store.lock import lock_holder
from reorder_core.store.manifest import (
    BUILD_FILE,
    RUN_FILE,
    STAGES_KEY,
    Manifest,
    check_files,
    read_manifest,
    run_id,
)  # fmt: skip
from reorder_core.store.measured import READ_OUTS, MeasuredValues
from reorder_core.store.reports import Reports, read_reports, report_files
from reorder_core.store.texts import Sample, Texts, domains_of, read_corpus, texts_in

log = logging.getLogger(__name__)
Array = NDArray[np.float32]
CORPUS_FILE = "corpus.json"
_MOST_TOLD = 3
_NOT_PRECOMPUTED = {"corpus", "tokenizer", "base", "reference", "results"}


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The run really trained; losses in nats per token."""

    loss: Array
    """(T,) mean loss of each step's batch, before its update."""
    learning_rate: Array
    """(T,)"""
    losses_at: Losses
    """(E, N) and (E, D) after `run.eval_steps` steps; row 0 is before training."""

    @property
    def before(self) -> Losses:
        """(N,) and (D,) before training, where no order has any effect yet."""
        return self.losses_at[0]

    @property
    def final(self) -> Losses:
        """(N,) and (D,) at the end."""
        return self.losses_at.final


class Run:
    """A run folder, read lazily; made by `open_run`, or by `unfinished_run` inside a build."""

    def __init__(self, path: Path, identity: str, config: RunConfig, manifest: Manifest | None):
        self.path, self.id, self.config, self.manifest = path, identity, config, manifest
        self._reports: tuple[Any, Reports] | None = None

    def __repr__(self) -> str:
        return f"Run({self.id!r}, {str(self.path)!r})"

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def count(self) -> int:
        """N, samples, the reserve among them."""
        return self.config.corpus.samples + self.config.corpus.reserve

    @cached_property
    def visits(self) -> Visits:
        """What an order permutes; each sample once in a run of one epoch without a bench."""
        training, corpus = self.config.training, self.config.corpus
        named = self.samples if corpus.repetitions else ()
        return make_visits(
            (training.steps, training.batch_size), corpus.samples, training.epochs,
            corpus.reserve, corpus.repetitions, [(*s.flags, s.domain) for s in named],
        )  # fmt: skip

    @property
    def batch_size(self) -> int:
        return self.config.training.batch_size

    @property
    def steps(self) -> int:
        """T, updates of the analysed training."""
        return self.config.training.steps

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The training samples; `samples[i].sample_id == i`."""
        return self._texts.samples

    @property
    def probes(self) -> tuple[Sample, ...]:
        """The held-out samples."""
        return self._texts.probes

    @cached_property
    def domains(self) -> tuple[str, ...]:
        """Domains of the training samples, sorted."""
        return domains_of(sample.domain for sample in self.samples)

    @property
    def probe_domains(self) -> tuple[str, ...]:
        """Domains of the held-out samples, sorted: the columns of every probe loss."""
        return self._texts.probe_domains

    @cached_property
    def reference_order(self) -> Order:
        return self.visits.make_order(self.arrays("reference")["order"])

    @cached_property
    def eval_steps(self) -> NDArray[np.int32]:
        """(E,) after how many steps losses were taken; the first is 0, the last is T."""
        return self.arrays("reference")["eval_steps"]

    @cached_property
    def reference(self) -> Reference:
        arrays = self.arrays("reference")
        losses_at = Losses(arrays["sample_loss_at"], arrays["probe_loss_at"])
        return Reference(arrays["loss"], arrays["learning_rate"], losses_at)

    @cached_property
    def ledger(self) -> Ledger:
        """Real retrainings; the one part of a run that grows."""
        return Ledger(
            self.path / "ledger", self.id, self.visits, len(self.probe_domains),
            len(self.eval_steps),
        )  # fmt: skip

    @cached_property
    def measured(self) -> MeasuredValues:
        """What was measured on real parameters, by order hash; it grows, too."""
        folder = self.path / "measured"
        return MeasuredValues(folder, self.id, self.count, len(self.probe_domains))

    def keep(self, retrained: Retrained) -> None:
        """Append a retraining to the ledger, and what it measured beside it.

        Raises StoreError where the folder cannot be written.
        """
        if retrained.measured:
            self.measured.keep(retrained.order_hash, retrained.measured)
        self.ledger.append(retrained)

    def trains_as(self, order: Order) -> str:
        """Alike for orders that train the same samples at each step."""
        return self.visits.trains_as(order)

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each damaged file of what grows beside the run; all else is whole."""
        damaged = (*self.ledger.damaged, *self.measured.damaged)
        told = [str(damage) for damage in damaged[:_MOST_TOLD]]
        if len(damaged) > _MOST_TOLD:
            told.append(
                f"{len(damaged) - _MOST_TOLD} more files beside the run are damaged as well"
            )
        return (*self.reports.problems, *told)

    @property
    def fidelity(self) -> tuple[FidelityReport, ...]:
        """Saved fidelity reports of this run, newest first."""
        return self.reports.good

    @property
    def reports(self) -> Reports:
        """The same, with what is wrong with the files that cannot be read; read anew if changed."""
        state = report_files(self.path / "fidelity")
        if self._reports is None or self._reports[0] != state:
            self._reports = state, read_reports(self.path / "fidelity", self.id)
        return self._reports[1]

    @cached_property
    def costs(self) -> dict[str, dict[str, float]]:
        """Of each build stage, in reference trainings and in seconds."""
        if self.manifest is None:
            stages = read_json(self.path / BUILD_FILE)[STAGES_KEY]
            return {k: {"rre": s["rre"], "seconds": s["seconds"]} for k, s in stages.items()}
        costs = self.manifest.costs.items()
        return {name: {"rre": cost.rre, "seconds": cost.seconds} for name, cost in costs}

    @property
    def precompute_rre(self) -> float:
        """What queries cost before the first: all stages but the reference run and before it."""
        return sum(c["rre"] for name, c in self.costs.items() if name not in _NOT_PRECOMPUTED)

    @property
    def evaluation_rre(self) -> float:
        """Cost of the losses of all samples and probes."""
        return evaluation_rre(self.count, len(self.probes), self.visits.trained)

    @property
    def bytes(self) -> int:
        """Size of the published files."""
        return sum(record.bytes for record in self.manifest.files.values()) if self.manifest else 0

    @cached_property
    def fingerprint(self) -> str:
        """Names the losses in the run: changes whenever a published file does that they may
        depend on, so not with what is read out besides."""
        files = sorted((k, f.sha256) for k, f in self._files.items() if READ_OUTS not in k)
        return json_digest(files)[:16]

    @property
    def _files(self) -> dict[str, Any]:
        return self.manifest.files if self.manifest else {}

    @cached_property
    def _contents(self) -> Contents:
        return Contents(self.path, self._files)

    @cached_property
    def _texts(self) -> Texts:
        path = self.path / CORPUS_FILE
        if CORPUS_FILE in self._contents:
            texts = texts_in(json_in(self._contents.read(CORPUS_FILE), path), path)
        else:
            texts = read_corpus(path)
        if len(texts.samples) != self.count:
            raise StoreError(
                f"{path} has {len(texts.samples)} samples, "
                f"expected {self.count}; build the run again"
            )
        return texts

    def file(self, name: str) -> Path:
        """Where the run keeps the arrays of that name: "projected", "checkpoints/0004" …"""
        return self.path / f"{name}.safetensors"

    def arrays(self, name: str) -> Arrays:
        """The named arrays of RUN/<name>.safetensors, read-only, as they were published.

        Raises StoreError where the run has none, or the file is not as published.
        """
        key, path = f"{name}.safetensors", self.file(name)
        if key in self._contents:
            return arrays_in(self._contents.read(key), path)
        return read_arrays(path)  # inside a build, before anything is published

    def metadata(self, name: str) -> dict[str, str]:
        """The text that was saved beside those arrays."""
        key, path = f"{name}.safetensors", self.file(name)
        if key in self._contents:
            return metadata_in(self._contents.read(key), path)
        return read_metadata(path)

    def load_checked(self, name: str) -> Arrays:
        """As `arrays`, but only what the run was published with."""
        key = f"{name}.safetensors"
        if self.manifest is not None and key not in self._contents:
            raise StoreError(f"this run was published without {key}; build it again to get it")
        return self.arrays(name)

    def read_light(self) -> None:
        """Read all that queries need, comparing digests; the heavier files are only measured."""
        self._contents.read_all({name for name in self._files if not _is_heavy(name)})

    def verify(self) -> None:
        """Compare every file's digest now; StoreError names the first that is not as published."""
        check_files(self.path, self._files)


def open_run(path: Path | str) -> Run:
    """The run in a folder, after comparing the digests of all that a query reads.

    Raises RunNotFound, RunBusy while it is being built, StoreError where a
    build was cut off or a file is missing, truncated or altered.
    """
    path = Path(path)
    if not (path / RUN_FILE).is_file():
        raise _why_not_a_run(path)
    manifest = read_manifest(path)
    run = Run(path, manifest.id, manifest.config, manifest)
    run.read_light()
    remove_left(path)
    return run


def unfinished_run(path: Path, config: RunConfig) -> Run:
    """The run that a build is making, for steps that already query it.

    Needs corpus.json and start.safetensors, which the run's id comes from.
    """
    start = file_digest(path / "start.safetensors")
    corpus = read_corpus(path / "corpus.json").digest
    return Run(path, run_id(config, corpus, start), config, None)


def _is_heavy(name: str) -> bool:
    """Whether only retraining reads the file, so that opening merely measures it."""
    return name.startswith(("tokens.", "start.", "checkpoints/"))


def _why_not_a_run(path: Path) -> Exception:
    if not path.is_dir():
        return RunNotFound(
            f"no run at {path}: there is no such folder; "
            "make one with: python -m reorder_core build CONFIG --out RUN"
        )
    if not (path / BUILD_FILE).is_file():
        return RunNotFound(f"{path} is no run folder: it has neither {RUN_FILE} nor {BUILD_FILE}")
    progress = _progress(path)
    if lock_holder(path) is not None:
        return RunBusy(f"{path} is being built ({progress}); open it when the build has ended")
    return StoreError(f"{path} is unfinished ({progress}); run the build command again to resume")


def _progress(path: Path) -> str:
    try:
        state = json.loads((path / BUILD_FILE).read_text(encoding="utf-8"))
        planned = list(state["planned"])
        at = min(len(state[STAGES_KEY]), len(planned) - 1)
        return f"stage {at + 1} of {len(planned)}, {planned[at]}"
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return "its first stage"
