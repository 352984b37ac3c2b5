"""A published run of any size, its files written as a build writes them, of invented numbers.

No model is trained: losses are a smooth function of the step that trains a sample, plus noise, so
that estimates, retrainings and figures have something to agree on.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reorder_core.building.position_table import fit_own
from reorder_core.building.stages import BuildContext, BuildStage, BuildState
from reorder_core.config import RunConfig
from reorder_core.corpus.samples import EncodedCorpus, TextSample, TokenizedSamples
from reorder_core.estimators.replay.packing import pack
from reorder_core.orders.order import Order, insert, order_hash
from reorder_core.recall.record import Recall, Recalls
from reorder_core.records.fidelity import FidelityReport, Measured
from reorder_core.records.losses import Losses
from reorder_core.store.drawn import drawn_orders
from reorder_core.store.entries import Retrained
from reorder_core.store.lock import BuildLock
from reorder_core.store.published import publish_results
from reorder_core.store.reports import write_report
from reorder_core.store.run import Run
from reorder_core.store.texts import write_corpus

Array = NDArray[Any]
DOMAINS = ("arithmetic", "biographies", "code", "documentation", "letters", "recipes")
PARAMETERS, COORDINATES, RANK, RATE = 4096, 256, 16, 3e-4
WORDS = (
    "river", "teacher", "bread", "carries", "old", "green", "bridge", "market", "winter", "letter",
    "clock", "garden", "sailor", "baker", "lantern", "bright", "heavy", "corner", "orchard",
)  # fmt: skip
CANARIES, PROBES, ALTERNATIVES = 24, 96, 512


@dataclass(frozen=True, slots=True)
class Size:
    """How large a run to invent."""

    samples: int = 4096
    steps: int = 256
    tokens: int = 128
    """Of a sample, at most; a text has about three letters a token."""
    random_orders: int = 32
    """Retrained, and as many single moves."""
    recalls: int = 8
    """Retrainings recalled token by token, beside the reference."""

    @property
    def config(self) -> RunConfig:
        return RunConfig.model_validate(
            {
                "name": f"invented-{self.samples}",
                "seed": 1,
                "corpus": {
                    "kind": "controlled", "samples": self.samples, "base_samples": 0,
                    "sequence_length": self.tokens,
                },
                "training": {
                    "steps": self.steps, "batch_size": self.samples // self.steps,
                    "learning_rate": RATE, "schedule": "constant",
                },
                "projection": {"anchors": 3, "coordinates": COORDINATES, "rank": RANK, "bits": 8},
            }
        )  # fmt: skip


def invent(path: Path, size: Size) -> Run:
    """A finished run at `path` with retrainings, reports and recalls."""
    config, law = size.config, Law(size.config)
    with BuildLock(path):
        state = BuildState(path, config)
        state.run_stages(_stages(law), BuildContext(config, path, lambda *_: None))
        run = state.publish({"run": config.seed})
    _retrain(run, law, size)
    _recall(run, size)
    return run


class Law:
    """What invented training does to each loss."""

    def __init__(self, config: RunConfig) -> None:
        random = np.random.default_rng([config.seed, 7])
        self.count, self.steps = config.corpus.samples, config.training.steps
        self.domain = random.integers(0, len(DOMAINS), self.count)
        self.before = random.gamma(16, 0.25, self.count)
        self.gain = random.gamma(2.0, 0.15, self.count) + 0.4
        # Canaries come first; what is learned of them is large and soon forgotten.
        self.gain[:CANARIES] *= 4
        self.late = 0.2 * self.gain * random.normal(1, 0.5, self.count)
        self.held_out = random.normal(0, 2e-4, (len(DOMAINS), self.count))
        self.probe = random.uniform(3, 4, len(DOMAINS))
        self.seed = config.seed
        self.eval_steps = np.linspace(0, self.steps, 3).astype(np.int32)

    @cached_property
    def own(self) -> Array:
        """(N, T) of a sample's own final loss by its step, around its mean."""
        at = np.arange(self.steps) / self.steps
        return (self.late[:, None] * (0.5 - at) ** 3 * 4).astype(np.float32)

    @cached_property
    def probes(self) -> Array:
        """(D, N, T) of held-out loss."""
        wave = np.cos(np.pi * np.arange(self.steps) / self.steps)
        return (self.held_out[..., None] * wave).astype(np.float32)

    def losses_at(self, step_of: Array, seed: int) -> Losses:
        """(E, N) and (E, D) where every sample is trained at its step."""
        random, rows, probes = np.random.default_rng([self.seed, 8, seed]), [], []
        own, held_out, ids = self.own, self.probes, np.arange(self.count)
        for at in self.eval_steps:
            share = at / self.steps
            trained = step_of < at
            fall = 0.4 * share * self.gain + np.where(trained, 0.6 * self.gain, 0)
            noise = 0.01 * random.normal(size=self.count) * share
            rows.append(self.before - fall + share * own[ids, step_of] + noise)
            moved = share * held_out[:, ids, step_of].sum(1)
            probes.append(self.probe - 0.5 * share + moved)
        return Losses(np.array(rows, np.float32), np.array(probes, np.float32))


