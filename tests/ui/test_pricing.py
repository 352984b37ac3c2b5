"""The browser's arithmetic of moves and of the position table is core's, for any group and slot."""

from dataclasses import replace
from typing import Any

import numpy as np
from driving import Served, open_timeline
from web_cases import drawn, priced

from reorder_core.estimators.position import open_position_table
from reorder_core.orders.moves import Move, apply

PRICED = """async ([folder, order, moves]) => {
  const [{ effect, apply, slotsOf }, { listen }, { decodeRun }] = await Promise.all(
    ['preview/moves', 'shared/channels', 'shared/run'].map(
      (name) => import(`${folder}/${name}.js`)));
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


def test_every_slot_of_any_group_is_priced_as_core_prices_it(served: Served, page: Any) -> None:
    run, random = served.run, np.random.default_rng(4)
    folder = scripts(page, served.url)
    visits = run.visits
    order = visits.make_order(random.permutation(visits.count))
    samples = [run.samples[sample] for sample in visits.sample_of]  # of each visit
    copies = tuple(visit for visit, sample in enumerate(samples) if "canary" in sample.flags)
    table, texts = open_position_table(run), [sample.text for sample in samples]
    table = replace(table, own_sd=visits.as_visits(table.own_sd))
    moves = [drawn(visits.count, random, (1, 1, 2, 8, 40)) for _ in range(80)]
    moves.append(Move("insert", copies, 70))
    told = [{"kind": m.kind, "samples": m.samples, "slot": m.slot} for m in moves]
    shown_by_page = page.evaluate(PRICED, [folder, order.tolist(), told])
    seen = []
    for move, found in zip(moves, shown_by_page, strict=True):
        assert found["after"] == apply(order, move).tolist()
        shown = [found[key] for key in ("own", "ownSd", "heldOut", "heldOutSd")]
        wanted = priced(table, texts, order, move, run.batch_size)
        np.testing.assert_allclose(shown, wanted, atol=2e-6)
        seen.append(shown)
    assert np.ptp(seen, axis=0).min() > 1e-3, "the moves must differ in what they do"
