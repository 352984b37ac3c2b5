"""Build steps that need torch: text, base phase, reference run, gradients, curvature."""

import json
from collections.abc import Callable

import numpy as np
import torch

from reorder_core.building.curvature import draws, kept_rank, pooled_factor, sampled_fisher
from reorder_core.building.stages import BuildContext
from reorder_core.config import PretrainedModel, RunConfig, has_lora
from reorder_core.corpus.prepare import prepare_corpus
from reorder_core.corpus.samples import EncodedCorpus
from reorder_core.estimators.replay.projection import choose_coordinates, pack
from reorder_core.orders.order import Order
from reorder_core.records.losses import Losses
from reorder_core.store import costs
from reorder_core.store.files import write_text
from reorder_core.store.texts import write_corpus
from reorder_core.training.loop import (
    Trainable,
    TrainState,
    make_batch,
    make_trainable,
    train,
    use_one_thread,
)
from reorder_core.training.model import build_model
from reorder_core.training.pretrained import load_encoder, open_folder
from reorder_core.training.schedule import learning_rates

CHECKPOINTS = "checkpoints/anchors"


def prepare_text(context: BuildContext) -> float:
    """corpus.json, tokenizer.json, tokens and base_tokens; costs no training."""
    config = context.config
    context.on_progress("reading text", 0, 1)
    encoder = load_encoder(config.model) if isinstance(config.model, PretrainedModel) else None
    corpus: EncodedCorpus = prepare_corpus(
        config.corpus, config.tokenizer, config.seed, encoder,
        in_file_order=config.training.reference_order == "file",
    )  # fmt: skip
    write_corpus(context.path / "corpus.json", corpus)
    write_text(context.path / "tokenizer.json", corpus.tokenizer.to_str())
    names = sorted({sample.domain for sample in corpus.probes.samples})
    domain = np.array([names.index(s.domain) for s in corpus.probes.samples], np.int32)
    context.save(
        "tokens",
        {
            "train": corpus.train.tokens, "train_lengths": corpus.train.lengths,
            "probes": corpus.probes.tokens, "probe_lengths": corpus.probes.lengths,
            "probe_domain": domain,
        },
    )  # fmt: skip
    context.save(
        "base_tokens",
        {"tokens": corpus.base.tokens, "lengths": corpus.base.lengths},
        {"vocab_size": corpus.tokenizer.get_vocab_size()},
    )
    return 0.0


