"""`plan`: what a build would cost, from its configuration, its text and one timed step.

RRE come from the formulas that the build itself records (`costs`), bytes from
the shapes of what it writes; a test compares both with a real build.
"""

import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from reorder_core.building.foretelling import Expected, Proposal, expected, propose, warnings
from reorder_core.building.position_table import CHUNK, near_orders
from reorder_core.config import RunConfig, has_lora
from reorder_core.estimators.replay.packing import LEVELS
from reorder_core.quantities import VALUED, ReadOut
from reorder_core.quantities.quantity import BOTH
from reorder_core.store import costs
from reorder_core.store.leftovers import scratch_folder
from reorder_core.store.measured import read_out_file
from reorder_core.store.texts import read_report
from reorder_core.training.schedule import anchor_steps

TIMED_AT_MOST = 50_000_000
"""Parameters; a larger model is not made in memory to be timed."""
QUERIED = (
    "reference", "projected", "curvature", "calibration", "centre", "adjoint", "position",
    "results.duckdb",
)  # fmt: skip
NO_PRECOMPUTATION = ("base", "reference", "results")
_DATABASE = 262_144
"""DuckDB's smallest file, about; what is in it grows with the text."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The cost of a build before it is paid."""

    config: RunConfig
    parameters: int
    """n"""
    rre: dict[str, float]
    """Build stage → reference trainings; 1.0 of `reference` is that training itself."""
    bytes: dict[str, int]
    """File → bytes, of those that stay in the run folder."""
    seconds: float | None
    """Of the whole build on this machine; None for a model that is not timed."""
    memory: int | None = None
    """Bytes at the peak of a step and of single samples' gradients, on trial; None likewise."""
    read: dict[str, Any] | None = None
    """What was read and left out; see `corpus.prepare`."""
    expected: Expected | None = None
    """Fidelity as it was measured with settings like these; None where nothing like them was."""
    warnings: tuple[str, ...] = ()
    """What makes estimates noise."""
    proposal: Proposal | None = None
    """What the budget that was asked about buys."""

    @property
    def precompute_rre(self) -> float:
        """Of the precomputation alone, as a built run counts it."""
        return precomputed(self.rre)

    @property
    def query_bytes(self) -> int:
        """Of the files that an estimate reads."""
        read = (read_out_file(quantity.name) for quantity in VALUED)
        return sum(self.bytes[name] for name in (*QUERIED, *read))

    @property
    def paper_bytes(self) -> int:
        """T² update terms of n float32 numbers (arXiv 2505.22042), before they are projected."""
        return 4 * self.parameters * self.config.training.steps**2


@dataclass(frozen=True, slots=True)
class _Text:
    """What preparing the text gave."""

    vocab_size: int
    probes: int
    domains: int
    files: dict[str, int]
    tokens: np.ndarray
    """(b, L) of the first batch."""
    lengths: np.ndarray
    read: dict[str, Any] | None


def precomputed(rre: dict[str, float]) -> float:
    """Trainings that precomputation takes: all but the base phase, the run itself, results."""
    return sum(cost for stage, cost in rre.items() if stage not in NO_PRECOMPUTATION)


def make_plan(config: RunConfig, budget: float | None = None) -> Plan:
    """Reads and tokenizes the text as a build would, then computes; trains nothing.

    With a `budget`, in reference trainings of precomputation, proposes settings for it.

    Raises CorpusError for text that is not enough, ConfigError for what a build refuses.
    """
    from reorder_core.building.checks import refuse_contradictions
    from reorder_core.training.model import parameter_count

    refuse_contradictions(config)
    text = _prepared(config)
    length = config.corpus.sequence_length
    parameters = parameter_count(config.model, text.vocab_size, length)
    rre, sizes = _rre(config, text, parameters), _bytes(config, text, parameters)
    seconds = memory = None
    if parameters <= TIMED_AT_MOST:
        step, memory = _tried_step(config, text)
        training = step * config.training.steps
        seconds = sum(rre.values()) * training + _position_seconds(config, text, parameters)
    proposal = None
    if budget is not None:
        proposal = propose(config, budget, lambda c: precomputed(_rre(c, text, parameters)))
    return Plan(
        config, parameters, rre, sizes, seconds, memory, text.read, expected(config),
        tuple(warnings(config)), proposal,
    )  # fmt: skip


