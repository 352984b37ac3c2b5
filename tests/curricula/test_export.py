"""Orders for use elsewhere, and the example that trains with one."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reorder_core.export.curriculum import index_json, order_json
from reorder_core.orders.order import parse_order
from reorder_core.training.loop import retrain

ROOT = Path(__file__).parents[2]


def test_an_order_comes_back_from_its_json_and_indexes_a_dataset(real_run) -> None:
    order = np.random.default_rng(0).permutation(real_run.count).astype(np.int32)
    again = parse_order(order_json(real_run, order), real_run.id, real_run.count)
    assert np.array_equal(again, order)
    rows = [sample.text for sample in real_run.samples]
    index = json.loads(index_json(real_run, order))
    assert [rows[i] for i in index] == [real_run.samples[i].text for i in order]


def test_the_sampler_gives_the_order_to_a_data_loader_every_epoch() -> None:
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    from reorder_core.export.sampler import OrderSampler

    order, rows = [3, 0, 2, 1], TensorDataset(torch.arange(4))
    loader = DataLoader(rows, batch_size=2, sampler=OrderSampler(order))
    for _ in range(2):
        assert [batch.tolist() for (batch,) in loader] == [[3, 0], [2, 1]]


def test_the_trainer_example_gives_the_losses_of_our_retraining(real_run, tmp_path) -> None:
    order = np.random.default_rng(3).permutation(real_run.count).astype(np.int32)
    file = tmp_path / "order.json"
    file.write_text(order_json(real_run, order))
    done = subprocess.run(
        [sys.executable, "examples/train_in_order.py", str(real_run.path), "--order", str(file)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    truth = retrain(real_run, order)
    reference = real_run.reference.final.probes
    rows = zip(real_run.probe_domains, truth.final.probes, reference, strict=True)
    for domain, known, other in rows:
        assert told["probes"][domain] == pytest.approx(float(known), abs=2e-5)
        assert abs(float(known) - float(other)) > 2e-4  # the order does matter
    assert told["samples"] == pytest.approx(float(truth.final.samples.mean()), abs=2e-5)
