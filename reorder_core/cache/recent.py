"""What was computed last, in memory: bounded in bytes, safe to use from many threads."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import fields
from typing import Any

MOST_BYTES = 64 * 2**20


class Recent:
    """Records by key; what was not asked for longest goes first."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most, self._lock = most, threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self.bytes = 0
        """Size of the arrays of all that is kept."""

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> Any:
        """The record; None where it is not, or not any more, kept."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, record: Any) -> None:
        """Keep a dataclass of arrays and losses; one larger than all the room is not kept."""
        size = _bytes(record)
        with self._lock:
            self.bytes -= self._kept.pop(key, (None, 0))[1]
            self._kept[key] = (record, size)
            self.bytes += size
            while self.bytes > self._most:
                self.bytes -= self._kept.popitem(last=False)[1][1]


def _bytes(record: Any) -> int:
    values = (getattr(record, field.name) for field in fields(record))
    return sum(getattr(value, "nbytes", 64) for value in values)