def _prepared(config: RunConfig) -> _Text:
    """The build's own first stage, in a folder that goes away."""
    from reorder_core.building.stages import BuildContext
    from reorder_core.building.text import prepare_text

    with scratch_folder() as folder:
        context = BuildContext(config, folder, lambda *_: None)
        prepare_text(context)
        tokens, batch = context.load("tokens"), config.training.batch_size
        return _Text(
            int(context.metadata("base_tokens")["vocab_size"]),
            len(tokens["probes"]),
            int(tokens["probe_domain"].max()) + 1,
            {_name(found): os.path.getsize(found) for found in sorted(folder.iterdir())},
            np.array(tokens["train"][:batch]),
            np.array(tokens["train_lengths"][:batch]),
            read_report(folder / "corpus.json"),
        )


def _name(path: Path) -> str:
    return path.name.removesuffix(".safetensors")


def _rre(config: RunConfig, text: _Text, parameters: int) -> dict[str, float]:
    from reorder_core.building.curvature import draws
    from reorder_core.building.held_out import stretch
    from reorder_core.building.mean_path import FEWEST

    samples, base = _count(config), config.training.base
    trained = config.training.steps * config.training.batch_size
    anchors = anchor_steps(config.training.steps, config.projection.anchors)
    drawn, orders = draws(config.projection.rank, samples), config.calibration.orders
    sizes = samples, text.probes, trained
    return {
        "base": costs.base_rre(base.steps, base.batch_size, trained),
        "reference": costs.reference_rre(len(anchors), *sizes),
        "gradients": costs.gradients_rre(anchors, *sizes) + has_lora(config),
        "curvature": costs.curvature_rre(len(anchors), *drawn, trained),
        "calibration": costs.calibration_rre(orders, *sizes),
        "centre": costs.centre_rre(*sizes) if orders >= FEWEST else 0.0,
        "adjoint": costs.adjoint_rre(
            costs.swept_domains(text.domains),
            *sizes,
            stretch(config.training.steps, parameters) < config.training.steps,
        )
        if config.projection.adjoint
        else 0.0,
        **{f"read out {q.name}": costs.read_out_rre(q, *sizes) for q in VALUED},
        "results": costs.measuring_rre(*sizes),
    }


def _count(config: RunConfig) -> int:
    """N, the reserve among them."""
    return config.corpus.samples + config.corpus.reserve


