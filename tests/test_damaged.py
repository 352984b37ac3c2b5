"""Every file of a run flipped, cut, emptied, swapped, missing: right numbers, or a message."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reorder_core.errors import ReorderError
from reorder_core.estimators import informing_runs, open_estimator
from reorder_core.judge.fidelity import retrain_once
from reorder_core.orders.order import make_order, order_hash
from reorder_core.store.run import Run, open_run

ROWS = 4
"""Bits flipped of each file."""


@pytest.fixture(scope="module")
def whole(real_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A built run with one retraining in its ledger, in a folder of its own."""
    path = tmp_path_factory.mktemp("whole") / "run"
    # Other tests retrain other orders of the shared run: only what it was built with comes along.
    left_out = shutil.ignore_patterns("cache", "ledger", "curricula", "fidelity")
    shutil.copytree(real_run.path, path, ignore=left_out)
    for file in (path / "measured").glob("*.json"):
        if file.stem != order_hash(real_run.reference_order):
            file.unlink()
    run = open_run(path)
    retrain_once(run, make_order(range(run.count - 1, -1, -1), run.count))
    return open_run(path)


def answers(path: Path) -> tuple[bytes, ...]:
    """All that a person would be told of one order, and the truth of another."""
    run = open_run(path)
    order = make_order(np.random.default_rng(5).permutation(run.count), run.count)
    told = []
    for name in ("hybrid", "position", "reference"):
        estimate = open_estimator(run, name, informing_runs(run, order)).estimate(order)
        told += [estimate.losses_at.samples.tobytes(), estimate.losses_at.probes.tobytes()]
    for name in ("start", "tokens"):
        run.load_checked(name)
    truths = [entry.losses_at.samples.tobytes() for entry in run.ledger.all()]
    orders = (run.reference_order, *(entry.order for entry in run.ledger.all()))
    measured = [run.measured.of(order_hash(order)) for order in orders]
    truths += [m[name].samples.tobytes() for m in measured for name in sorted(m)]
    texts = "".join(sample.text + sample.domain for sample in (*run.samples, *run.probes))
    return (*told, *truths, texts.encode())


def published(path: Path) -> list[str]:
    names = [str(p.relative_to(path)) for p in path.rglob("*") if p.is_file()]
    return sorted(n for n in names if n not in ("build.json", "ledger/.sequence"))


def flips(content: bytes) -> Iterator[bytes]:
    for at in np.random.default_rng(len(content)).integers(8 * len(content), size=ROWS).tolist():
        found = bytearray(content)
        found[at // 8] ^= 1 << at % 8
        yield bytes(found)


def damages(path: Path, name: str, names: list[str]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What can befall the file, in words and done."""
    file, content = path / name, (path / name).read_bytes()
    for number, flipped in enumerate(flips(content)):
        yield f"flip {number}", lambda flipped=flipped: file.write_bytes(flipped)
    for share in (0.0, 0.3, 0.99):
        cut = content[: int(share * len(content))]
        yield f"cut to {share}", lambda cut=cut: file.write_bytes(cut)
    other = path / names[(names.index(name) + 1) % len(names)]
    yield f"swapped for {other.name}", lambda: shutil.copy(other, file)
    yield "missing", file.unlink


def test_no_damage_to_any_file_gives_a_wrong_number_in_silence(whole: Run):
    right, names = answers(whole.path), published(whole.path)
    assert len(names) > 8, names
    refused = unharmed = without_truth = 0
    messages: list[str] = []
    for name in names:
        content = (whole.path / name).read_bytes()
        for words, damage in damages(whole.path, name, names):
            damage()
            try:
                found = answers(whole.path)
            except ReorderError as error:
                refused += 1
                messages.append(str(error))
            else:
                if found == right:
                    unharmed += 1
                elif name.startswith(("ledger", "measured")):  # it is left out, and told
                    told = open_run(whole.path).problems
                    assert told or words == "missing", words
                    without_truth += 1
                else:
                    pytest.fail(f"{name}, {words}: other numbers without a word")
            finally:
                (whole.path / name).write_bytes(content)
    assert answers(whole.path) == right
    unclear = [text for text in messages if str(whole.path) not in text]
    assert not unclear, "which file, in every message"
    assert refused > 8 * (len(names) - 2), (refused, unharmed, without_truth)
    assert without_truth >= 8