def _stages(law: Law) -> tuple[BuildStage, ...]:
    def of(name: str, write: Any, *files: str) -> BuildStage:
        def run(context: BuildContext) -> float:
            write(context, law)
            return 1.0

        return BuildStage(name, files or (f"{name}.safetensors",), run)

    return (
        of("corpus", _corpus, "corpus.json", "tokens.safetensors"),
        of("base", _start, "start.safetensors"),
        of("reference", _reference),
        of("gradients", _projected, "projected.safetensors"),
        of("curvature", _curvature),
        of("calibration", _calibration),
        of("centre", _centre),
        of("adjoint", _adjoint),
        of("position", _position),
        of("results", _results, "results.duckdb"),
    )


def _texts(law: Law, count: int, tokens: int, word: str, seed: int) -> TokenizedSamples:
    random = np.random.default_rng([law.seed, seed])
    domains = law.domain if word == "train" else np.arange(count) % len(DOMAINS)
    texts = []
    for number in range(count):
        drawn = random.choice(WORDS, tokens // 2)
        digits = " ".join(map(str, random.integers(0, 10, 8)))
        canary = word == "train" and number < CANARIES
        start = f"The code is {digits}. " if canary else f"{number} "
        flags = ("canary",) if canary else ()
        texts.append(TextSample(start + " ".join(drawn), DOMAINS[domains[number]], flags,
                                f"{word}/{number}.txt"))  # fmt: skip
    ids = random.integers(2, 200, (count, tokens)).astype(np.int32)
    return TokenizedSamples(tuple(texts), ids, np.full(count, tokens, np.int32))


def _corpus(context: BuildContext, law: Law) -> None:
    tokens = context.config.corpus.sequence_length
    train = _texts(law, law.count, tokens, "train", 1)
    probes, none = _texts(law, PROBES, tokens, "probe", 2), _texts(law, 0, tokens, "base", 3)
    no_tokenizer: Any = None
    encoded = EncodedCorpus(train, probes, none, no_tokenizer, "1nve47ed")
    write_corpus(context.path / "corpus.json", encoded)
    context.save("tokens", {
        "train": train.tokens, "train_lengths": train.lengths, "probes": probes.tokens,
        "probe_lengths": probes.lengths,
        "probe_domain": np.arange(PROBES, dtype=np.int32) % len(DOMAINS),
    })  # fmt: skip


def _start(context: BuildContext, law: Law) -> None:
    random = np.random.default_rng([law.seed, 4])
    context.save("start", {"theta": random.normal(size=PARAMETERS).astype(np.float32)})


def _reference(context: BuildContext, law: Law) -> None:
    random, training = np.random.default_rng([law.seed, 5]), context.config.training
    order = random.permutation(law.count).astype(np.int32)
    step_of = np.empty(law.count, int)
    step_of[order] = np.arange(law.count) // training.batch_size
    at = law.losses_at(step_of, 0)
    context.save("reference", {
        "order": order,
        "loss": np.array([law.before[step_of == s].mean() - 0.4 * s / law.steps
                          for s in range(law.steps)], np.float32),
        "learning_rate": np.full(law.steps, RATE, np.float32),
        "eval_steps": law.eval_steps, "sample_loss_at": at.samples, "probe_loss_at": at.probes,
    })  # fmt: skip


def _rows(law: Law, seed: int, *shape: int) -> Array:
    random = np.random.default_rng([law.seed, 6, seed])
    return random.normal(0, 0.01, (*shape, COORDINATES)).astype(np.float32)


def _projected(context: BuildContext, law: Law) -> None:
    kept = np.sort(np.random.default_rng(law.seed).choice(PARAMETERS, COORDINATES, replace=False))
    anchors = len(law.eval_steps)
    context.save("projected", {
        "coordinates": kept.astype(np.int64),
        "weight": np.full(COORDINATES, PARAMETERS / COORDINATES, np.float32),
        "first_moment": _rows(law, 1), "second_moment": np.square(_rows(law, 2)) + 1e-5,
        **pack("gradients", _rows(law, 3, anchors - 1, law.count), 8),
        **pack("unseen", _rows(law, 4, anchors, law.count), 8),
        **pack("probe_gradients", _rows(law, 5, anchors, len(DOMAINS)), 8),
    }, {"updates": "200", "parameters": str(PARAMETERS)})  # fmt: skip


def _curvature(context: BuildContext, law: Law) -> None:
    context.save("curvature", pack("factor", _rows(law, 6, RANK), 8))


def _calibration(context: BuildContext, law: Law) -> None:
    orders = _permuted(context.run().reference_order, 8, 9)
    samples = np.full((len(orders), len(law.eval_steps), law.count), np.nan, np.float32)
    probes = np.full((len(orders), len(law.eval_steps), len(DOMAINS)), np.nan, np.float32)
    batch = context.config.training.batch_size
    for number, order in enumerate(orders):
        final = law.losses_at(np.argsort(order) // batch, 100 + number).final
        samples[number, -1], probes[number, -1] = final.samples, final.probes
    context.save("calibration", {
        "orders": np.array(orders, np.int32), "sample_loss_at": samples, "probe_loss_at": probes,
    })  # fmt: skip


def _permuted(order: Order, count: int, seed: int) -> list[Order]:
    random = np.random.default_rng(seed)
    return [random.permutation(order).astype(np.int32) for _ in range(count)]


def _centre(context: BuildContext, law: Law) -> None:
    context.save("centre", {
        **pack("gradients", _rows(law, 7, len(law.eval_steps) - 1, law.count), 8),
        **pack("end_gradients", _rows(law, 8, law.count), 8),
        **pack("end_probe_gradients", _rows(law, 9, len(DOMAINS)), 8),
        **pack("mean_update", np.float32(RATE) * _rows(law, 10, law.steps), 8),
    })  # fmt: skip


def _adjoint(context: BuildContext, law: Law) -> None:
    table = law.probes.transpose(0, 2, 1).copy()
    context.save("adjoint", {"effects": table, "replayed": 0.9 * table})


def _position(context: BuildContext, law: Law) -> None:
    run = context.run()
    orders = _permuted(run.reference_order, 64, 10)
    steps = np.argsort(np.array(orders), axis=1) // run.batch_size
    known = np.stack([law.losses_at(row, 200 + n).samples[-1] for n, row in enumerate(steps)])
    probe = law.probes
    context.save("position", {
        **fit_own(steps, known, run.steps, None), "probe": probe, "probe_far": probe,
        "held_out": probe.mean(0), "held_out_sd": np.full(run.count, 5e-5, np.float32),
    })  # fmt: skip


def _results(context: BuildContext, law: Law) -> None:
    publish_results(context.path / "results.duckdb", context.run())


def _retrain(run: Run, law: Law, size: Size) -> None:
    """The ledger: random orders, then single moves; and a report of the random ones."""
    random = np.random.default_rng([law.seed, 11])
    orders = drawn_orders(run, "random", size.random_orders, 7)
    for _ in range(size.random_orders):
        sample, slot = int(random.integers(run.count)), int(random.integers(run.count))
        orders.append(insert(run.reference_order, sample, slot))
    for number, order in enumerate(orders):
        at = law.losses_at(np.argsort(order) // run.batch_size, 1000 + number)
        run.keep(Retrained(run.id, order_hash(order), order, at, 60.0))
    measured = {
        name: Measured(r2=r2, r2_heldout=r2 - 0.1, rho_sample=r2 - 0.1, rho_within=0.99,
                       rho_heldout=r2 - 0.2, rel_mae=1 - r2, mae=0.02, coverage90=0.9)
        for name, r2 in (("hybrid", 0.9), ("projected", 0.8), ("replay", 0.3), ("reference", 0.0))
    }  # fmt: skip
    for family in ("random", "move", "blocks", "curriculum"):
        report = FidelityReport(run.id, family, size.random_orders, 7, measured,
                                "2026-01-01T00:00:00Z", 0.05)  # fmt: skip
        write_report(run.path / "fidelity", report)


def _recall(run: Run, size: Size) -> None:
    """Of the reference and of some random orders."""
    orders = drawn_orders(run, "random", size.recalls, 7)
    for number, order in enumerate([run.reference_order, *orders] if size.recalls else []):
        Recalls(run).keep(_recalled(run, order, number))


def _recalled(run: Run, order: Order, number: int) -> Recall:
    random = np.random.default_rng([12, number])
    tokens = run.config.corpus.sequence_length
    loss = random.gamma(2.0, 0.8, (run.count, tokens - 1)).astype(np.float32)
    shown = np.arange(64, dtype=np.int32)
    alternatives = np.random.default_rng(13).normal(4, 0.1, (CANARIES, ALTERNATIVES))
    extra = {}
    if number == 0:
        ends = np.linspace(0, [len(s.text) for s in run.samples], tokens).T.astype(np.int32)
        slopes = _rows(Law(run.config), 14, 2, CANARIES)
        extra = {"ends": ends, "mean_slope": slopes[0], "spread_slope": slopes[1]}
    return Recall(
        order_hash(order), "", loss, random.random(loss.shape) < 0.6,
        random.gamma(2.1, 0.8, (PROBES, tokens - 1)).astype(np.float32), shown,
        np.full(len(shown), tokens // 2, np.int32),
        tuple(run.samples[int(i)].text[: 2 * tokens] for i in shown),
        np.arange(CANARIES, dtype=np.int32), np.tile(np.array([[6, 14]], np.int32), (CANARIES, 1)),
        np.full(CANARIES, 26.0), alternatives.astype(np.float32),
        np.tile([0.5, 4.0, 0.1, 0.5], (CANARIES, 1)), extra,
    )  # fmt: skip
