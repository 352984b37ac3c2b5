"""The table of all samples, near-duplicates among them, retrained moves of single ones."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from tables import random_table

from reorder_core.analysis.near_duplicates import ALIKE, jaccard, near_duplicates, shingled
from reorder_core.analysis.one_moves import agreement, farthest, one_moves
from reorder_core.analysis.position_effects import own_effects
from reorder_core.analysis.remembered import remembered
from reorder_core.orders.order import insert, order_hash, swap
from reorder_core.store.run import Run


def test_each_line_says_what_training_did_and_what_another_step_would(tiny_run: Run):
    table = random_table(tiny_run)
    effects = own_effects(tiny_run, table)
    frame = remembered(tiny_run, effects, [(i + 1,) if i < 11 else () for i in range(12)])
    loss = tiny_run.reference.losses_at.samples.astype(float)
    for i, line in enumerate(frame.to_dict("records")):
        slot = tiny_run.reference_order.tolist().index(i)
        assert line["step"] == slot // 3
        assert line["since"] == 3 - slot // 3
        assert (line["before"], line["after"]) == (loss[0, i], loss[-1, i])
        assert line["gain"] == loss[0, i] - loss[-1, i]
        curve = table.own[i].astype(float)
        assert line["best_step"] == min(range(4), key=lambda t: curve[t])
        assert line["swing"] == pytest.approx(max(curve) - min(curve), abs=1e-6)
        assert line["best"] == pytest.approx(min(curve) - curve[slot // 3], abs=1e-6)
        assert line["worst_hi"] - line["worst_lo"] in (
            0, pytest.approx(2 * 1.6449 * table.own_sd[i])
        )  # fmt: skip
        assert line["swing_hi"] - line["swing_lo"] == pytest.approx(2 * 1.6449 * table.own_sd[i])
    assert frame["flags"].tolist() == [", ".join(s.flags) for s in tiny_run.samples]
    assert frame["alike"].tolist()[:2] == ["1", "2"]


def test_near_duplicates_are_all_pairs_that_share_enough_shingles():
    random = np.random.default_rng(2)
    words = [f"w{i}" for i in range(400)]
    texts = [" ".join(random.choice(words, 40)) for _ in range(60)]
    for place in range(0, 60, 3):  # copies with a few words changed, more and more of them
        copy = texts[place].split()
        for at in random.choice(40, place // 12, replace=False):
            copy[at] = "other"
        texts.append(" ".join(copy))
    texts += [texts[5], "two words", "two words", ""]
    found = near_duplicates(texts)
    sets = [shingled(text) for text in texts]
    for place in range(len(texts)):
        others = [o for o in range(len(texts)) if o != place]
        expected = tuple(o for o in others if jaccard(sets[place], sets[o]) >= ALIKE)
        assert found[place] == expected, place
    assert sum(map(bool, found)) > 20, "there must be some to find"
    assert not all(found)


def test_jaccard_by_hand():
    assert shingled("A b, c D") == {"a b c", "b c d"}
    assert jaccard(shingled("a b c d"), shingled("x a b c")) == pytest.approx(1 / 3)


def test_retrained_moves_are_beside_their_estimates(tiny_run: Run, retrain):
    table, reference = random_table(tiny_run), tiny_run.reference_order
    moved = insert(reference, 2, 10)  # step 0 → 3
    swapped = swap(reference, 0, 7)  # step 0 ↔ 2
    within = swap(reference, 0, 1)  # trains the same
    far = reference[::-1]
    for order in (moved, swapped, within, far):
        tiny_run.ledger.append(retrain(tiny_run, order.astype(np.int32)))
    found = one_moves(tiny_run, table)
    cells = set(zip(found["sample"], found["home"], found["step"], strict=True))
    assert cells == {(2, 0, 3), (0, 0, 2), (7, 2, 0)}
    for line in found.to_dict("records"):
        truth = tiny_run.ledger.get(line["order_hash"])
        assert truth is not None
        i = line["sample"]
        change = truth.final.samples[i] - tiny_run.reference.final.samples[i]
        assert line["retrained"] == pytest.approx(float(change), abs=1e-6)
        expected = table.own[i, line["step"]] - table.own[i, line["home"]]
        assert line["estimated"] == pytest.approx(float(expected), abs=1e-6)
    assert order_hash(within) not in set(found["order_hash"])
    told, errors = agreement(found), found["estimated"] - found["retrained"]
    assert told["mse"] == pytest.approx(np.mean([e * e for e in errors]))
    rho = spearmanr(found["estimated"], found["retrained"])
    assert told["spearman"] == pytest.approx(rho.statistic)  # pyright: ignore
    assert farthest(found) == 3


def test_without_retrainings_the_agreement_is_unknown_and_not_zero(tiny_run: Run):
    found = one_moves(tiny_run, random_table(tiny_run))
    assert len(found) == 0
    assert farthest(found) == 0
    assert np.isnan([agreement(found)[k] for k in ("mse", "spearman", "mse_no_change")]).all()
