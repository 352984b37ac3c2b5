"""An order as short text for an address, and back; damage of any kind is refused.

`2`, the number of samples, the order's Lehmer rank, a checksum: numbers in base64
for addresses, each of a length that the number of samples alone decides.
"""

import base64
import zlib
from functools import lru_cache
from math import factorial

from reorder_core.errors import OrderError
from reorder_core.orders.order import Order, make_order

FORM = "2"
"""The first form began with the rank at once and had no checksum: it can't be told from damage."""
_COUNT, _CHECK = 6, 6
"""Characters of the number of samples and of the checksum, four bytes each."""
_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def encode_order(order: Order) -> str:
    """The order as URL-safe text: 256 samples take 295 characters."""
    remaining = list(range(len(order)))
    rank = 0
    for value in order.tolist():
        position = remaining.index(value)
        rank = rank * len(remaining) + position
        remaining.pop(position)
    return _checked(FORM + _text(len(order), 4) + _text(rank, _rank_bytes(len(order))))


def decode_order(text: str, count: int) -> Order:
    """The inverse of `encode_order`; raises OrderError for any other text.

    Every change of one character is found, of several all but one in 2³².
    """
    head, body = len(FORM) + _COUNT, text[:-_CHECK]
    if not set(text) <= _ALPHABET or not text.startswith(FORM) or text != _checked(body):
        raise OrderError(
            "the order in this link is damaged, or the link was made before links had a checksum; "
            "copy it again from where it came from, or make it anew with Share, Copy link"
        )
    if text[len(FORM) : head] != _text(count, 4):
        raise OrderError(
            f"the order in this link is not for the {count} samples of this run; "
            "open the run that the link was made in"
        )
    rank = _number(body[head:], _rank_bytes(count))
    positions = []
    for size in range(1, count + 1):
        rank, position = divmod(rank, size)
        positions.append(position)
    remaining = list(range(count))
    return make_order([remaining.pop(position) for position in reversed(positions)], count)


@lru_cache(maxsize=8)
def _rank_bytes(count: int) -> int:
    return ((factorial(count) - 1).bit_length() + 7) // 8


def _text(number: int, size: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(size, "big")).decode().rstrip("=")


def _number(text: str, size: int) -> int:
    """The inverse; 0 for text of another length, which only a forged link has."""
    if len(text) != len(_text(0, size)):
        return 0
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def _checked(body: str) -> str:
    # A CRC of 32 bits finds every change that lies within 32 bits: any single character's.
    return body + _text(zlib.crc32(body.encode()), 4)
