"""The stage that fits the position table to orders that `projected` simulates.

Own loss on random orders; held-out loss from the exact adjoint (`building.held_out`), of
which a few orders near the reference's say the error. Where held-out domains are too
many for an adjoint each, from many such orders: in random ones all samples' effects at once drown a
single one. Of a run with visits the tables have a row a visit, alike for all visits of a sample,
and behind the steps columns for the bench.
"""

import numpy as np
from numpy.typing import NDArray

from reorder_core.building.designed_orders import with_bench
from reorder_core.building.stages import BuildContext
from reorder_core.estimators.learning.retrainings import no_runs
from reorder_core.estimators.learning.ridge import best_penalty, cosines, ridge
from reorder_core.estimators.projected import ProjectedEstimator
from reorder_core.estimators.replay.exchange import has_adjoint, open_table
from reorder_core.orders.order import Order
from reorder_core.orders.visits import Visits
from reorder_core.records.losses import Losses

Array = NDArray[np.floating]
OWN_BASIS, NEAR_BASIS, FAR_BASIS, CHUNK = 6, 6, 4, 64
SPARSE, MOVED = 2, 16
"""Orders near the reference's per random one; one sample in so many is moved in each."""
JUDGES = 128
"""Orders near the reference's, where they judge a table only."""


def fit_position_table(context: BuildContext) -> float:
    """position.safetensors, from simulated orders; costs no training."""
    run, count = context.run(), context.config.position.orders
    visits, told = run.visits, None if run.visits.is_plain else run.visits
    estimator = ProjectedEstimator(run, no_runs(run))
    random = np.random.default_rng([context.config.seed, 3])
    orders = [_far(run.reference_order, visits, random) for _ in range(count)]
    exact = open_table(run) if has_adjoint(run) else None  # (D or 1, V, T)
    judged = exact is not None and len(exact) == len(run.probe_domains)
    orders += [_near(run.reference_order, random) for _ in range(near_orders(count, judged))]
    losses, distances = [], []
    for start in range(0, len(orders), CHUNK):
        context.on_progress("position effects", start, len(orders))
        ends = estimator.simulate(np.stack(orders[start : start + CHUNK]))
        losses.append(ends.losses)
        distances.append(estimator.distance(ends.deltas))
    simulated = Losses.joined(losses)
    known_far, known_near = simulated[:count], simulated[count:]
    home, *steps = visits.steps_of(np.stack([run.reference_order, *orders]))
    far, near = np.array(steps[:count]), np.array(steps[count:])
    probe_near = known_near.probes - run.reference.final.probes
    probe_far, _ = fit_probes(None, far, known_far.probes, run.steps, told)
    if exact is not None and judged:
        probe, misfit = exact, _misfit(exact, home, near, probe_near)
    else:
        probe, misfit = fit_probes(home, near, probe_near, run.steps, told)
    # What the table was fitted to errs, too: by `error_law`, in proportion to its distance.
    moved = np.maximum(1, (near != home).sum(1))
    distance = np.sqrt((np.square(np.concatenate(distances)[count:]) / moved).mean())
    held_out_sd = np.hypot(misfit, estimator.probe_unit.mean() * distance)
    context.save("position", {
        **fit_own(far, known_far.samples, run.steps, told), "probe": probe,
        "probe_far": probe_far, "held_out": probe.mean(0),
        "held_out_sd": np.full(visits.count, held_out_sd, np.float32),
    })  # fmt: skip
    return 0.0


def near_orders(count: int, judged: bool) -> int:
    """How many orders near the reference's are simulated beside `count` random ones."""
    return JUDGES if judged else SPARSE * count


def _misfit(probe: Array, home: NDArray[np.integer], near: Array, change: Array) -> float:
    """What a table (D, N, T) misses of the mean change (M, D), as a standard deviation for each
    sample that moved."""
    ids = np.arange(len(home))
    told = np.array([(probe[:, ids, to] - probe[:, ids, home]).sum() for to in near]) / len(probe)
    moved = np.maximum(1, (near != home).sum(1))
    return float(np.sqrt((np.square(told - change.mean(1)) / moved).mean()))


