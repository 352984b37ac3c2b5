"""Quantities that are read out by a value of their own, on a real small run."""

from typing import Any

import numpy as np
import pytest
import torch

from reorder_core.building.read_outs import read_out
from reorder_core.building.stages import BuildContext
from reorder_core.errors import ReorderError
from reorder_core.estimators.hybrid import HybridEstimator
from reorder_core.estimators.learning.retrainings import designed_runs
from reorder_core.estimators.read_outs import FEWEST, Reader
from reorder_core.estimators.replay.packing import unpack
from reorder_core.judge import measures
from reorder_core.judge.fidelity import fresh_orders
from reorder_core.orders.order import Order
from reorder_core.quantities import ReadOut
from reorder_core.records.values import Values
from reorder_core.store.run import Run
from reorder_core.training.loop import open_trainable
from reorder_core.training.measuring import told_of


def probability(model: Any, theta: Any, texts: Any) -> Any:
    chances = model.logits(theta, texts).softmax(-1)
    return model.token_means(chances.gather(-1, texts.tokens[:, 1:, None])[..., 0], texts)


def margin(model: Any, theta: Any, texts: Any) -> Any:
    logits = model.logits(theta, texts)
    true = texts.tokens[:, 1:, None]
    others = logits.scatter(-1, true, float("-inf")).amax(-1)
    return model.token_means(logits.gather(-1, true)[..., 0] - others, texts)


def named(name: str, value: Any, **more: Any) -> ReadOut:
    return ReadOut(name=name, title=name, unit="u", better="higher", sentence="It is.",
                   value=value, **more)  # fmt: skip


BOTH = {"margin": named("margin", margin), "probability": named("probability", probability)}


class Trained:
    """Trainings of the run with their parameters at the end."""

    def __init__(self, run: Run) -> None:
        self.run, self.trainable = run, open_trainable(run)
        self.reference = self.end(run.reference_order)
        self.designed = [run.visits.make_order(row) for row in designed_runs(run).orders]
        self.fresh = fresh_orders(run, "random", 16, 411)
        self.ends = {order.tobytes(): self.end(order) for order in (*self.designed, *self.fresh)}

    def end(self, order: Order) -> torch.Tensor:
        ends: list[torch.Tensor] = []

        def on_step(step: int, theta: torch.Tensor) -> None:
            if step == self.run.steps:
                ends.append(theta.clone())

        self.trainable.train(order, on_step)
        return ends[0]

    def told(self, order: Order, quantity: ReadOut) -> Values:
        return told_of(self.trainable, self.ends[order.tobytes()], quantity)


@pytest.fixture(scope="module")
def trained(real_run: Run) -> Trained:
    return Trained(real_run)


@pytest.fixture(scope="module")
def context(real_run: Run) -> BuildContext:
    return BuildContext(real_run.config, real_run.path, lambda *_: None)


@pytest.fixture(scope="module")
def hybrid(real_run: Run) -> HybridEstimator:
    return HybridEstimator(real_run, designed_runs(real_run))


def arrays_of(trained: Trained, context: BuildContext, quantity: ReadOut) -> dict[str, np.ndarray]:
    index = torch.tensor(np.array(context.load("projected")["coordinates"]))
    return read_out(trained.trainable, trained.reference, index, quantity, context)


def reader_of(
    trained: Trained, context: BuildContext, hybrid: HybridEstimator, quantity: ReadOut
) -> Reader:
    arrays = arrays_of(trained, context, quantity)
    return Reader(trained.run, hybrid.prior, hybrid.alike, arrays)


def read(reader: Reader, hybrid: HybridEstimator, orders: list[Order]) -> Any:
    """Values (B, N) and (B, D), and their half widths."""
    found = [hybrid.prior.replayed(order) for order in orders]
    deltas = np.stack([one.deltas[-1] for one in found])
    return reader.read(np.stack(orders), deltas, [one.coherence for one in found])


@pytest.mark.parametrize("name", BOTH)
def test_values_and_gradients_are_autograd_s_and_those_of_differences(
    trained: Trained, context: BuildContext, name: str
) -> None:
    quantity, model = BOTH[name], trained.trainable.model
    arrays = arrays_of(trained, context, quantity)
    index = np.array(context.load("projected")["coordinates"])
    rows, theta = unpack("gradients", arrays), trained.reference.double()
    direction = torch.zeros_like(theta)
    direction[index] = torch.randn(len(index), generator=torch.Generator().manual_seed(3)).double()
    for sample in (0, 7, 40):
        text = trained.trainable.samples.take([sample])
        at = theta.clone().requires_grad_(True)
        value = quantity.measure(model, at, text)
        (whole,) = torch.autograd.grad(value.sum(), at)
        size = whole[index].abs().max().item()
        np.testing.assert_allclose(rows[sample], whole[index].numpy(), atol=0.01 * size)
        assert arrays["end_samples"][sample] == pytest.approx(value.item(), abs=1e-5)
        step = 1e-5 * direction
        with torch.no_grad():
            more, less = (quantity.measure(model, theta + s * step, text) for s in (1, -1))
        slope = float(((more - less) / 2e-5).item())
        assert slope == pytest.approx(float(rows[sample] @ direction[index].numpy()), rel=0.02,
                                      abs=0.02 * size)  # fmt: skip
    losses = model.sample_gradients(trained.reference, trained.trainable.samples.take([0]))
    assert abs(np.corrcoef(losses[0, index], rows[0])[0, 1]) < 0.999, "a loss would pass, too"


