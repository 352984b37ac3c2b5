"""What does projecting do to elementwise Adam? One update, in full and in several projections.

    ./run python benchmarks/projected_adam.py RUN

At θ_0 of a built run each of the T batches is taken as the next one. Adam's
update moves sample i's loss by −η ⟨g_i, u⟩ to first order; the table compares
that N × T matrix, each sample's mean over batches taken off, with what is left
of it when gradients and moments are known in a projection only:

- *coordinates*: s of n coordinates, drawn as a build draws them, inner products weighted by 1/π;
- *dense, Adam inside*: random signs R (d × n); moments and square root in the projected space;
- *dense, update projected*: R applied to the full update, so that the square root stays outside.
  It needs the full update of every batch in its context, which nobody has at query time.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reorder_core.estimators.dense_projection import projection
from reorder_core.estimators.replay.projection import choose_coordinates
from reorder_core.judge import measures
from reorder_core.store.run import open_run
from reorder_core.training.loop import Trainable, open_trainable

Array = NDArray[np.float32]


def updates(trainable: Trainable, mean: Array, first: Array, second: Array) -> Array:
    """(T, c) Adam's updates by batch gradients (T, c) from moments (c,), in any coordinates."""
    adam, step = trainable.config.training, trainable.start.updates + 1
    first = adam.beta1 * first + (1 - adam.beta1) * mean
    second = adam.beta2 * second + (1 - adam.beta2) * np.square(mean)
    first, second = first / (1 - adam.beta1**step), second / (1 - adam.beta2**step)
    return first / (np.sqrt(second) + adam.epsilon)


def told(name: str, size: int, estimated: Array, true: Array) -> str:
    """A line of the table, for effects (N, T)."""
    ours, theirs = (a - a.mean(1, keepdims=True) for a in (estimated, true))
    scale = float((ours * theirs).sum() / np.square(ours).sum())
    r2 = 1 - np.square(ours - theirs).sum() / np.square(theirs).sum()
    scaled = 1 - np.square(scale * ours - theirs).sum() / np.square(theirs).sum()
    rho = measures.rho_sample(ours.T, theirs.T)
    return f"| {name} | {size:,} | {r2:.3f} | {scaled:.3f} | {rho:.3f} |"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--sizes", default="1024,4096,16384")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    run = open_run(options.run)
    trainable = open_trainable(run)
    gradients = trainable.model.sample_gradients(trainable.start.theta, trainable.samples).numpy()
    batches = run.reference_order.reshape(run.steps, run.batch_size)
    first, second = (
        m.numpy() for m in (trainable.start.first_moment, trainable.start.second_moment)
    )
    update = updates(trainable, gradients[batches].mean(1), first, second)
    true = gradients @ update.T  # (N, T)
    size = gradients.shape[1]
    print(f"{run.id}: {size:,} parameters, {run.steps} batches of {run.batch_size}\n")
    print("| projection | numbers | R² | R², best scale | ρ over batches |\n|---|---|---|---|---|")
    importance = np.sqrt(np.square(gradients, dtype=np.float64).mean(0))
    sizes = [min(size, int(s)) for s in options.sizes.split(",")]
    for kept in sizes:
        index, weight = choose_coordinates(importance, kept, options.seed)
        found = (gradients[:, index] * weight) @ update[:, index].T
        print(told("coordinates", len(index), found, true), flush=True)
    for dimension in sizes:
        rows, inside, outside = np.concatenate([gradients, first[None]]), 0.0, 0.0
        for part, matrix in projection(size, dimension, options.seed):
            inside = inside + rows[:, part] @ matrix.T  # (N + 1, d)
            outside = outside + update[:, part] @ matrix.T  # (T, d)
        inside, outside = np.asarray(inside), np.asarray(outside)
        # R's entries are ±1/√d, so each projected coordinate has the same expected square.
        flat = np.full(dimension, second.sum(dtype=np.float64) / dimension, np.float32)
        ours = updates(trainable, inside[:-1][batches].mean(1), inside[-1], flat)
        print(told("dense, Adam inside", dimension, inside[:-1] @ ours.T, true), flush=True)
        print(told("dense, update projected", dimension, inside[:-1] @ outside.T, true), flush=True)


if __name__ == "__main__":
    main()
