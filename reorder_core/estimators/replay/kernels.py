"""The innermost loops of a replay, compiled by numba at the first call and kept on disk."""

from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
from numba.core import config
from numba.core.errors import NumbaError

ROWS = 4
"""Rows of Φ that a loop takes at once."""
SUMS_MAY_BE_REORDERED = {"reassoc", "contract", "nsz"}


FEATURES, WHOLE = "CPU_FEATURES", ",-prefer-256-bit"
"""The setting, and what makes the compiler take whole AVX-512 registers."""


def _take_whole_registers() -> None:
    """Older processors with AVX-512 slowed down under it, so compilers use half of a register where
    nobody says otherwise; those with its later instructions (Ice Lake, Zen 4) do not.
    """
    features = llvm.get_host_cpu_features()
    if features.get("avx512vbmi2") and not getattr(config, FEATURES):
        setattr(config, FEATURES, features.flatten() + WHOLE)


_take_whole_registers()


def _compiled(function: Any) -> Any:
    options = {"nogil": True, "fastmath": SUMS_MAY_BE_REORDERED, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except (NumbaError, RuntimeError):  # nowhere to write: compiled anew by each process
        return numba.njit(**options)(function)


@_compiled
def add_products(codes, square0, square1, x0, x1, out0, out1, first, last):
    """Adds Cᵀ diag(square) C x to out, for two x (s,) and a square (R,) of each.

    Of rows first … last − 1 of C (R, s); `last − first` is a multiple of ROWS. A row lies in the
    core's cache when it is met again: the second half of a product, with the rows d before c,
    is done while c is on its way from memory.
    """
    if first == last:
        return
    real = x0.dtype.type
    d0, d1, d2, d3 = codes[first], codes[first + 1], codes[first + 2], codes[first + 3]
    f0 = f1 = f2 = f3 = g0 = g1 = g2 = g3 = real(0)
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
            p, q = real(d0[j]), real(d1[j])
            r, s = real(d2[j]), real(d3[j])
            out0[j] += f0 * p + f1 * q + f2 * r + f3 * s
            out1[j] += g0 * p + g1 * q + g2 * r + g3 * s
        f0, g0 = a0 * square0[at], b0 * square1[at]
        f1, g1 = a1 * square0[at + 1], b1 * square1[at + 1]
        f2, g2 = a2 * square0[at + 2], b2 * square1[at + 2]
        f3, g3 = a3 * square0[at + 3], b3 * square1[at + 3]
        d0, d1, d2, d3 = c0, c1, c2, c3
    for j in range(len(x0)):
        p, q = real(d0[j]), real(d1[j])
        r, s = real(d2[j]), real(d3[j])
        out0[j] += f0 * p + f1 * q + f2 * r + f3 * s
        out1[j] += g0 * p + g1 * q + g2 * r + g3 * s


@_compiled
def squares(codes, square, x0, x1, out0, out1):
    """Writes square · (C x)², a number a row (R,) of C (R, s), for two x (s,)."""
    real = x0.dtype.type
    for at in range(0, len(codes), 2):
        c0, c1 = codes[at], codes[at + 1]
        a0 = a1 = b0 = b1 = real(0)
        for j in range(len(x0)):
            u, v = x0[j], x1[j]
            p, q = real(c0[j]), real(c1[j])
            a0 += p * u
            a1 += q * u
            b0 += p * v
            b1 += q * v
        out0[at], out0[at + 1] = a0 * a0 * square[at], a1 * a1 * square[at + 1]
        out1[at], out1[at + 1] = b0 * b0 * square[at], b1 * b1 * square[at + 1]


@_compiled
def add_parts(parts, column, out):
    """Adds column (s,) × the sum of parts (C, 2, s) to out (B, s), B of one or two."""
    for b in range(out.shape[0]):
        for j in range(out.shape[1]):
            found = parts[0, b, j]
            for part in range(1, parts.shape[0]):
                found += parts[part, b, j]
            out[b, j] += column[j] * found


@_compiled
def add_rows(early, late, ids, share, out):
    """Adds the mean over ids of rows of (N, s), `share` of the way from early to late, to out."""
    real = out.dtype.type
    before, after = real((1 - share) / len(ids)), real(share / len(ids))
    for first in range(0, len(out), 4096):
        found = out[first : first + 4096]  # stays in the core's nearest cache
        for i in ids:
            soon, later = early[i, first : first + 4096], late[i, first : first + 4096]
            for j in range(len(found)):
                found[j] += before * soon[j] + after * later[j]


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


@_compiled
def displaced(delta, update, known, rate, kept, out):
    """Displacements (B, s) after updates (B, s), of which what is `known` (C, s) displaces nothing.

    The first B/C go with known's first row, and so on; kept (s,) is what decay leaves.
    """
    for b in range(delta.shape[0]):
        centre = b * known.shape[0] // delta.shape[0]
        for j in range(delta.shape[1]):
            apart = update[b, j] - known[centre, j]
            out[b, j] = delta[b, j] * kept[j] - rate * apart
