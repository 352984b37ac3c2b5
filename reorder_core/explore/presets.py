"""Named orders of a run: sorted, reversed, at random, domain by domain."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from reorder_core.errors import OrderError
from reorder_core.orders.order import Order
from reorder_core.store.run import Run

Options = Mapping[str, Any]
LARGEST_SEED = 2**32 - 1


def preset(run: Run, name: str, options: Options) -> tuple[Order, str]:
    """The order of that name and its title in words.

    `random` takes `seed`; `blocks` takes `domains`, all of the run's in the
    sequence wanted. Raises OrderError for an unknown name or option.
    """
    make = PRESETS.get(name)
    if make is None:
        raise OrderError(f"unknown preset {name[:40]!r}; expected one of {', '.join(PRESETS)}")
    ids, title = make(run, options)
    return run.visits.make_order(ids), title


def _random(run: Run, options: Options) -> tuple[Any, str]:
    seed = options.get("seed", 0)
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= LARGEST_SEED:
        raise OrderError(
            f"the seed is {str(seed)[:20]!r}; expected a whole number from 0 to {LARGEST_SEED}"
        )
    trained = run.reference_order[: run.visits.trained]
    drawn = np.random.default_rng(seed).permutation(trained)
    return run.visits.with_trained(run.reference_order, drawn), f"random, seed {seed}"


def _reversed(run: Run, options: Options) -> tuple[Any, str]:
    trained = run.reference_order[: run.visits.trained][::-1]
    return run.visits.with_trained(run.reference_order, trained), "the reference order, reversed"


def _sorted(run: Run, keys: Any, title: str) -> tuple[Any, str]:
    """By a key of each sample; ties stay as the reference order has them."""
    return run.visits.sort_trained(run.reference_order, run.visits.as_visits(keys)), title


def _by_length(sign: int, title: str) -> Callable[[Run, Options], tuple[Any, str]]:
    return lambda run, _: _sorted(run, [sign * s.tokens for s in run.samples], title)


def _by_loss(sign: int, title: str) -> Callable[[Run, Options], tuple[Any, str]]:
    return lambda run, _: _sorted(run, sign * run.reference.losses_at.samples[0], title)


def _blocks(run: Run, options: Options) -> tuple[Any, str]:
    wanted = options.get("domains", list(run.domains))
    if not isinstance(wanted, Sequence) or sorted(map(str, wanted)) != sorted(run.domains):
        raise OrderError(f"the sequence of domains must name each of {', '.join(run.domains)} once")
    place = {str(name): at for at, name in enumerate(wanted)}
    keys = [place[sample.domain] for sample in run.samples]
    return _sorted(run, keys, " → ".join(map(str, wanted)))


def _interleaved(run: Run, options: Options) -> tuple[Any, str]:
    """Each domain spread evenly over the whole training."""
    visits, reference = run.visits, run.reference_order
    keys, of = np.empty(visits.count), visits.sample_of
    for domain in run.domains:
        own = [v for v in reference[: visits.trained] if run.samples[of[v]].domain == domain]
        keys[own] = (np.arange(len(own)) + 0.5) / len(own)
    return visits.sort_trained(reference, keys), "domains interleaved evenly"


PRESETS: dict[str, Callable[[Run, Options], tuple[Any, str]]] = {
    "random": _random,
    "reversed": _reversed,
    "shortest-first": _by_length(1, "sorted by length, shortest first"),
    "longest-first": _by_length(-1, "sorted by length, longest first"),
    "easy-to-hard": _by_loss(1, "easy to hard, by the loss before training"),
    "hard-to-easy": _by_loss(-1, "hard to easy, by the loss before training"),
    "blocks": _blocks,
    "interleaved": _interleaved,
}
