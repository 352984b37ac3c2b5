"""What a search gains, judged by real retraining: docs/curricula.md.

    python benchmarks/curriculum.py RUN OUT --objective heldout --budget 48 --seeds 3 --random 64

OUT gets copies of the run without its ledger: `truth`, where random orders and
all proposals are retrained, and `seed-K`, where a search starts from nothing
but the build. Cut off, the same command goes on.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from reorder_core.curricula.asked import Asked, understand
from reorder_core.curricula.objectives import parse_objective
from reorder_core.curricula.proposals import proposals
from reorder_core.curricula.result import answer
from reorder_core.curricula.searching import Trainer, search
from reorder_core.store.drawn import drawn_orders
from reorder_core.store.run import Run, open_run

RANDOM_SEED = 2024
"""Of the random orders that judge; no search draws from it."""


def main() -> None:
    """Print one line a seed, then the summary as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--objective", default="heldout")
    parser.add_argument("--budget", type=float, default=48)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--random", type=int, default=64)
    asked = parser.parse_args()
    truth = copied(asked.run, asked.out / "truth")
    objective, trainer = parse_objective(truth, asked.objective), Trainer(truth)

    def real(order) -> float:
        return objective.of(trainer.train(order))

    drawn = np.array([real(o) for o in drawn_orders(truth, "random", asked.random, RANDOM_SEED)])
    proposed = {name: real(order) for name, order in proposals(truth, 0).items()}
    best = max if objective.raises else min
    told = {
        "random": {"mean": drawn.mean(), "sd": drawn.std(ddof=1), "best": best(drawn)},
        "best proposal": best(proposed, key=lambda name: proposed[name]),
        "seeds": [],
    }
    told["its loss"] = proposed[told["best proposal"]]
    for seed in range(asked.seeds):
        run = copied(asked.run, asked.out / f"seed-{seed}")
        arguments = Asked((asked.objective,), asked.budget, seed)
        found = answer(understand(run, arguments), search(run, arguments))
        gain = objective.sign * (drawn.mean() - found["realised"]) / drawn.std(ddof=1)
        estimated = [part["estimated"]["value"] for part in found["verified"] if part["round"]]
        realised = [part["realised"] for part in found["verified"] if part["round"]]
        estimated += [found["proposals"][name]["estimated"] for name in proposed
                      if name in found["proposals"] and not name.startswith("random")]  # fmt: skip
        realised += [real(truth_order(run, name, seed)) if " → " in name else proposed[name]
                     for name in proposed
                     if name in found["proposals"] and not name.startswith("random")]  # fmt: skip
        first = found["verified"][min(range(len(found["verified"])),
                                      key=lambda i: not found["verified"][i]["round"])]  # fmt: skip
        ends = (found["estimated"]["lo"], found["estimated"]["hi"])
        row = {
            "seed": seed, "realised": found["realised"], "gain_sd": gain, "rre": found["rre"],
            "source": found["source"], "estimated": found["estimated"]["value"],
            "inside": ends[0] <= found["realised"] <= ends[1], "orders": len(estimated),
            "spearman": float(spearmanr(estimated, realised).statistic),
            "first_find": [first["estimated"]["value"], first["realised"]],
        }  # fmt: skip
        told["seeds"].append(row)
        print(json.dumps(row), flush=True)
    print(json.dumps(told, indent=1, default=float))


def truth_order(run: Run, name: str, seed: int):
    """A proposal's order by name."""
    return proposals(run, seed)[name]


def copied(run: Path, out: Path) -> Run:
    """A copy of the run without ledger and searches, made at the first call."""
    if not out.exists():
        left_out = shutil.ignore_patterns("ledger", "curricula", "cache", "fidelity", "*.part")
        shutil.copytree(run, out, ignore=left_out)
    return open_run(out)


if __name__ == "__main__":
    main()