def train_base(context: BuildContext) -> float:
    """start.safetensors: θ_0 and Adam's moments after the base phase."""
    use_one_thread()
    config, base = context.config, context.config.training.base
    vocab_size = int(context.metadata("base_tokens")["vocab_size"])
    model = build_model(config.model, vocab_size, config.corpus.sequence_length, config.seed)
    state = TrainState.fresh(model.initial_parameters())
    arrays = context.load("base_tokens")
    samples = make_batch(arrays["tokens"], arrays["lengths"])
    random = np.random.default_rng([config.seed, 1])
    epochs = -(-base.steps * base.batch_size // max(1, len(samples)))
    order = np.concatenate([random.permutation(len(samples)) for _ in range(max(1, epochs))])
    batches = [
        samples.take(order[step * base.batch_size : (step + 1) * base.batch_size].tolist())
        for step in range(base.steps)
    ]
    losses = train(
        model, state, batches, base, config.training,
        lambda step, theta: context.on_progress("base phase", step, base.steps),
    )  # fmt: skip
    if config.training.optimizer_state == "fresh":
        state = TrainState.fresh(state.theta)
    context.save(
        "start",
        {
            "theta": state.theta.numpy(), "first_moment": state.first_moment.numpy(),
            "second_moment": state.second_moment.numpy(),
        },
        {
            "updates": state.updates, "vocab_size": vocab_size, "parameters": model.size,
            "base_loss": json.dumps(losses[-1:]), **_weights(config),
        },
    )  # fmt: skip
    return costs.base_rre(base.steps, base.batch_size, config.corpus.samples)


def train_reference(context: BuildContext) -> float:
    """reference.safetensors and the checkpoints at the anchors."""
    trainable = trainable_of(context)
    steps, kept, losses = trainable.config.training.steps, [], []

    def on_step(step: int, theta: torch.Tensor) -> None:
        if step in trainable.eval_steps:
            kept.append(theta.numpy().copy())
            losses.append(trainable.evaluate(theta))
        context.on_progress("reference run", step, steps)

    order = _reference_order(trainable.config)
    loss = trainable.train(order, on_step)
    losses_at = Losses.stacked(losses)
    context.save(
        "reference",
        {
            "order": order, "loss": np.array(loss, np.float32),
            "learning_rate": np.array(learning_rates(trainable.config.training), np.float32),
            "eval_steps": np.array(trainable.eval_steps, np.int32),
            "sample_loss_at": losses_at.samples, "probe_loss_at": losses_at.probes,
        },
    )  # fmt: skip
    (context.path / CHECKPOINTS).parent.mkdir(exist_ok=True)
    context.save(CHECKPOINTS, {"theta": np.stack(kept)})
    return costs.reference_rre(
        len(trainable.eval_steps), len(trainable.samples), len(trainable.probes)
    )


def take_gradients(context: BuildContext) -> float:
    """projected.safetensors: per-sample gradients at the anchors on random coordinates.

    `gradients` are those at the reference run's parameters, for reading out
    losses; `unseen` those at parameters without the sample's own contribution,
    for the replay, where a sample has not been trained when its turn comes.
    """
    trainable, projection = trainable_of(context), context.config.projection
    model, start = trainable.model, context.load("start")
    thetas = torch.tensor(context.load(CHECKPOINTS)["theta"])  # (K, n)
    # Importance: the gradients' root mean square over the corpus at θ_0; of adapters at the end,
    # too: half of them begin at 0, and the other half's gradients with them.
    squares = torch.zeros(model.size, dtype=torch.float64)

    def add_squares(rows: torch.Tensor) -> torch.Tensor:
        squares.add_(rows.double().square().sum(0))
        return rows[:, :0]

    for theta in thetas[[0, -1]] if has_lora(context.config) else thetas[:1]:
        model.sample_gradients(theta, trainable.samples, add_squares)
    index, weight = choose_coordinates(
        squares.sqrt().numpy(), projection.coordinates, context.config.seed
    )
    kept = torch.tensor(index)
    gradients, probes = [], []
    for anchor, theta in enumerate(thetas):
        context.on_progress("gradients", anchor, len(thetas))
        samples, domains = read_gradients(trainable, theta, kept)
        gradients.append(samples)
        probes.append(domains)
    seen = torch.tensor(np.stack(gradients))
    unseen = unseen_gradients(
        trainable,
        _reference_order(context.config),
        thetas,
        seen,
        kept,
        lambda step: context.on_progress(
            "gradients as if unseen", step, context.config.training.steps
        ),
    )
    context.save(
        "projected",
        {
            "coordinates": index, "weight": weight,
            "first_moment": start["first_moment"][index],
            "second_moment": start["second_moment"][index],
            # At the first anchor nothing has been seen: one copy serves both.
            **pack("gradients", seen[1:].numpy(), projection.bits),
            **pack("unseen", unseen.numpy(), projection.bits),
            **pack("probe_gradients", np.stack(probes), projection.bits),
        },
        {"updates": context.metadata("start")["updates"], "parameters": model.size},
    )  # fmt: skip
    found = costs.gradients_rre(trainable.eval_steps, len(trainable.samples), len(trainable.probes))
    return found + has_lora(context.config)


def unseen_gradients(
    trainable: Trainable,
    order: Order,
    thetas: torch.Tensor,
    seen: torch.Tensor,
    kept: torch.Tensor,
    on_step: Callable[[int], None],
) -> torch.Tensor:
    """(K, N, s) gradients at the anchors, as if the sample had not been trained yet.

    The reference run is followed once more. A sample of step t moved θ_a by
    about −c P_t g_i / b, with P_t Adam's preconditioner, c the sum over steps
    t ≤ u < a of η_u (1 − β₁) β₁^(u−t), and g_i its gradient at θ_t; its gradient
    at the anchor is taken with that undone. What other samples did because of
    it is left.
    """
    adam, model = trainable.config.training, trainable.model
    batches = order.reshape(adam.steps, adam.batch_size)
    rates, unseen = learning_rates(adam), seen.clone()
    second, updates = trainable.start.second_moment.clone(), trainable.start.updates

    def follow(step: int, theta: torch.Tensor) -> tuple[float, torch.Tensor]:
        nonlocal second
        on_step(step)
        ids = batches[step].tolist()
        part = trainable.samples.take(ids)
        losses, total, own = model.summed_gradients(theta.detach(), part)  # (b,), (n,), (b, n)
        gradient = total / len(ids)
        second = adam.beta2 * second + (1 - adam.beta2) * gradient.square()
        corrected = second / (1 - adam.beta2 ** (updates + step + 1))
        moved = own / (corrected.sqrt() + adam.epsilon) / len(ids)
        for anchor, at in enumerate(trainable.eval_steps):
            if at <= step:
                continue
            share = sum(
                rates[u] * (1 - adam.beta1) * adam.beta1 ** (u - step)
                / (1 - adam.beta1 ** (updates + u + 1))
                for u in range(step, at)
            )  # fmt: skip
            undone = thetas[anchor] + share * moved
            unseen[anchor, ids] = model.sample_gradients(undone, part, lambda g: g[:, kept])
        return float(losses.mean()), gradient

    trainable.train(order, gradient=follow)
    return unseen


def take_curvature(context: BuildContext) -> float:
    """curvature.safetensors: a factor of the mean Hessian, from draws at each anchor."""
    trainable, projection = trainable_of(context), context.config.projection
    count = len(trainable.samples)
    thetas = torch.tensor(context.load(CHECKPOINTS)["theta"])
    projected = context.load("projected")
    index = torch.tensor(np.array(projected["coordinates"]))
    drawn = []
    for anchor, theta in enumerate(thetas):
        context.on_progress("curvature", anchor, len(thetas))
        seed = [context.config.seed, 2, anchor]
        rows = sampled_fisher(
            trainable.model, theta, trainable.samples, projection.rank, index, seed
        )
        drawn.append(rows)
    kept = kept_rank(projection, count)
    factor = pooled_factor(drawn, kept, np.array(projected["weight"]))
    context.save("curvature", pack("factor", factor, projection.bits))
    return costs.curvature_rre(len(thetas), *draws(projection.rank, count), count)


def read_gradients(
    trainable: Trainable, theta: torch.Tensor, index: torch.Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """(N, s) of the samples and (D, s) of the probe domains' means, at θ on coordinates."""
    model, domain = trainable.model, trainable.probe_domain
    samples = model.sample_gradients(theta, trainable.samples, lambda g: g[:, index])
    rows = model.sample_gradients(theta, trainable.probes, lambda g: g[:, index])
    probes = torch.stack([rows[domain == d].mean(0) for d in range(int(domain.max()) + 1)])
    return samples.numpy(), probes.numpy()


def _weights(config: RunConfig) -> dict[str, str]:
    """What names the frozen and the pretrained weights behind θ_0."""
    if not isinstance(config.model, PretrainedModel):
        return {}
    return {"weights_digest": open_folder(config.model).digest()}


def trainable_of(context: BuildContext) -> Trainable:
    """The training side of a run that is being built."""
    metadata = context.metadata("start")
    return make_trainable(
        context.config, int(metadata["vocab_size"]), context.load("tokens"),
        context.load("start"), int(metadata["updates"]),
    )  # fmt: skip


def _reference_order(config: RunConfig) -> Order:
    # The corpus is shuffled by seed before ids are given.
    order, seed = np.arange(config.corpus.samples, dtype=np.int32), config.training.order_seed
    return order if seed is None else np.random.default_rng([seed, 5]).permutation(order)
