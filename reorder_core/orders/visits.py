"""Visits: the planned uses of a run's samples, which is what an order permutes.

`sample_of[visit]` names the sample. The reference order is one permutation of the trained
samples an epoch; what an order has behind its T · b slots is the bench, which it does not train:
reserve samples and spare visits in the reference order. With one epoch and nothing on the
bench a visit is its sample, and everything is as if there were no visits.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reorder_core.errors import OrderError
from reorder_core.orders.order import Order, frozen, make_order, order_hash


@dataclass(frozen=True, eq=False)
class Visits:
    """V visits of N samples, of which an order trains the first T · b."""

    sample_of: NDArray[np.int32]
    """(V,)"""
    steps: int
    """T"""
    batch_size: int
    epochs: int = 1
    reserve: int = 0
    """Of the N samples, the last so many: the reference order trains none of them."""

    @property
    def count(self) -> int:
        """V"""
        return len(self.sample_of)

    @property
    def trained(self) -> int:
        """T · b, slots that are trained."""
        return self.steps * self.batch_size

    @property
    def bench(self) -> int:
        """Visits that an order does not train."""
        return self.count - self.trained

    @cached_property
    def samples(self) -> int:
        """N"""
        return int(self.sample_of.max()) + 1

    @cached_property
    def is_plain(self) -> bool:
        """One epoch, nothing on the bench: each visit is its sample."""
        return not self.bench and self.samples == self.count

    @property
    def spare(self) -> int:
        """Visits beyond those of the epochs, the last ones."""
        return self.count - self.epochs * self.samples

    @property
    def places(self) -> int:
        """T, and behind it the bench cut into steps: columns of tables over (visit, step)."""
        return -(-self.count // self.batch_size)

    @cached_property
    def of_sample(self) -> tuple[NDArray[np.intp], ...]:
        """Each sample's visits."""
        return tuple(np.flatnonzero(self.sample_of == sample) for sample in range(self.samples))

    def make_order(self, ids: Iterable[Any]) -> Order:
        """A checked order: every visit once; of trained visits alone, the rest goes on the bench.

        Raises OrderError.
        """
        if self.is_plain:
            return make_order(ids, self.count)
        values = list(ids.tolist() if isinstance(ids, np.ndarray) else ids)
        if self.bench and len(values) == self.trained:
            known = {value for value in values if isinstance(value, int)}
            values += [visit for visit in range(self.count) if visit not in known]
            if len(values) > self.count:
                values = values[: self.trained]  # something is doubled or unknown: say so
        elif self.bench and self.trained < len(values) < self.count:
            raise OrderError(
                f"the order trains {len(values)} visits, but there are {self.trained} slots "
                f"({self.steps} steps of {self.batch_size}); give those {self.trained}, or all "
                f"{self.count} visits, of which the last {self.bench} lie on the bench"
            )
        return make_order(values, self.count, "visit")

    def of_samples(self, samples: Iterable[Any]) -> Order:
        """The order that trains these samples, T · b ids; a sample as often as it has visits.

        Raises OrderError.
        """
        left = [list(visits) for visits in self.of_sample]
        order: list[int] = []
        for slot, sample in enumerate(samples):
            if not isinstance(sample, (int, np.integer)) or not 0 <= sample < self.samples:
                raise OrderError(
                    f"unknown sample id {str(sample)[:20]} in slot {slot}; this run's ids are "
                    f"0..{self.samples - 1}"
                )
            if not left[sample]:
                raise OrderError(
                    f"sample {sample} is to be trained again in slot {slot}, but has "
                    f"{len(self.of_sample[sample])} visits; see corpus.repetitions"
                )
            order.append(int(left[sample].pop(0)))
        if len(order) != self.trained:
            raise OrderError(
                f"the order trains {len(order)} samples, but there are {self.trained} slots"
            )
        return self.make_order(order)

    def batches(self, orders: NDArray[np.integer]) -> NDArray[np.int32]:
        """(…, T, b) the samples that orders (…, V) train at each step."""
        trained = self.sample_of[orders[..., : self.trained]]
        return trained.reshape(*orders.shape[:-1], self.steps, self.batch_size)

    def seen_before(self, orders: NDArray[np.integer]) -> NDArray[np.int32]:
        """(…, T, b) how often each of `batches` was trained at earlier steps."""
        batches = self.batches(orders)
        flat = batches.reshape(-1, self.steps, self.batch_size)
        found = np.zeros_like(flat)
        for row, steps in enumerate(flat):
            done = np.zeros(self.samples, np.int32)
            for step, batch in enumerate(steps):
                found[row, step] = done[batch]
                np.add.at(done, batch, 1)
        return found.reshape(batches.shape)

    def times(self, orders: NDArray[np.integer], until: int | None = None) -> NDArray[np.int32]:
        """(M, N) how often orders (M, V) train each sample, in the first `until` steps."""
        until = self.steps if until is None else until
        trained = self.sample_of[orders[:, : until * self.batch_size]]
        return np.stack([np.bincount(row, minlength=self.samples) for row in trained]).astype(
            np.int32
        )

    def steps_of(self, orders: NDArray[np.integer]) -> NDArray[np.intp]:
        """(M, V) the step that trains each visit; from T on it lies on the bench."""
        return np.argsort(orders, axis=1) // self.batch_size

    def first_steps(self, orders: NDArray[np.integer]) -> NDArray[np.intp]:
        """(M, N) the step that first trains each sample; T for one that is not trained at all."""
        steps = np.minimum(self.steps_of(orders), self.steps)
        if self.is_plain:
            return steps
        found = np.full((len(orders), self.samples), self.steps)
        rows = np.arange(len(orders))[:, None]
        np.minimum.at(found, (rows, self.sample_of[None]), steps)
        return found

    def as_visits(self, of_samples: Any) -> NDArray[Any]:
        """(V,) what is told of each visit's sample, from (N,)."""
        return np.asarray(of_samples)[self.sample_of]

    def sort_trained(self, reference: Order, keys: Any) -> Order:
        """The reference's trained visits ascending in a key (V,), ties as they stand there."""
        trained, bench = np.split(reference, [self.trained])
        ranked = trained[np.argsort(np.asarray(keys)[trained], kind="stable")]
        return frozen(np.concatenate([ranked, bench]))

    def with_trained(self, reference: Order, trained: NDArray[np.integer]) -> Order:
        """These visits trained, in this order, and the reference's bench."""
        return frozen(np.concatenate([trained, reference[self.trained :]]))

    def visits_at(self, orders: NDArray[np.integer]) -> NDArray[np.float64]:
        """(M, N, T + 1) how often orders (M, V) use each sample at each step; last the bench."""
        steps = np.minimum(self.steps_of(orders), self.steps)
        found = np.zeros((len(orders), self.samples, self.steps + 1))
        rows = np.arange(len(orders))[:, None]
        np.add.at(found, (rows, self.sample_of[None], steps), 1)
        return found

    def trains_as(self, order: Order) -> str:
        """Alike for orders that train the same samples at each step; see `training_hash`."""
        return order_hash(np.sort(self.batches(order), axis=1).reshape(-1))


