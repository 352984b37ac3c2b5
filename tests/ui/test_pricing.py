"""The browser's arithmetic of moves and of the position table is core's, for any group and slot."""

from typing import Any

import numpy as np
from driving import Served, open_timeline

from reorder_core.estimators.position import open_position_table
from reorder_core.orders.moves import Move, apply
from reorder_core.orders.order import Order, make_order, steps_of
from reorder_core.store.run import Run

PRICED = """async ([folder, order, moves]) => {
  const [{ effect, apply, slotsOf }, { listen }, { decodeRun }] = await Promise.all(
    ['preview/moves', 'shared/channels', 'shared/run'].map((name) => import(`${folder}/${name}.js`)));
  let raw;
  listen('run', (value) => { raw = value; });
  const run = decodeRun(raw);
  return moves.map((move) => (
    { ...effect(run, order, slotsOf(order), move), after: apply(order, move) }));
}"""


def scripts(page: Any, url: str) -> str:
    """Where the page's scripts come from."""
    with page.expect_response(lambda response: response.url.endswith("/moves.js")) as found:
        open_timeline(page, url)
    return found.value.url.rsplit("/", 2)[0]


def drawn(run: Run, random: np.random.Generator) -> Move:
    """A move of one to forty samples to anywhere."""
    size = int(random.choice([1, 1, 2, 8, 40]))
    samples = tuple(random.choice(run.count, size, replace=False).tolist())
    kind = "swap" if random.random() < 0.4 else "insert"
    return Move(kind, samples, int(random.integers(run.count - size + 1)))


def expected(run: Run, order: Order, move: Move) -> tuple[float, float, float, float]:
    """Own change and sd, held-out change and sd, from the whole order after the move."""
    table, after = open_position_table(run), apply(order, move)
    home, to = steps_of(np.stack([order, after]), run.batch_size)
    ids, moved = np.arange(run.count), home != to
    held_out = table.held_out[ids, to] - table.held_out[ids, home]
    own = (table.own[ids, to] - table.own[ids, home]) * moved
    texts = [run.samples[i].text for i in move.samples]
    pairs = [
        copy
        for i in move.samples
        for copy, text in zip(move.samples, texts, strict=True)
        if text == run.samples[i].text
    ]
    count = len(move.samples)
    return (
        float(own[pairs].sum() / count),
        float((table.own_sd * moved)[pairs].sum() / count),
        float(held_out.sum()),
        float(np.linalg.norm(table.held_out_sd[moved])),
    )


def test_every_slot_of_any_group_is_priced_as_core_prices_it(served: Served, page: Any) -> None:
    run, random = served.run, np.random.default_rng(4)
    folder = scripts(page, served.url)
    order = make_order(random.permutation(run.count), run.count)
    copies = tuple(s.sample_id for s in run.samples if "canary" in s.flags)
    moves = [drawn(run, random) for _ in range(80)] + [Move("insert", copies, 70)]
    told = [{"kind": m.kind, "samples": m.samples, "slot": m.slot} for m in moves]
    priced = page.evaluate(PRICED, [folder, order.tolist(), told])
    seen = []
    for move, found in zip(moves, priced, strict=True):
        assert found["after"] == apply(order, move).tolist()
        shown = [found[key] for key in ("own", "ownSd", "heldOut", "heldOutSd")]
        np.testing.assert_allclose(shown, expected(run, order, move), atol=2e-6)
        seen.append(shown)
    assert np.ptp(seen, axis=0).min() > 1e-3, "the moves must differ in what they do"
