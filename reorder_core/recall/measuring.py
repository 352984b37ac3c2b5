"""Takes a recall off real parameters; imports torch, so only what trains imports this."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reorder_core.recall.exposure import fitted
from reorder_core.recall.pieces import token_ends
from reorder_core.recall.plan import prompt_of, shown_samples
from reorder_core.recall.record import Recall
from reorder_core.recall.secrets import Secret, find_secrets
from reorder_core.store.run import Run
from reorder_core.training.loop import Trainable, make_batch
from reorder_core.training.model import Batch, FlatModel

CHUNK = 64
OnStep = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """What stays the same from one model of a run to the next."""

    run: Run
    trainable: Trainable
    tokenizer: Any
    secrets: list[Secret]

    @classmethod
    def open(cls, run: Run, trainable: Trainable) -> "Reader":
        """Read from the run folder."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(run.path / "tokenizer.json"))
        return cls(run, trainable, tokenizer, find_secrets(run, tokenizer))

    def read(
        self, theta: Tensor, order_hash: str, estimator: str = "", at_reference: bool = False,
        on_progress: OnStep = lambda *_: None,
    ) -> Recall:  # fmt: skip
        """The recall of parameters θ (n,); `at_reference` adds what only the reference run has."""
        model, samples = self.trainable.model, self.trainable.samples
        on_progress("reading tokens", 0, 3)
        loss, hit = read_tokens(model, theta, samples)
        probe_loss, _ = read_tokens(model, theta, self.trainable.probes)
        on_progress("greedy continuations", 1, 3)
        shown = shown_samples(self.run)
        prompt = self._prompts(shown)
        greedy = self._continued(theta, shown, prompt)
        on_progress("other secrets", 2, 3)
        losses = np.array([model.evaluate(theta, self._batch(s)).numpy() for s in self.secrets])
        on_progress("other secrets", 3, 3)
        return Recall(
            order_hash, estimator, loss, hit, probe_loss, shown, prompt, greedy,
            np.array([secret.samples[0] for secret in self.secrets], np.int32),
            np.array([(s.first, s.end) for s in self.secrets], np.int32).reshape(-1, 2),
            np.array([secret.space for secret in self.secrets]),
            losses.astype(np.float32).reshape(len(self.secrets), -1),
            np.array([fitted(row) for row in losses]).reshape(-1, 4),
            self._of_reference(theta, losses) if at_reference else {},
        )  # fmt: skip

    def _prompts(self, shown: np.ndarray) -> np.ndarray:
        lengths = self.trainable.samples.lengths[shown.tolist()].numpy()
        starts = {sample: s.first for s in self.secrets for sample in s.samples}
        usual = [prompt_of(self.run, int(length)) for length in lengths]
        return np.array(
            [starts.get(int(i), k) for i, k in zip(shown, usual, strict=True)], np.int32
        )

    def _continued(self, theta: Tensor, shown: np.ndarray, prompt: np.ndarray) -> tuple[str, ...]:
        part = self.trainable.samples.take(shown.tolist())
        tokens = continued(self.trainable.model, theta, part, torch.tensor(prompt))
        return tuple(
            self.tokenizer.decode(row[start:end].tolist())
            for row, start, end in zip(tokens, prompt, part.lengths.tolist(), strict=True)
        )

    def _batch(self, secret: Secret) -> Batch:
        """The canary's text with its other secrets."""
        own, count = self.trainable.samples.take([secret.samples[0]]), len(secret.tokens)
        batch = make_batch(secret.tokens, own.lengths.numpy().repeat(count),
                           own.first.numpy().repeat(count))  # fmt: skip
        return self.trainable.model.entered(batch)

    def _of_reference(self, theta: Tensor, losses: np.ndarray) -> dict[str, np.ndarray]:
        tokens = self.run.arrays("tokens")
        texts = [sample.text for sample in self.run.samples]
        ends = token_ends(self.tokenizer, tokens["train"], tokens["train_lengths"], texts)
        kept = torch.tensor(np.array(self.run.arrays("projected")["coordinates"]))
        slopes = [
            spread_slopes(self.trainable.model, theta, self._batch(secret), torch.tensor(row))
            for secret, row in zip(self.secrets, losses, strict=True)
        ]
        both = [torch.stack([rows[kept] for rows in part]).numpy() if slopes else
                np.zeros((0, len(kept)), np.float32) for part in zip(*slopes, strict=True)] or [
                np.zeros((0, len(kept)), np.float32)] * 2  # fmt: skip
        return {"ends": ends, "mean_slope": both[0], "spread_slope": both[1]}


def read_tokens(model: FlatModel, theta: Tensor, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """(B, L−1) nats of each next token, nan where it does not count, and whether it comes first."""
    losses, hits = [], []
    with torch.no_grad():
        for start in range(0, len(batch), CHUNK):
            part = batch.take(list(range(start, min(start + CHUNK, len(batch)))))
            logits, true = model.logits(theta, part), part.tokens[:, 1:]
            nats = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), true.flatten(), reduction="none"
            ).view(true.shape)
            place = torch.arange(1, part.tokens.shape[1])
            counted = (place < part.lengths[:, None]) & (place >= part.first[:, None])
            losses.append(torch.where(counted, nats, torch.nan))
            hits.append((logits.argmax(-1) == true) & counted)
    return torch.cat(losses).float().numpy(), torch.cat(hits).numpy()


def continued(model: FlatModel, theta: Tensor, batch: Batch, prompt: Tensor) -> np.ndarray:
    """(B, L) the sequences, from token `prompt` (B,) on as the model goes on by itself.

    It always takes the most likely token.
    """
    tokens, end = batch.tokens.clone(), int(batch.lengths.max()) if len(batch) else 0
    with torch.no_grad():
        for place in range(int(prompt.min()) if len(batch) else 0, end):
            sofar = Batch(tokens[:, : place + 1], batch.lengths, batch.starts)
            best = model.logits(theta, sofar)[:, -1].argmax(-1)
            tokens[:, place] = torch.where(place >= prompt, best, tokens[:, place])
    return tokens.numpy()


def spread_slopes(
    model: FlatModel, theta: Tensor, batch: Batch, losses: Tensor
) -> tuple[Tensor, Tensor]:
    """(n,) gradients of the mean of losses (B,), and of the logarithm of their standard deviation.

    The losses are those that the model gives the texts.
    """
    size, off = len(losses), losses - losses.mean()
    weights = torch.full_like(losses, 1 / size), off / (size * off.square().mean())
    theta = theta.detach().requires_grad_(True)
    mean, spread = torch.zeros_like(theta), torch.zeros_like(theta)
    for start in range(0, size, CHUNK):
        rows = list(range(start, min(start + CHUNK, size)))
        own = model.losses(theta, batch.take(rows))
        pulls = [(own * weight[rows].to(own.dtype)).sum() for weight in weights]
        mean = mean + torch.autograd.grad(pulls[0], theta, retain_graph=True)[0]
        spread = spread + torch.autograd.grad(pulls[1], theta)[0]
    return mean.detach(), spread.detach()