def make_visits(
    shape: tuple[int, int],
    samples: int,
    epochs: int = 1,
    reserve: int = 0,
    repetitions: Mapping[str, int] | None = None,
    names: Sequence[Sequence[str]] = (),
) -> Visits:
    """Visits of a run of `shape` (T, b): E of each sample, then the spare ones.

    `samples` are those that the reference run trains, the reserve comes after them. `repetitions`
    says how many spare visits samples of some name have; `names` (N) are what each sample is
    called, its flags and its domain.
    """
    sample_of = [np.tile(np.arange(samples + reserve), epochs)]
    for name, times in (repetitions or {}).items():
        of = [sample for sample, known in enumerate(names) if name in known]
        sample_of.append(np.tile(of, times).astype(int))
    found = np.concatenate(sample_of).astype(np.int32)
    found.flags.writeable = False
    return Visits(found, *shape, epochs, reserve)


def plain_visits(count: int, batch_size: int) -> Visits:
    """Each of `count` samples once."""
    return Visits(np.arange(count, dtype=np.int32), count // batch_size, batch_size)


def reference_order(
    visits: Visits, seed: int, order_seed: int | None = None, as_filed: bool = False
) -> Order:
    """What the reference run trains: the samples but the reserve, once an epoch; then the bench.

    The corpus is shuffled by `seed` before ids are given, so the first epoch has them as they
    are, unless `order_seed` draws another order. `as_filed`: every epoch goes by the ids.
    """
    trained = np.arange(visits.samples - visits.reserve, dtype=np.int32)
    random = np.random.default_rng([seed, 6] if order_seed is None else [order_seed, 5])
    epochs = [trained if order_seed is None else random.permutation(trained)]
    for epoch in range(1, visits.epochs):
        again = trained if as_filed else random.permutation(trained)
        epochs.append(again + epoch * visits.samples)
    order = np.concatenate(epochs)
    bench = np.setdiff1d(np.arange(visits.count), order)
    return frozen(np.concatenate([order, bench]))
