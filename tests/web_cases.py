"""Golden cases of moves and their prices, for the browser's own arithmetic of them.

    ./run python tests/web_cases.py     writes tests/web/cases.json anew

`tests/web/*.test.js` holds ui/web to them, `tests/test_web.py` holds the file to core.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reorder_core.estimators.position import PositionTable
from reorder_core.orders.moves import Move, apply
from reorder_core.orders.order import Order, make_order, steps_of

CASES = Path(__file__).parent / "web" / "cases.json"
STEPS, BATCH, MOVES, SEED = 6, 4, 60, 11
COPIES = (3, 7, 20)
"""Samples that are one text."""


def priced(
    table: PositionTable, texts: Sequence[str], order: Order, move: Move, batch: int
) -> tuple[float, float, float, float]:
    """Own change and sd, held-out change and sd of a move, from the whole order after it.

    Each copy of a text among the moved samples teaches all of them.
    """
    home, to = steps_of(np.stack([order, apply(order, move)]), batch)
    ids, moved = np.arange(len(order)), home != to
    held_out = table.held_out[ids, to] - table.held_out[ids, home]
    own = (table.own[ids, to] - table.own[ids, home]) * moved
    pairs = [copy for i in move.samples for copy in move.samples if texts[copy] == texts[i]]
    count = len(move.samples)
    return (
        float(own[pairs].sum() / count),
        float((table.own_sd * moved)[pairs].sum() / count),
        float(held_out.sum()),
        float(np.linalg.norm(table.held_out_sd[moved])),
    )


def drawn(count: int, random: np.random.Generator, sizes: Sequence[int]) -> Move:
    """An insert or swap of one to many samples to anywhere."""
    size = int(random.choice(sizes))
    samples = tuple(random.choice(count, size, replace=False).tolist())
    kind = "swap" if random.random() < 0.4 else "insert"
    return Move(kind, samples, int(random.integers(count - size + 1)))


def cases() -> dict[str, Any]:
    """A small table, an order, and what core makes of moves in it."""
    random, count = np.random.default_rng(SEED), STEPS * BATCH
    shapes = ((count, STEPS), (count, STEPS), (count,), (count,))
    own, held_out, own_sd, held_out_sd = (random.random(shape).round(3) for shape in shapes)
    table = PositionTable(own, held_out, held_out[None], own_sd, held_out_sd)
    texts = ["one text" if i in COPIES else f"text {i}" for i in range(count)]
    order = make_order(random.permutation(count), count)
    moves = [drawn(count, random, (1, 1, 2, 5, 16)) for _ in range(MOVES)]
    moves += [Move("insert", COPIES, slot) for slot in (0, 9, count - len(COPIES))]
    return {
        "steps": STEPS,
        "batch": BATCH,
        "texts": texts,
        "order": order.tolist(),
        "own": own.ravel().tolist(),
        "heldOut": held_out.ravel().tolist(),
        "ownSd": own_sd.tolist(),
        "heldOutSd": held_out_sd.tolist(),
        "moves": [
            {
                "move": {"kind": move.kind, "samples": list(move.samples), "slot": move.slot},
                "after": apply(order, move).tolist(),
                "price": [round(n, 9) for n in priced(table, texts, order, move, BATCH)],
            }
            for move in moves
        ],
    }


if __name__ == "__main__":
    CASES.write_text(json.dumps(cases(), separators=(",", ":")) + "\n", encoding="utf-8")
