"""Products with Φ at stored precision, and the loops of a replay, against plain NumPy."""

import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from reorder_core.config import TrainingConfig
from reorder_core.estimators.replay import factor as module
from reorder_core.estimators.replay import kernels
from reorder_core.estimators.replay.adam import Adam
from reorder_core.estimators.replay.factor import Factor
from reorder_core.estimators.replay.packing import pack, unpack
from reorder_core.estimators.replay.replayer import Replayer
from reorder_core.orders.visits import plain_visits

RANDOM = np.random.default_rng(0)


def stored(rows: int, size: int, bits: int) -> dict[str, np.ndarray]:
    columns = np.exp(2 * RANDOM.standard_normal(size)).astype(np.float32)
    return pack("factor", RANDOM.standard_normal((rows, size)).astype(np.float32) * columns, bits)


def displaced(count: int, size: int) -> np.ndarray:
    return RANDOM.standard_normal((count, size)).astype(np.float32)


def test_a_batch_weighs_the_rows_by_its_domains() -> None:
    random = np.random.default_rng(3)
    rows, lean = displaced(45, 300), random.normal(size=(3, 45)).astype(np.float32)
    shares = random.dirichlet(np.ones(3), size=10).astype(np.float32)
    found = Factor.of(rows).leaning(lean)
    x = displaced(10, 300)
    for few in (1, 2, 3, 10):  # alone, in pairs, as whole matrices
        weights = 1 + shares[:few] @ lean
        expected = ((x[:few] @ rows.T) * weights) @ rows
        np.testing.assert_allclose(
            found.product(x[:few], shares[:few]), expected, rtol=2e-4, atol=2e-3
        )
        np.testing.assert_array_equal(found.product(x[:few]), Factor.of(rows).product(x[:few]))
        own = np.einsum("br,dr,br->bd", x[:few] @ rows.T, lean, x[:few] @ rows.T)
        np.testing.assert_allclose(found.lengths(x[:few])[1], own, rtol=2e-4, atol=2e-2)
        expected = ((x[:few] @ rows.T) * (0.3 + shares[:few] @ lean)) @ rows
        np.testing.assert_allclose(
            found.product(x[:few], shares[:few], 0.3), expected, rtol=2e-4, atol=2e-3
        )
    kept = found.last(7).product(x[:2], shares[:2])
    expected = ((x[:2] @ rows[-7:].T) * (1 + shares[:2] @ lean[:, -7:])) @ rows[-7:]
    np.testing.assert_allclose(kept, expected, rtol=2e-4, atol=2e-3)
    along = lean @ ((rows @ x[0]) * (rows @ x[1]))
    np.testing.assert_allclose(found.leans(x[0], x[1]), along, rtol=2e-4, atol=2e-2)


@pytest.mark.parametrize("bits", [4, 8, 16, 32])
@pytest.mark.parametrize("rows", [1, 4, 45])
def test_it_holds_what_was_stored_and_multiplies_by_it(bits: int, rows: int) -> None:
    arrays = stored(rows, 300, bits)
    exact, found = unpack("factor", arrays), Factor.unpacked("factor", arrays)
    column = arrays.get("factor.column", np.ones(300, np.float32))
    assert found.dense().shape == exact.shape and len(found) == rows
    # Held as integers up to 127: at 8 and 32 bits nothing is lost.
    largest = np.abs(exact / column).max(1, keepdims=True)
    if bits == 4:
        largest = np.abs(arrays["factor.levels"]).max() * arrays["factor.row"]
    lost = 0.501 / 127 * largest * (bits in (4, 16))
    assert (np.abs(found.dense() - exact) / column <= lost + 1e-6).all()
    dense = found.dense()
    for count in (1, 2, 3, module.FEW, module.FEW + 1):
        x = displaced(count, 300)
        expected = (x @ dense.T) @ dense
        scale = 1e-6 * max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(found.product(x), expected, rtol=1e-4, atol=scale)
        lengths = np.square(x @ dense.T).sum(1)
        np.testing.assert_allclose(found.lengths(x)[0], lengths, rtol=1e-4)
    assert found.lengths(displaced(0, 300))[0].shape == (0,)


@pytest.mark.parametrize("count", [0, 1, 14, 16, 45, 99])
def test_the_last_rows_are_a_factor_of_their_own(count: int) -> None:
    whole = Factor.unpacked("factor", stored(45, 300, 8))
    last, dense = whole.last(count), whole.dense()[45 - min(count, 45) :]
    assert len(last) == len(dense) and np.array_equal(last.dense(), dense)
    x = displaced(2, 300)
    expected = (x @ dense.T) @ dense
    atol = 1e-6 * float(np.abs(expected).max())
    np.testing.assert_allclose(last.product(x), expected, rtol=1e-4, atol=atol)


@pytest.mark.parametrize("bits", [4, 8, 16, 32])
def test_what_changes_in_a_mapped_file_reaches_no_product(bits: int) -> None:
    arrays = stored(8, 60, bits)
    found, x = Factor.unpacked("factor", arrays), displaced(2, 60)
    before = found.product(x)
    for array in arrays.values():
        array[:] = 0
    assert before.any() and np.array_equal(found.product(x), before)


