"""A number says what it knows; a link's number is shown as it was, and today's is offered."""

import base64
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sitting import page, sent
from streamlit.testing.v1 import AppTest

from reorder_core.cache.estimates import ResultCache
from reorder_core.cache.service import EstimateService
from reorder_core.cache.stamps import resolved, stamp_of
from reorder_core.errors import OrderError
from reorder_core.orders.links import encode_order
from reorder_core.orders.order import Order, insert
from reorder_core.store.ledger import Retrained
from reorder_core.store.run import Run, open_run
from ui.app import state
from ui.queries import judged
from ui.queries.packed import packed


@pytest.fixture(scope="module")
def younger(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Retrained]]:
    """The demo before its last three retrainings, and these."""
    copy = tmp_path_factory.mktemp("younger") / "demo"
    shutil.copytree(demo, copy, ignore=shutil.ignore_patterns("cache"))
    last = open_run(copy).ledger.newest()[:3]
    for entry in last:
        (copy / "ledger" / f"{entry.order_hash}.json").unlink()
    return copy, last


def grow(run: Run, entry: Retrained) -> None:
    run.ledger.append(replace(entry, sequence=0, digest=""))


def link(run: Run, order: Order, stamp: str) -> dict[str, str]:
    return {"run": run.id, "o": encode_order(order), "k": stamp}


def shown(at: AppTest) -> dict[str, Any]:
    assert not at.exception
    return sent(at, state.TIMELINE)


def test_a_link_shows_its_number_as_it_was_after_the_ledger_has_grown_and_offers_todays(
    younger: tuple[Path, list[Retrained]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, last = younger
    run, order = open_run(path), insert(open_run(path).reference_order, 11, 93)
    before = shown(page(path, monkeypatch, "timeline", {"run": run.id, "o": encode_order(order)}))
    assert before["estimate"]["knows"] == "hybrid, 16 + 64 retrainings"
    had = len(run.ledger)
    assert before["known"].startswith(f"{had}-")
    for entry in last:
        grow(run, entry)
    at = page(path, monkeypatch, "timeline", link(run, order, before["known"]))
    then = shown(at)
    assert then["estimate"]["sampleLoss"] == before["estimate"]["sampleLoss"]
    assert then["known"] == before["known"], "passed on, the link says the same"
    (told,) = at.info
    assert "3 more have come" in told.value and "16 + 64" in told.value
    at = at.button(key="ro_today").click().run()
    today = shown(at)
    assert not at.info and today["known"].startswith(f"{had + 3}-")
    assert today["estimate"]["sampleLoss"] != before["estimate"]["sampleLoss"]


def test_a_stamp_of_another_ledger_or_a_damaged_one_is_said_and_todays_number_is_shown(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(demo)
    order = insert(run.reference_order, 11, 93)
    for stamp, words in [("3-00000000", "cannot be shown as it was"), ("x", "damaged"),
                         ("999999-12345678", "cannot be shown as it was")]:  # fmt: skip
        at = page(demo, monkeypatch, "timeline", link(run, order, stamp))
        assert words in shown(at)["notice"]["text"], stamp
        assert not at.info and shown(at)["known"].startswith(f"{len(run.ledger)}-")


def numbers(points: Any) -> list[float]:
    """A trace's values, as a list or as bytes."""
    if "bdata" not in points:
        return points
    return np.frombuffer(base64.b64decode(points["bdata"]), "<f4").tolist()


def test_an_order_opened_from_fidelitys_ledger_has_the_same_estimate_and_error_on_both_pages(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(demo)
    entries = run.ledger.newest()
    losses = []
    for entry in (entries[5], entries[-5]):  # one that the informed estimator must not know
        for estimator in ("hybrid", "hybrid+ledger"):
            judging = [v.retrained.order_hash for v in judged.verified(run, estimator)]
            assert entry.order_hash in judging
            judged.work(run, estimator, [entry.order], 0)
            ours = judged.known(run, estimator)[entry.order_hash]
            stamp = judged.stamp(run, estimator, entry.order)
            assert stamp is not None
            at = page(demo, monkeypatch, "timeline", link(run, entry.order, stamp))
            theirs = shown(at)
            assert theirs["known"] == stamp and theirs["hash"] == entry.order_hash
            assert theirs["estimate"]["sampleLoss"] == packed(ours.final.samples)
            assert theirs["truth"]["sampleLoss"] == packed(entry.final.samples)
            held_out = json.loads(theirs["figures"]["plots"]["generalization"])["data"]
            for values, name in (
                (ours.final.probes, "estimate"),
                (entry.final.probes, "retrained"),
            ):
                told = {}  # what lies outside its interval is a trace of its own
                for trace in held_out:
                    if str(trace.get("name")).startswith(name):
                        told |= dict(zip(trace["customdata"], numbers(trace["x"]), strict=True))
                mean = (values - run.reference.final.probes).mean()
                assert told["all domains"] == pytest.approx(mean, abs=1e-6)
            losses.append(ours.final.samples)
    assert np.abs(losses[0] - losses[1]).max() > 1e-4, "two estimators, told apart by their names"
    assert judged.stamp(run, "projected", entries[5].order) is None


def test_of_an_order_in_the_ledger_both_states_of_knowledge_come_back_from_their_stamps(
    demo: Path, tmp_path: Path
) -> None:
    run = open_run(demo)
    service = EstimateService(run, ResultCache(tmp_path / "c.duckdb", run.fingerprint))
    order = run.ledger.newest()[0].order
    for first in (0, len(run.ledger) - 8):
        assert resolved(service, order, stamp_of(service.as_of(first), order)).first == first
    assert resolved(service, order, stamp_of(service.now(), order)).first is None
    # Its own retraining never informs it, so the ledger without it gives the same number.
    without = stamp_of(service.as_of(len(run.ledger) - 1), order)
    assert resolved(service, order, without).first is None
    for damaged in ("", "1", "1-", "1-zzzzzzzz", "1-123456789", "-1-12345678", "٣-12345678"):
        with pytest.raises(OrderError, match="damaged"):
            resolved(service, order, damaged)
    designed = service.as_of(0).answer(order).estimate.final.samples
    assert np.isfinite(designed).all()
