"""Orders of samples: reading, checking, moving, hashing.

`order[slot]` is a visit; step t trains slots t·b … t·b+b−1. An order is a permutation of all
visits 0..V−1, held as a read-only int32 array. With one epoch and no bench a visit is a sample,
and its id is the sample's (see `visits`).
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from reorder_core.errors import OrderError

if TYPE_CHECKING:
    from reorder_core.orders.visits import Visits

Order = NDArray[np.int32]
MoveKind = Literal["insert", "swap"]
_KINDS = {"sample": "a one-epoch", "visit": "an"}


def make_order(ids: Iterable[Any], count: int, what: str = "sample") -> Order:
    """A checked order: each of 0..count−1 exactly once; `what` they are called.

    Raises OrderError naming the first id that is missing, doubled or unknown.
    """
    if isinstance(ids, np.ndarray) and ids.ndim == 1 and ids.dtype.kind in "iu":
        values = ids.tolist()
    else:
        values = list(ids)
    slot_of: dict[int, int] = {}
    once = f"{_KINDS[what]} order uses each of 0..{count - 1} once"
    for slot, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise OrderError(
                f"slot {slot} holds {_shown(value)}; expected a {what} id, "
                f"a whole number from 0 to {count - 1}"
            )
        sample_id = int(value)
        if not 0 <= sample_id < count:
            raise OrderError(
                f"unknown {what} id {sample_id} in slot {slot}; this run's ids are 0..{count - 1}"
            )
        if sample_id in slot_of:
            raise OrderError(
                f"{what} {sample_id} appears in slots {slot_of[sample_id]} and {slot}; {once}"
            )
        slot_of[sample_id] = slot
    if len(values) != count:
        missing = next(i for i in range(count) if i not in slot_of)
        raise OrderError(
            f"{count - len(values)} of {count} {what}s are missing, the first is {what} {missing}; "
            f"{once}"
        )
    order = np.array(values, dtype=np.int32)
    order.flags.writeable = False
    return order


def parse_order(text: str, run_id: str, visits: "int | Visits") -> Order:
    """The order in a text: `3 1 2` with spaces, commas or lines between, or JSON.

    JSON is `{"run": id, "order": [...]}` or a list; of a run with visits also
    `{"run": id, "samples": [...]}`, what is trained slot by slot. Raises OrderError for text that
    is neither, for another run's order, and for anything that is not a permutation of the
    run's `visits`, or of so many sample ids.
    """
    count = visits if isinstance(visits, int) else visits.count
    value = _listed(text) or _from_json(text, run_id)
    if isinstance(value, dict):
        key = "order"
        if not isinstance(visits, int) and not visits.is_plain and "samples" in value:
            key = "samples"
        if key not in value:
            raise OrderError(
                f'no "order" in the order file; its keys are {_shown(sorted(value))}, '
                f'expected "run" and "order"'
            )
        if value.get("run", run_id) != run_id:
            raise OrderError(
                f"this order is for run {_shown(value['run'])}, the open run is {run_id}; "
                "sample ids mean nothing across runs: open that run, or make the order anew"
            )
        value = value[key]
        if key == "samples" and isinstance(value, list) and not isinstance(visits, int):
            return visits.of_samples(value)
    if not isinstance(value, list):
        raise OrderError(f"the order is {_shown(value)}; expected a list of {count} sample ids")
    return make_order(value, count) if isinstance(visits, int) else visits.make_order(value)


def _listed(text: str) -> list[int] | None:
    """The ids of a plain list; None where the text is no such list."""
    words = text.replace(",", " ").replace(";", " ").split()
    # isdigit alone would let other scripts' digits through, and int() endless ones.
    if not words or not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
        return None
    return [int(word) for word in words]


def _from_json(text: str, run_id: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also a number too long for int
        raise OrderError(
            f"the order is neither a list of sample ids nor JSON ({error}); expected ids such as "
            f'3 1 2, [3, 1, 2] or {{"run": "{run_id}", "order": [sample ids]}}'
        ) from None


def read_order(path: Path, run_id: str, visits: "int | Visits") -> Order:
    """The order in the file at `path`, checked; see `parse_order`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise OrderError(f"no order file at {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise OrderError(f"cannot read the order file {path}: {error}") from None
    return parse_order(text, run_id, visits)


def order_hash(order: Order) -> str:
    """16 hex digits that name an order of a run, the same on every machine."""
    return hashlib.sha256(order.astype("<i4").tobytes()).hexdigest()[:16]


def training_hash(order: Order, batch_size: int) -> str:
    """As `order_hash`, but alike for all orders that train the same.

    A step's gradient is the mean over its samples, so their order within the
    step changes nothing but rounding.
    """
    return order_hash(np.sort(order.reshape(-1, batch_size), axis=1).reshape(-1))


def slots_of(order: Order) -> NDArray[np.int32]:
    """The inverse: `slots_of(order)[sample_id]` is the sample's slot."""
    slots = np.empty_like(order)
    slots[order] = np.arange(len(order), dtype=order.dtype)
    return slots


def steps_of(orders: NDArray[np.integer], batch_size: int) -> NDArray[np.intp]:
    """(M, N) the step that trains each sample, for orders (M, N)."""
    return np.argsort(orders, axis=1) // batch_size


def insert(order: Order, sample_id: int, slot: int) -> Order:
    """`order` with a sample taken out and put back at `slot`, others shifting."""
    rest = np.delete(order, slots_of(order)[sample_id])
    return frozen(np.insert(rest, slot, sample_id))


def swap(order: Order, sample_id: int, slot: int) -> Order:
    """`order` with a sample exchanged against the one that holds `slot`."""
    moved = order.copy()
    moved[slots_of(order)[sample_id]] = order[slot]
    moved[slot] = sample_id
    return frozen(moved)


def move(order: Order, sample_id: int, slot: int, kind: MoveKind) -> Order:
    """`order` after one insert or swap; raises OrderError for an id or slot outside it."""
    if not 0 <= sample_id < len(order) or not 0 <= slot < len(order):
        raise OrderError(
            f"cannot move sample {sample_id} to slot {slot}; "
            f"samples and slots of this run are 0..{len(order) - 1}"
        )
    return {"insert": insert, "swap": swap}[kind](order, sample_id, slot)


def first_changed_slot(a: Order, b: Order) -> int:
    """The first slot where two orders differ; their length where they do not."""
    changed = np.flatnonzero(a != b)
    return int(changed[0]) if len(changed) else len(a)


def frozen(order: NDArray[Any]) -> Order:
    """A read-only int32 copy of an order that is known to be right."""
    result = np.array(order, dtype=np.int32)
    result.flags.writeable = False
    return result


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