def _visits(config: RunConfig) -> tuple[int, int]:
    """V and the columns of the position table; spare visits come on top, which the text decides."""
    visits = _count(config) * config.training.epochs
    return visits, -(-visits // config.training.batch_size)


def _bytes(config: RunConfig, text: _Text, parameters: int) -> dict[str, int]:
    """File → bytes without the header of each, which takes about a kilobyte."""
    count, domains, steps = _count(config), text.domains, config.training.steps
    anchors, orders = config.projection.anchors, config.calibration.orders
    coordinates, rows = _coordinates(config, parameters), count + domains
    (visits, places), plain = _visits(config), not config.corpus.reserve
    plain = plain and config.training.epochs == 1
    gradients = (count * (anchors - 1), count * anchors, domains * anchors)
    gradients += () if plain else (count,)
    files = dict(text.files)
    base_tokens = files.pop("base_tokens")
    kept = {"base_tokens": base_tokens, "checkpoints": 4 * anchors * parameters}
    return {
        **files,
        **(kept if config.keep_checkpoints else {}),
        "start": _start_bytes(config, parameters),
        "reference": 4 * (visits + 2 * steps + anchors + anchors * rows),
        "projected": 20 * coordinates
        + sum(_packed(config, rows, coordinates) for rows in gradients),
        "curvature": _packed(config, _rank(config), coordinates) + 4 * _rank(config) * domains,
        "calibration": 4 * orders * (visits + anchors * rows),
        "centre": _centre_bytes(config, domains, coordinates),
        "adjoint": 4
        * costs.swept_domains(domains)
        * steps
        * count
        * _replayed(config)
        * config.projection.adjoint,
        "position": 4 * visits * (2 * places * (1 + domains) + 2),
        **{
            read_out_file(q.name): _read_out_bytes(config, q, (count, domains), coordinates)
            for q in VALUED
        },
        "results.duckdb": _DATABASE + text.files["corpus.json"],
    }


def _read_out_bytes(
    config: RunConfig, quantity: ReadOut, rows: tuple[int, int], coordinates: int
) -> int:
    kept = [n for n, kind in zip(rows, BOTH, strict=True) if kind in quantity.of]
    return 8 * sum(rows) + sum(_packed(config, n, coordinates) for n in kept)


def _centre_bytes(config: RunConfig, domains: int, coordinates: int) -> int:
    from reorder_core.building.mean_path import FEWEST

    if config.calibration.orders < FEWEST:
        return 0
    count, steps, anchors = _count(config), config.training.steps, config.projection.anchors
    held = (count * (anchors - 1), count, domains, steps)
    return sum(_packed(config, rows, coordinates) for rows in held)


def _start_bytes(config: RunConfig, parameters: int) -> int:
    """θ_0, and Adam's two moments where there were updates before."""
    moments = bool(config.training.base.steps) and config.training.optimizer_state == "carry"
    return 4 * parameters * (3 if moments else 1)


def _replayed(config: RunConfig) -> int:
    """Tables beside each other: the exact one, the replay's, and that with fewer rows of Φ."""
    return 3 if config.projection.leading < _rank(config) else 2


def _coordinates(config: RunConfig, parameters: int) -> int:
    return min(config.projection.coordinates, parameters)


def _rank(config: RunConfig) -> int:
    """Rows of the curvature's factor."""
    from reorder_core.building.curvature import kept_rank

    return kept_rank(config.projection, _count(config))


def _packed(config: RunConfig, rows: int, coordinates: int) -> int:
    """Bytes of a matrix as `packing.pack` keeps it, with the scales of columns and rows."""
    bits = config.projection.bits
    scales = (coordinates if bits < 32 else 0) + (rows if bits <= 8 else 0)
    scales += LEVELS if bits == 4 else 0
    return rows * ((coordinates * bits + 7) // 8) + 4 * scales


def _tried_step(config: RunConfig, text: _Text) -> tuple[float, int]:
    """Seconds of one training step here, and the process's bytes at most, gradients included."""
    from reorder_core.training.loop import TrainState, make_batch, train, use_one_thread
    from reorder_core.training.model import build_model

    use_one_thread()
    model = build_model(config.model, text.vocab_size, config.corpus.sequence_length, config.seed)
    state = TrainState.fresh(model.initial_parameters())
    batch = make_batch(text.tokens, text.lengths)
    once = config.training.model_copy(update={"steps": 1, "warmup_steps": 0})
    seconds = _timed(lambda: train(model, state, [batch], once, config.training))
    model.sample_gradients(state.theta, batch, lambda rows: rows[:, :1])
    return seconds, _peak_bytes()


def _peak_bytes() -> int:
    """The most memory that this process has held."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def _position_seconds(config: RunConfig, text: _Text, parameters: int) -> float:
    """Of simulating the orders for the position table: two products with a factor a step."""
    coordinates, rank = _coordinates(config, parameters), max(1, _rank(config))
    factor = np.ones((rank, coordinates), np.float32)
    moved = np.ones((CHUNK, coordinates), np.float32)
    judged = config.projection.adjoint and costs.swept_domains(text.domains) == text.domains
    orders = config.position.orders
    chunks = -(-(orders + near_orders(orders, judged)) // CHUNK)
    return chunks * config.training.steps * _timed(lambda: (moved @ factor.T) @ factor)


def _timed(work: Callable[[], object]) -> float:
    """Median seconds of a few runs, the first one not counted."""
    times = []
    for _ in range(4):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return median(times[1:])