def _far(reference: Order, visits: Visits, random: np.random.Generator) -> NDArray[np.int32]:
    """What is trained in random order, with half of the bench."""
    if not visits.bench:
        return random.permutation(reference)
    trained, bench = np.split(reference, [visits.trained])
    return with_bench(np.concatenate([random.permutation(trained), bench]), visits, random)


def _near(reference: Order, random: np.random.Generator) -> NDArray[np.int32]:
    """`reference` with a few samples put elsewhere."""
    count = len(reference)
    chosen = random.choice(count, max(1, count // MOVED), replace=False)
    slots = np.sort(random.integers(0, count - len(chosen) + 1, len(chosen)))
    return np.insert(reference[~np.isin(reference, chosen)], slots, chosen).astype(np.int32)


def _basis(steps: int, count: int, visits: Visits | None) -> Array:
    """(places, functions) cosines over steps; of a run with a bench one function for that."""
    basis = cosines(steps, count)
    if visits is None or not visits.bench:
        return basis
    behind = np.zeros((visits.places - steps, basis.shape[1] + 1))
    behind[:, -1] = 1
    return np.concatenate([np.pad(basis, ((0, 0), (0, 1))), behind])


def _of_samples(of_visits: Array, visits: Visits | None) -> Array:
    """(M, N, …) sums over each sample's visits (M, V, …)."""
    if visits is None or visits.is_plain:
        return of_visits
    found = np.zeros((len(of_visits), visits.samples, *of_visits.shape[2:]))
    rows = np.arange(len(of_visits))[:, None]
    np.add.at(found, (rows, visits.sample_of[None]), of_visits)
    return found


def fit_own(
    step_of: NDArray[np.integer], sample_loss: Array, steps: int, visits: Visits | None = None
) -> dict[str, Array]:
    """Each sample's own loss by its step, from M orders: step_of (M, V), sample_loss (M, N).

    Cosines over steps keep each sample's curve smooth.
    """
    basis, count = _basis(steps, OWN_BASIS, visits), sample_loss.shape[1]
    own, own_sd = np.empty((count, len(basis))), np.empty(count)
    for sample in range(count):
        own_visits = [sample] if visits is None else visits.of_sample[sample]
        design = basis[step_of[:, own_visits]].sum(1)  # (M, functions)
        centred = sample_loss[:, sample] - sample_loss[:, sample].mean()
        own[sample] = basis @ ridge(design, centred[:, None], 1.0)[:, 0]
        own_sd[sample] = (centred - own[sample][step_of[:, own_visits]].sum(1)).std()
    found = {"own": own.astype(np.float32), "own_sd": own_sd.astype(np.float32)}
    if visits is None:
        return found
    return {name: rows[visits.sample_of] for name, rows in found.items()}


def fit_probes(
    home: NDArray[np.integer] | None, step_of: NDArray[np.integer], loss: Array, steps: int,
    visits: Visits | None = None,
) -> tuple[Array, float]:  # fmt: skip
    """(D, V, T) held-out losses by every sample's step, from M orders: step_of (M, V).

    loss (M, D): changes against the order of steps `home` (V,); losses of any
    level where that is None. One ridge regression over all samples' curves,
    its penalty chosen on held-out orders. The second value is what is left of
    their mean over domains, as a standard deviation for each sample that moved.
    """
    basis = _basis(steps, FAR_BASIS if home is None else NEAR_BASIS, visits)
    origin = np.zeros(basis.shape[1]) if home is None else basis[home]
    by_sample = _of_samples(basis[step_of] - origin, visits)
    count, design = by_sample.shape[1], by_sample.reshape(len(step_of), -1)  # (M, N · basis)
    change = loss - loss.mean(0) if home is None else loss
    weights = ridge(design, change, best_penalty(design, change))
    tables = np.einsum("nbd,tb->dnt", weights.reshape(count, basis.shape[1], -1), basis)
    residual = (change - design @ weights).mean(1)
    if visits is not None:
        tables = tables[:, visits.sample_of]
    moved = count if home is None else np.maximum(1, (step_of != home).sum(1))
    return tables.astype(np.float32), float(np.sqrt(np.square(residual / np.sqrt(moved)).mean()))