def test_a_domain_has_the_mean_over_its_probes(trained: Trained, context: BuildContext) -> None:
    arrays, run = arrays_of(trained, context, BOTH["margin"]), trained.trainable
    index = torch.tensor(np.array(context.load("projected")["coordinates"]))
    of_first = run.probes.take((run.probe_domain == 0).nonzero()[:, 0].tolist())
    rows = run.model.sample_gradients(trained.reference, of_first, value=margin)[:, index]
    found = unpack("probe_gradients", arrays)[0]
    np.testing.assert_allclose(found, rows.mean(0), atol=0.01 * rows.abs().max().item())
    assert len(of_first) > 1 and rows.std(0).mean() > 0.1 * rows.abs().mean()
    alone = arrays_of(trained, context, named("alone", margin, of=("held_out",)))
    assert "gradients" not in alone and np.isnan(alone["end_samples"]).all()
    np.testing.assert_array_equal(alone["probe_gradients"], arrays["probe_gradients"])


@pytest.mark.parametrize("name", BOTH)
def test_the_reference_order_has_its_own_values_and_no_doubt(
    trained: Trained, context: BuildContext, hybrid: HybridEstimator, name: str
) -> None:
    reader = reader_of(trained, context, hybrid, BOTH[name])
    reader.learn(
        np.stack(trained.designed), [trained.told(o, BOTH[name]) for o in trained.designed]
    )
    values, half = read(reader, hybrid, [trained.run.reference_order, trained.fresh[0]])
    real = told_of(trained.trainable, trained.reference, BOTH[name])
    moved = np.abs(values.samples[1] - real.samples).mean()
    np.testing.assert_allclose(values.samples[0], real.samples, atol=1e-4 * moved)
    np.testing.assert_allclose(values.probes[0], real.probes, atol=1e-3 * moved)
    assert half.samples[0].max() < 1e-3 * half.samples[1].min()


@pytest.mark.parametrize("name", BOTH)
def test_fresh_orders_change_it_as_they_really_do(
    trained: Trained, context: BuildContext, hybrid: HybridEstimator, name: str
) -> None:
    quantity = BOTH[name]
    real = [trained.told(order, quantity) for order in trained.fresh]
    true = np.stack([one.samples for one in real])
    known = told_of(trained.trainable, trained.reference, quantity).samples
    size = np.square(true - known).sum()
    assert np.square(true - true.mean(0)).sum() > 0.05 * size, "orders must differ"
    errors, reader = [], reader_of(trained, context, hybrid, quantity)
    for taught in (False, True):
        if taught:
            told = [trained.told(order, quantity) for order in trained.designed]
            reader.learn(np.stack(trained.designed), told)
            assert reader.taught == len(trained.designed) >= FEWEST
        values, half = read(reader, hybrid, trained.fresh)
        errors.append(np.square(values.samples - true).sum() / size)
        assert measures.rho_sample(values.samples, true) > 0.6, "ranks of orders"
    assert errors[1] < min(0.4, errors[0]), "retrainings better it"
    inside = np.abs(values.samples - true) <= half.samples
    assert 0.8 <= inside.mean() <= 0.995
    assert half.samples.mean() < 2 * np.sqrt(size / true.size), "wide enough to hold anything"
    turned, _ = read(reader, hybrid, trained.fresh[::-1])
    assert np.square(turned.samples - true).sum() > 2 * np.square(values.samples - true).sum()


def test_effects_foretell_what_exchanging_two_samples_changes(
    trained: Trained, context: BuildContext, hybrid: HybridEstimator
) -> None:
    reader, run = reader_of(trained, context, hybrid, BOTH["margin"]), trained.run
    weight = np.zeros(run.count)
    weight[:6] = 1 / 6
    table = hybrid.prior.effects_on(run.reference_order, weight @ reader.rows[0])
    random, told, read_out_ = np.random.default_rng(8), [], []
    level = read(reader, hybrid, [run.reference_order])[0].samples[0] @ weight
    for a, b in random.integers(0, run.count, (30, 2)):
        order = run.reference_order.copy()
        order[[a, b]] = order[[b, a]]
        steps = a // run.batch_size, b // run.batch_size
        first, second = run.reference_order[[a, b]]
        told.append(table[first, steps[1]] - table[first, steps[0]]
                    + table[second, steps[0]] - table[second, steps[1]])  # fmt: skip
        moved = read(reader, hybrid, [run.visits.make_order(order)])[0].samples[0] @ weight
        read_out_.append(moved - level)
    assert np.std(read_out_) > 1e-5
    assert np.corrcoef(told, read_out_)[0, 1] > 0.9


def test_a_value_without_numbers_is_told(trained: Trained, context: BuildContext) -> None:
    def broken(model: Any, theta: Any, texts: Any) -> Any:
        return (model.losses(theta, texts) * 0).sqrt()  # its slope at 0 is infinite

    with pytest.raises(ReorderError, match="gradients that are no numbers"):
        arrays_of(trained, context, named("broken", broken))