def test_rows_of_sixteen_bits_are_held_to_half_of_a_127th_of_their_largest_entry() -> None:
    arrays = stored(640, 2000, 16)
    exact, found = arrays["factor"].astype(np.float32), Factor.unpacked("factor", arrays)
    assert found.codes.dtype == np.int8
    lost = np.abs(found.dense() / arrays["factor.column"] - exact).max(1)
    assert (lost <= 0.501 * np.abs(exact).max(1) / 127).all()
    x, dense = displaced(2, 2000), exact * arrays["factor.column"]
    expected = (x @ dense.T) @ dense
    off = np.linalg.norm(found.product(x) - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert (off < 0.02).all(), "the draw of the rows loses ten times as much"


def test_neither_threads_nor_company_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    large = Factor.of(displaced(200, 4000))
    assert large.codes.size > module.SMALL
    x = displaced(2, 4000)
    alone = large.product(x)
    with ThreadPoolExecutor(6) as people:
        assert all(np.array_equal(alone, other) for other in people.map(large.product, [x] * 12))
    monkeypatch.setattr(module, "_pool", lambda: None)
    assert np.array_equal(alone, large.product(x))
    assert np.array_equal(alone[:1], large.product(x[:1]))


def _multiplied(large: Factor, x: np.ndarray, to: "multiprocessing.SimpleQueue[bool]") -> None:
    to.put(bool(np.isfinite(large.product(x)).all()))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own() -> None:
    large, x = Factor.of(displaced(200, 4000)), displaced(2, 4000)
    large.product(x)
    context = multiprocessing.get_context("fork")
    answer = context.SimpleQueue()
    child = context.Process(target=_multiplied, args=(large, x, answer))
    child.start()
    child.join(60)
    assert child.exitcode == 0 and answer.get()


def test_no_rows_are_no_curvature() -> None:
    assert len(Factor.none(50)) == 0 and not Factor.none(50).product(displaced(2, 50)).any()


def test_what_is_not_a_number_stays_so() -> None:
    large, x = Factor.of(displaced(8, 50)), displaced(2, 50)
    x[0, 3] = np.nan
    assert np.isnan(large.product(x)[0]).all() and np.isfinite(large.product(x)[1]).all()


def test_adams_loop_is_adam() -> None:
    training = TrainingConfig(steps=4, batch_size=2, learning_rate=0.01, weight_decay=0.1)
    zero, visits = np.zeros(40, np.float32), plain_visits(8, 2)
    gradients = np.stack([displaced(8, 40), displaced(8, 40)])
    replayer = Replayer(training, gradients, Factor.none(40), zero + 1, zero, zero, 3, visits)
    adam = Adam(training, zero, zero, 3)
    state = replayer.begin(1)
    for step in range(4):
        batch = np.array([2 * step, 2 * step + 1], np.int32)
        share = step / 4
        mean = (1 - share) * gradients[0, batch].mean(0) + share * gradients[1, batch].mean(0)
        np.testing.assert_allclose(replayer.mean_gradient(step, batch), mean, rtol=1e-5, atol=1e-6)
        adam = adam.after(mean)
        state, update = replayer.advance(state, step, [batch], None)
        np.testing.assert_allclose(update[0], adam.update, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(state.second[0], adam.second, rtol=1e-4, atol=1e-9)


def test_a_loss_bends_as_its_domain_does() -> None:
    rows, weight, zero = displaced(20, 60), np.exp(displaced(1, 60))[0], np.zeros(60, np.float32)
    lean = 0.5 * displaced(2, 20)
    domains, probes = np.array([0, 1, 1, 0, 1, 0, 0, 1]), np.array([1, -1])
    training = TrainingConfig(steps=4, batch_size=2, learning_rate=0.01)
    replayer = Replayer(
        training, np.zeros((2, 8, 60), np.float32), Factor.of(rows).leaning(lean), weight,
        zero, zero, 3, plain_visits(8, 2), domains=domains, probes=probes,
    )  # fmt: skip
    delta = displaced(3, 60)
    squares = np.square((delta * weight) @ rows.T)
    own = 0.5 * squares @ (1 + np.vstack([lean, np.zeros(20)])).T  # last: of no domain
    found = replayer.half_curvature(delta)
    np.testing.assert_allclose(found.samples, own[:, domains], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(found.probes, own[:, probes], rtol=1e-4, atol=1e-3)
    of_samples, of_probes = displaced(1, 8)[0], displaced(1, 2)[0]
    slope = weight * replayer.curvature(delta[:1], of_samples, of_probes)
    told = [replayer.half_curvature(delta[:1] + step) for step in (1e-2 * np.eye(60)[:5])]
    before = [replayer.half_curvature(delta[:1] - step) for step in (1e-2 * np.eye(60)[:5])]
    apart = [after - home for after, home in zip(told, before, strict=True)]
    changes = [(of_samples @ one.samples[0] + of_probes @ one.probes[0]) / 2e-2 for one in apart]
    np.testing.assert_allclose(slope[:5], changes, rtol=2e-3, atol=2e-2)


def test_each_centre_displaces_its_own_orders() -> None:
    delta, update, known, kept = (
        displaced(4, 60),
        displaced(4, 60),
        displaced(2, 60),
        displaced(1, 60),
    )
    found = np.empty_like(delta)
    kernels.displaced(delta, update, known, np.float32(0.1), kept[0], found)
    expected = delta * kept - 0.1 * (update - known[[0, 0, 1, 1]])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    kernels.displaced(delta * 0, known[[0, 0, 1, 1]], known, np.float32(0.1), kept[0], found)
    assert not found.any()


def test_a_loop_is_compiled_where_nothing_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, njit = [], kernels.numba.njit

    def nowhere(**options: Any) -> Any:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        compiled.append(options)
        return njit(**options)

    monkeypatch.setattr(kernels.numba, "njit", nowhere)
    twice = kernels._compiled(lambda x: 2 * x)
    assert twice(3) == 6 and compiled
