"""What an order must keep to, and how any order is brought to keep it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from reorder_core.errors import CurriculumError
from reorder_core.orders.order import Order, frozen, slots_of
from reorder_core.store.run import Run

Random = np.random.Generator
SEQUENCES = 5040
"""Sequences of domains that are tried when the nearest to the reference order is looked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Constraints:
    """All that holds at once; without any, every order does."""

    reference: Order
    batch_size: int
    domain_of: NDArray[np.integer]
    """(V,) the number of the domain of each visit's sample."""
    early: tuple[int, ...] = ()
    """Visits that must be trained within the first half."""
    whole: bool = False
    """Whether every domain must stand as one block."""
    most_moves: int | None = None
    """At most so many samples taken out of the reference order and put elsewhere."""
    trained: int | None = None
    """Slots that are trained where there is a bench: what the reference trains stays in them."""

    @property
    def any(self) -> bool:
        return bool(self.early) or self.whole or self.most_moves is not None

    @property
    def half(self) -> int:
        """The first slot of the second half, at a step's start."""
        trained = len(self.reference) if self.trained is None else self.trained
        return trained // self.batch_size // 2 * self.batch_size

    def holds(self, order: Order) -> bool:
        """Whether the order keeps to all of them."""
        if self.trained is not None:
            usual, here = (set(of[self.trained :].tolist()) for of in (self.reference, order))
            if usual != here:
                return False
        if self.early and (slots_of(order)[list(self.early)] >= self.half).any():
            return False
        if self.whole and np.count_nonzero(np.diff(self.domain_of[order])) >= self.domains:
            return False
        return self.most_moves is None or self.moves(order) <= self.most_moves

    @property
    def domains(self) -> int:
        return int(self.domain_of.max()) + 1

    def moves(self, order: Order) -> int:
        """The fewest samples whose removal and insertion leads from the reference order here."""
        return len(order) - len(_kept(self._places(order)))

    def repair(self, order: NDArray[np.integer], random: Random) -> Order:
        """An order much like this one that keeps to them, where one can be found."""
        order = np.asarray(order, np.int32)
        if self.trained is not None:
            order = self._bench_kept(order, self.trained)
        if self.whole:
            order = self._as_blocks(order, self._sequence_of(order))
        elif self.early:
            order = self._early_first(order)
        if self.most_moves is not None and self.moves(order) > self.most_moves:
            order = self._nearer(order, random)
        return frozen(order)

    def words(self) -> tuple[str, ...]:
        """Each in a sentence's part."""
        told = []
        if self.early:
            told.append(f"{len(self.early)} samples within the first half of training")
        if self.whole:
            told.append("every domain in one block")
        if self.most_moves is not None:
            told.append(f"at most {self.most_moves} moves from the reference order")
        return tuple(told)

    def _places(self, order: Order) -> NDArray[np.integer]:
        """(N,) slots in the reference order; within a step ascending, which trains the same."""
        places = slots_of(self.reference)[order]
        return places[np.lexsort((places, np.arange(len(order)) // self.batch_size))]

    # --- repairs ------------------------------------------------------------------

    def _bench_kept(self, order: Order, trained: int) -> Order:
        """What came off the bench changes places with what went there."""
        order, benched = order.copy(), np.zeros(len(order), bool)
        benched[self.reference[trained:]] = True
        out = np.flatnonzero(~benched[order] & (np.arange(len(order)) >= trained))
        taken = np.flatnonzero(benched[order] & (np.arange(len(order)) < trained))
        order[out], order[taken] = order[taken], order[out]
        return order

    def _early_first(self, order: Order) -> Order:
        """The early samples that stand too late change places with the last others before."""
        order, wanted = order.copy(), np.zeros(len(order), bool)
        wanted[list(self.early)] = True
        late = np.flatnonzero(wanted[order] & (np.arange(len(order)) >= self.half))
        free = np.flatnonzero(~wanted[order] & (np.arange(len(order)) < self.half))
        free = free[len(free) - len(late) :]
        order[late], order[free] = order[free], order[late]
        return order

    def _sequence_of(self, order: Order) -> list[int]:
        """Domains by where they stand in the mean; if that is too late for some, by due slot."""
        slots = slots_of(order)
        mean = [slots[self.domain_of == d].mean() for d in range(self.domains)]
        sequence = list(np.argsort(mean, kind="stable"))
        return sequence if self._is_in_time(sequence) else self.in_time()

    def in_time(self) -> list[int]:
        """The sequence that is in time if any is: earliest due block end first."""
        sizes, early = self._sizes(), self._early_counts()
        due = np.where(early > 0, self.half - early + sizes, np.iinfo(np.int64).max)
        return list(np.argsort(due, kind="stable"))

    def _is_in_time(self, sequence: Sequence[int]) -> bool:
        sizes, early = self._sizes(), self._early_counts()
        starts = np.concatenate([[0], np.cumsum(sizes[list(sequence)])[:-1]])
        needed = early[list(sequence)]
        return bool(((starts + needed <= self.half) | (needed == 0)).all())

    def _sizes(self) -> NDArray[np.integer]:
        return np.bincount(self.domain_of, minlength=self.domains)

    def _early_counts(self) -> NDArray[np.integer]:
        return np.bincount(self.domain_of[list(self.early)], minlength=self.domains)

    def _as_blocks(self, order: Order, sequence: Sequence[int]) -> Order:
        """Domain after domain, each as it stands; the early ones first where the block is late."""
        parts, start, early = [], 0, np.zeros(len(order), bool)
        early[list(self.early)] = True
        for domain in sequence:
            block = order[self.domain_of[order] == domain]
            if (early[block] & (start + np.arange(len(block)) >= self.half)).any():
                block = np.concatenate([block[early[block]], block[~early[block]]])
            parts.append(block)
            start += len(block)
        return np.concatenate(parts)

    def _nearer(self, order: Order, random: Random) -> Order:
        """The nearest order that keeps to the others, with as many of this one's moves as fit."""
        best = self.nearest()
        spare = (self.most_moves or 0) - self.moves(best)
        moved = np.setdiff1d(order, order[_kept(slots_of(best)[order])])
        wanted = random.permutation(moved)
        for count in (spare, spare // 2, spare // 4):
            if count <= 0 or not len(wanted):
                break
            found = _put(best, wanted[:count], slots_of(order))
            if self.holds(found):
                return found
        return best

    def nearest(self) -> Order:
        """The order with the fewest moves found that keeps to all but the number of moves."""
        reference = np.asarray(self.reference)
        if not self.whole:
            return self._early_first(reference) if self.early else reference
        sequences = [self.in_time(), self._sequence_of(reference)]
        if self.domains <= 7:
            sequences = list(map(list, permutations(range(self.domains))))[:SEQUENCES]
        found = [self._as_blocks(reference, s) for s in sequences if self._is_in_time(s)]
        return min(found, key=self.moves) if found else reference


def make_constraints(
    run: Run,
    early: Sequence[int] = (),
    whole: bool = False,
    most_moves: int | None = None,
) -> Constraints:
    """Constraints for a run's orders; raises CurriculumError where no order meets them all."""
    visits = run.visits
    if whole and visits.bench:
        raise CurriculumError(
            "domains cannot be kept whole in a run with a bench; leave --keep-domains-whole out"
        )
    of_samples = np.array([run.domains.index(sample.domain) for sample in run.samples])
    domain_of, wanted = visits.as_visits(of_samples), set(early)
    reference = run.reference_order
    asked = [int(v) for v in np.sort(reference[: visits.trained]) if visits.sample_of[v] in wanted]
    if visits.is_plain:
        asked = list(early)
    made = Constraints(
        reference, run.batch_size, domain_of, tuple(asked), whole, most_moves,
        visits.trained if visits.bench else None,
    )  # fmt: skip
    if len(made.early) > made.half:
        raise CurriculumError(
            f"{len(made.early)} samples cannot all be within the first half of training, which "
            f"has {made.half} slots; name at most {made.half}"
        )
    if most_moves is not None and most_moves < 0:
        raise CurriculumError(f"at most {most_moves} moves were asked for; expected 0 or more")
    nearest = made.nearest()
    if not replace(made, reference=nearest, most_moves=None).holds(nearest):
        raise CurriculumError(
            "no order keeps every domain in one block and those samples within the first half; "
            "name fewer samples, or leave one of the two out"
        )
    if most_moves is not None and made.moves(nearest) > most_moves:
        raise CurriculumError(
            f"the nearest order that keeps to the other constraints is {made.moves(nearest)} moves "
            f"from the reference order, at most {most_moves} were asked for; allow more, "
            "or leave a constraint out"
        )
    return made


def _kept(places: NDArray[np.integer]) -> NDArray[np.integer]:
    """Indices of a longest increasing subsequence: what need not be moved."""
    tails: list[int] = []
    ends, before = [], np.full(len(places), -1)
    for index, place in enumerate(places.tolist()):
        at = int(np.searchsorted(tails, place))
        before[index] = ends[at - 1] if at else -1
        tails[at : at + 1] = [place]
        ends[at : at + 1] = [index]
    kept, index = [], ends[-1] if ends else -1
    while index >= 0:
        kept.append(index)
        index = int(before[index])
    return np.array(kept[::-1], dtype=np.intp)


def _put(order: Order, ids: NDArray[np.integer], slots: NDArray[np.integer]) -> Order:
    """`order` with some samples taken out and put back at the slots wanted."""
    rest = order[~np.isin(order, ids)]
    result = list(rest)
    for sample in sorted(ids.tolist(), key=lambda i: int(slots[i])):
        result.insert(min(int(slots[sample]), len(result)), sample)
    return np.array(result, np.int32)
