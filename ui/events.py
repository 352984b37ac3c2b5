"""What the browser may ask for. It proposes; nothing it sends is trusted."""

from dataclasses import dataclass
from typing import Any

from reorder_core.errors import OrderError
from reorder_core.orders import Order, make_order

COMMANDS = ("undo", "redo", "reset", "verify", "cancel")
_LARGEST_SEQUENCE = 2**53


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """One request: a whole new order, or a command."""

    sequence: int
    """The browser's own count of its events; 0 when it sent none that can be used."""
    command: str
    """`drop` or one of COMMANDS."""
    order: Order | None = None


def sequence_of(payload: Any) -> int:
    """The payload's sequence number; 0 when it has none."""
    value = payload.get("seq") if isinstance(payload, dict) else None
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return value if 0 <= value < _LARGEST_SEQUENCE else 0


def parse_event(payload: Any, run_id: str, count: int) -> Event:
    """The request in a payload; raises OrderError for anything else than a good one."""
    if not isinstance(payload, dict):
        raise OrderError(f"the browser sent {type(payload).__name__}, no request; reload the page")
    command = payload.get("type")
    sequence = sequence_of(payload)
    if command in COMMANDS and isinstance(command, str):
        return Event(sequence, command)
    if command != "drop":
        raise OrderError(f"unknown request {str(command)[:40]!r} from the browser; reload the page")
    if payload.get("run") != run_id:
        raise OrderError(
            f"this page shows run {str(payload.get('run'))[:60]!r}, but the app now serves "
            f"{run_id!r}; reload the page"
        )
    ids = payload.get("order")
    if not isinstance(ids, list) or len(ids) > 2 * count:
        raise OrderError(f"the browser sent no order of {count} samples; reload the page")
    return Event(sequence, "drop", make_order(ids, count))
