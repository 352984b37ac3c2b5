"""The innermost loops of a replay, compiled by numba at the first call and kept on disk."""

from typing import Any

import numba
import numpy as np
from numba.core.errors import NumbaError

ROWS = 4
"""Rows of Φ that a loop takes at once."""
SUMS_MAY_BE_REORDERED = {"reassoc", "contract", "nsz"}


def _compiled(function: Any) -> Any:
    options = {"nogil": True, "fastmath": SUMS_MAY_BE_REORDERED}
    try:
        return numba.njit(cache=True, **options)(function)
    except (NumbaError, RuntimeError):  # nowhere to write: compiled anew by each process
        return numba.njit(**options)(function)


@_compiled
def add_products(codes, square0, square1, x0, x1, out0, out1, first, last):
    """Adds Cᵀ diag(square) C x to out, for two x (s,) and a square (R,) of each.

    Of rows first … last − 1 of C (R, s); `last − first` is a multiple of ROWS. A row lies in the
    core's cache when it is met again.
    """
    real = x0.dtype.type
    for at in range(first, last, 4):
        c0, c1, c2, c3 = codes[at], codes[at + 1], codes[at + 2], codes[at + 3]
        a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = real(0)
        for j in range(len(x0)):
            u, v = x0[j], x1[j]
            p, q = real(c0[j]), real(c1[j])
            r, s = real(c2[j]), real(c3[j])
            a0 += p * u
            a1 += q * u
            a2 += r * u
            a3 += s * u
            b0 += p * v
            b1 += q * v
            b2 += r * v
            b3 += s * v
        a0 *= square0[at]
        a1 *= square0[at + 1]
        a2 *= square0[at + 2]
        a3 *= square0[at + 3]
        b0 *= square1[at]
        b1 *= square1[at + 1]
        b2 *= square1[at + 2]
        b3 *= square1[at + 3]
        for j in range(len(x0)):
            p, q = real(c0[j]), real(c1[j])
            r, s = real(c2[j]), real(c3[j])
            out0[j] += a0 * p + a1 * q + a2 * r + a3 * s
            out1[j] += b0 * p + b1 * q + b2 * r + b3 * s


@_compiled
def add_rows(early, late, ids, share, out):
    """Adds the mean over ids of rows of (N, s), `share` of the way from early to late, to out."""
    real = out.dtype.type
    before, after = real((1 - share) / len(ids)), real(share / len(ids))
    for i in ids:
        for j in range(len(out)):
            out[j] += before * early[i, j] + after * late[i, j]


@_compiled
def adam(gradient, first, second, settings, new_first, new_second, update):
    """Adam's memory after a gradient, and Γ; all (B, s). Settings: see `replayer`."""
    beta1, beta2, rest1, rest2, bias1, bias2, epsilon = settings
    for b in range(gradient.shape[0]):
        for j in range(gradient.shape[1]):
            g = gradient[b, j]
            m = beta1 * first[b, j] + rest1 * g
            v = beta2 * second[b, j] + rest2 * (g * g)
            new_first[b, j] = m
            new_second[b, j] = v
            update[b, j] = m / bias1 / (np.sqrt(v / bias2) + epsilon)
