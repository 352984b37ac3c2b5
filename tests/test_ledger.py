import json
import logging
import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from fabricated import COUNT, build_tiny, rewritten, tiny_config

from reorder_core.errors import StoreError
from reorder_core.orders.order import make_order, order_hash
from reorder_core.records.losses import Losses
from reorder_core.store.ledger import Retrained
from reorder_core.store.run import Run, open_run

REVERSED = make_order(range(COUNT - 1, -1, -1), COUNT)


def test_a_retraining_comes_back_bit_for_bit_in_another_process(tiny_run: Run, retrain):
    put = retrain(tiny_run, REVERSED)
    tiny_run.ledger.append(put)
    got = open_run(tiny_run.path).ledger.get(put.order_hash)
    assert got is not None
    np.testing.assert_array_equal(got.order, REVERSED)
    np.testing.assert_array_equal(got.losses_at.samples, put.losses_at.samples)
    np.testing.assert_array_equal(got.losses_at.probes, put.losses_at.probes)
    np.testing.assert_array_equal(got.final.samples, put.final.samples)
    assert got.seconds == put.seconds
    assert not got.losses_at.samples.flags.writeable


def test_nobody_has_retrained_an_order_yet(tiny_run: Run):
    assert tiny_run.ledger.get(order_hash(REVERSED)) is None
    assert tiny_run.ledger.all() == []
    assert len(tiny_run.ledger) == 0


def test_an_open_ledger_sees_what_others_append(tiny_run: Run, retrain):
    mine, theirs = tiny_run.ledger, open_run(tiny_run.path).ledger
    assert mine.all() == []
    theirs.append(retrain(tiny_run, REVERSED))
    assert [entry.order_hash for entry in mine.all()] == [order_hash(REVERSED)]


def test_a_diverged_training_is_kept_with_its_nan(tiny_run: Run, retrain):
    whole = retrain(tiny_run, REVERSED)
    losses = whole.losses_at.samples.copy()
    losses[-1, 3] = np.nan
    diverged = Losses(losses, whole.losses_at.probes)
    tiny_run.ledger.append(Retrained(whole.run, whole.order_hash, whole.order, diverged, 1.0))
    got = open_run(tiny_run.path).ledger.get(whole.order_hash)
    assert got is not None
    np.testing.assert_array_equal(got.losses_at.samples, losses)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("run", "other-1", "it is for run other-1"),
        ("order", [0, 0], "sample 0 appears in slots"),
        ("order", list(range(COUNT)), "its order hashes to"),
        ("sample_loss_at", [[1.0]], "losses of shape"),
        ("probe_loss_at", "much", "could not convert"),
        ("seconds", None, "NoneType"),
        ("sequence", -1, "its sequence number is -1"),
        ("sequance", 1, "differ from an entry's in 'sequance'"),
    ],
)
def test_a_damaged_entry_is_logged_and_left_out(tiny_run: Run, retrain, caplog, field, value, told):
    tiny_run.ledger.append(retrain(tiny_run, REVERSED))
    (path,) = tiny_run.ledger.folder.glob("*.json")
    rewritten(path, **{field: value})
    with caplog.at_level(logging.WARNING):
        assert open_run(tiny_run.path).ledger.all() == []
    assert "left out of the ledger" in caplog.text
    assert told in caplog.text


