"""An order as short text for an address, and back."""

import base64

from reorder_core.errors import OrderError
from reorder_core.orders.order import Order, make_order


def encode_order(order: Order) -> str:
    """The order's Lehmer rank as URL-safe text: 256 samples take 282 characters."""
    remaining = list(range(len(order)))
    rank = 0
    for value in order.tolist():
        position = remaining.index(value)
        rank = rank * len(remaining) + position
        remaining.pop(position)
    size = (rank.bit_length() + 7) // 8
    return base64.urlsafe_b64encode(rank.to_bytes(size, "big")).decode().rstrip("=")


def decode_order(text: str, count: int) -> Order:
    """The inverse of `encode_order`; raises OrderError for text it did not write."""
    alphabet = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    # b64decode silently drops foreign characters, so look first.
    if not set(text) <= alphabet or len(text) > 4 * count + 4 or len(text) % 4 == 1:
        raise OrderError("the order in this link is damaged; ask for the link again")
    rank = int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
    positions = []
    for size in range(1, count + 1):
        rank, position = divmod(rank, size)
        positions.append(position)
    if rank:
        raise OrderError(
            f"the order in this link is for more than the {count} samples of this run; "
            "open the run that the link was made in"
        )
    remaining = list(range(count))
    return make_order([remaining.pop(position) for position in reversed(positions)], count)