def test_a_changed_bit_is_named_and_never_read(tiny_run: Run, retrain):
    tiny_run.ledger.append(retrain(tiny_run, REVERSED))
    (path,) = tiny_run.ledger.folder.glob("*.json")
    content, silent = path.read_bytes(), []
    truth = _held(open_run(tiny_run.path))
    random = np.random.default_rng(3)
    for at in random.choice(8 * len(content), 300, replace=False).tolist():
        flipped = bytearray(content)
        flipped[at // 8] ^= 1 << at % 8
        path.write_bytes(flipped)
        ledger = open_run(tiny_run.path).ledger
        if ledger.all():
            silent += [at] if _held(open_run(tiny_run.path)) != truth else []
        else:
            assert [found.path for found in ledger.damaged] == [path]
            assert "retrain its order again" in str(ledger.damaged[0])
    assert not silent


def _held(run: Run) -> list[tuple]:
    entries = [(e, e.losses_at) for e in run.ledger.all()]
    return [(e.order.tolist(), at.samples.tolist(), at.probes.tolist(), e.sequence)
            for e, at in entries]  # fmt: skip


def test_an_altered_entry_tells_both_digests(tiny_run: Run, retrain):
    tiny_run.ledger.append(retrain(tiny_run, REVERSED))
    (path,) = tiny_run.ledger.folder.glob("*.json")
    path.write_text(path.read_text().replace('"seconds": 0.5', '"seconds": 0.6'))
    (damage,) = tiny_run.ledger.damaged
    expected = json.loads(path.read_text())["digest"][:12]
    assert "its digest is" in damage.reason and f"expected {expected}" in damage.reason
    tiny_run.ledger.append(retrain(tiny_run, REVERSED))
    assert not tiny_run.ledger.damaged and len(tiny_run.ledger) == 1


def test_entries_are_numbered_as_they_are_appended_and_older_ones_come_first(
    tiny_run: Run, retrain
):
    random = np.random.default_rng(5)
    orders = [make_order(random.permutation(COUNT), COUNT) for _ in range(5)]
    for order in orders:
        tiny_run.ledger.append(retrain(tiny_run, order))
    tiny_run.ledger.append(retrain(tiny_run, orders[1]))  # keeps its number
    old = make_order(random.permutation(COUNT), COUNT)
    tiny_run.ledger.append(retrain(tiny_run, old))
    path = tiny_run.ledger.folder / f"{order_hash(old)}.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({k: record[k] for k in record if k not in ("sequence", "digest")}))
    found = [entry.order_hash for entry in open_run(tiny_run.path).ledger.in_sequence()]
    assert found == list(map(order_hash, [old, *orders]))
    assert [entry.order_hash for entry in open_run(tiny_run.path).ledger.newest()] == found[::-1]


def test_a_number_is_not_given_again_when_its_entry_is_deleted(tiny_run: Run, retrain):
    ledger = tiny_run.ledger
    ledger.append(retrain(tiny_run, REVERSED))
    (ledger.folder / f"{order_hash(REVERSED)}.json").unlink()
    ledger.append(retrain(tiny_run, REVERSED))
    assert [entry.sequence for entry in ledger.all()] == [2]


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}"])
def test_a_file_that_is_no_entry_is_left_out(tiny_run: Run, retrain, content: str):
    tiny_run.ledger.append(retrain(tiny_run, REVERSED))
    (tiny_run.ledger.folder / "0123456789abcdef.json").write_text(content)
    assert len(open_run(tiny_run.path).ledger) == 1


def test_an_entry_under_another_orders_name_is_left_out(tiny_run: Run, retrain):
    tiny_run.ledger.append(retrain(tiny_run, REVERSED))
    (path,) = tiny_run.ledger.folder.glob("*.json")
    path.rename(path.with_name("0123456789abcdef.json"))
    assert open_run(tiny_run.path).ledger.get("0123456789abcdef") is None


def test_the_retraining_of_another_run_is_our_own_mistake(tiny_run: Run, tmp_path: Path, retrain):
    other = build_tiny(tmp_path / "other", tiny_config(seed=8))
    with pytest.raises(AssertionError):
        tiny_run.ledger.append(retrain(other, REVERSED))


def test_a_ledger_that_cannot_be_written_says_what_to_do(tiny_run: Run, retrain):
    tiny_run.ledger.folder.write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="give write access to the run folder"):
        tiny_run.ledger.append(retrain(tiny_run, REVERSED))


def _append_many(path: Path, seed: int, entry: Retrained) -> None:
    run = open_run(path)
    random = np.random.default_rng(seed)
    for _ in range(10):
        order = make_order(random.permutation(COUNT), COUNT)
        for written in (order, REVERSED):  # every process also writes the same entry
            run.ledger.append(Retrained(run.id, order_hash(written), written, entry.losses_at, 1.0))


def test_many_processes_append_at_once(tiny_run: Run, retrain):
    spawn = multiprocessing.get_context("spawn")
    entry = retrain(tiny_run, REVERSED)
    workers = [
        spawn.Process(target=_append_many, args=(tiny_run.path, seed, entry)) for seed in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert len(tiny_run.ledger) == 31
    assert len({entry.sequence for entry in tiny_run.ledger.all()}) == 31
    assert not list(tiny_run.ledger.folder.glob("*.part"))


def test_the_stamp_of_a_moment_ago_is_given_again_only_while_nothing_was_appended(
    tiny_run: Run, retrain
):
    ledger, orders = tiny_run.ledger, [np.roll(tiny_run.reference_order, n) for n in (1, 2, 3)]
    seen = [ledger.recent_stamp]
    for order in orders:
        ledger.append(retrain(tiny_run, make_order(order, tiny_run.count)))
        seen.append(ledger.recent_stamp)
        assert seen[-1] == ledger.stamp == open_run(tiny_run.path).ledger.stamp
    assert len(set(seen)) == 4
