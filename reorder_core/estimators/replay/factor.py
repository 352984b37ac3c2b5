"""Φ, the factor of the mean Hessian H ≈ ΦᵀΦ, and its products with displacements.

A batch's own Hessian weighs the rows: H_B ≈ Φᵀ diag(1 + Σ_d share_d(B) lean_d) Φ, by its shares of
the domains.

Two thirds of a query are these products: Φ is kept at 8 bits, each row is read once for both halves
of a product, and two displacements share the reading.
"""

import os
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self, cast

import numpy as np
from numpy.typing import NDArray

from reorder_core.estimators.replay import kernels
from reorder_core.estimators.replay.packing import codes_of

Array = NDArray[np.floating]
FEW = 8
"""Displacements side by side beyond which products of whole matrices are faster."""
CHUNKS = 4
"""Parts of Φ whose sums are added up: always as many, so that no last bit depends on the cores."""
SMALL = 2**19
"""Numbers in Φ below which a second thread costs more than it saves."""
LARGEST = np.iinfo(np.int8).max
TINY = 1e-30
DENSE_ROWS = 64
"""Rows unpacked at a time for products of whole matrices."""


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """Φ (R, s) as codes × row × column; zero rows before the first make whole `kernels.ROWS`."""

    codes: NDArray[np.int8] | Array
    """(R', s)"""
    row: NDArray[np.float32]
    """(R',)"""
    column: NDArray[np.float32]
    """(s,)"""
    count: int
    """R."""
    lean: NDArray[np.float32] | None = None
    """(D, R') by how much a batch of one domain weighs each row more than the corpus does."""

    @classmethod
    def of(cls, rows: Array) -> Self:
        """Φ (R, s) at full precision."""
        column = np.ones(rows.shape[1], np.float32)
        return cls._padded(rows, np.ones(len(rows), np.float32), column)

    @classmethod
    def none(cls, size: int) -> Self:
        """Φ without rows: no curvature."""
        return cls.of(np.zeros((0, size), np.float32))

    @classmethod
    def unpacked(cls, name: str, arrays: Mapping[str, NDArray]) -> Self:
        """From what `packing.pack` stored: at 8 and 32 bits without a loss, else as 8-bit integers.

        By row, in units of 1/127 of its largest entry. Of 16 bits that takes half a percent of a
        product, where the draw of the rows takes tens, and a fifth of a query's time. Of 4 bits
        it is below what was lost to them.
        """
        rows = np.asarray(arrays[name])
        if rows.dtype == np.float32:
            return cls.of(rows)
        column = np.asarray(arrays[f"{name}.column"], np.float32)
        row = np.ones(len(rows), np.float32)
        if f"{name}.row" in arrays:
            row = np.asarray(arrays[f"{name}.row"], np.float32)[:, 0]
        if f"{name}.levels" in arrays:
            levels = np.asarray(arrays[f"{name}.levels"], np.float32)
            unit = np.float32(max(float(np.abs(levels).max()), TINY) / LARGEST)
            return cls._padded(_whole(levels / unit)[codes_of(name, arrays)], row * unit, column)
        if rows.dtype == np.int8:
            return cls._padded(rows, row, column)
        row = np.abs(rows).max(axis=1).astype(np.float32) / LARGEST
        row[row == 0] = 1
        codes = np.empty(rows.shape, np.int8)
        for at in range(0, len(rows), DENSE_ROWS):
            part = slice(at, at + DENSE_ROWS)
            codes[part] = _whole(rows[part].astype(np.float32) / row[part, None])
        return cls._padded(codes, row, column)

    @classmethod
    def _padded(cls, codes: NDArray, row: Array, column: Array) -> Self:
        missing = -len(codes) % kernels.ROWS
        if missing:
            codes = np.concatenate([np.zeros_like(codes, shape=(missing, codes.shape[1])), codes])
            row = np.concatenate([np.zeros(missing, np.float32), row])
        # A copy: what a file holds may change while it is mapped.
        return cls(
            np.array(codes, order="C"), np.array(row), np.array(column), len(codes) - missing
        )

    def __len__(self) -> int:
        return self.count

    def last(self, count: int) -> "Factor":
        """The last rows, all where there are fewer."""
        count = min(count, self.count)
        first = len(self.codes) - count
        whole = first // kernels.ROWS * kernels.ROWS
        row = self.row[whole:].copy()
        row[: first - whole] = 0
        lean = None if self.lean is None else self.lean[:, whole:]
        return Factor(self.codes[whole:], row, self.column, count, lean)

    def leaning(self, lean: Array) -> "Factor":
        """The same with (D, R) `lean`."""
        missing = len(self.codes) - self.count
        return replace(self, lean=np.pad(lean.astype(np.float32), [(0, 0), (missing, 0)]))

    def leans(self, at: Array, x: Array) -> Array:
        """(D,) what a batch of each domain adds to atᵀ H x, for at and x (s,)."""
        assert self.lean is not None
        pair = np.stack([at, x]) * self.column
        rows = [pair @ self._unpacked(slice(k, k + DENSE_ROWS)).T
                for k in range(0, len(self.codes), DENSE_ROWS)]  # fmt: skip
        along, moved = np.concatenate(rows, axis=1)
        return self.lean @ (along * moved)

    def dense(self) -> Array:
        """(R, s) Φ itself."""
        first = len(self.codes) - self.count
        return self._unpacked(slice(first, None)) * self.column

    def product(self, x: Array, shares: Array | None = None, whole: float = 1.0) -> Array:
        """(B, s) H x, for x (B, s), H being `whole` of the mean Hessian and `shares` (B, D) of what
        each domain's has beyond it: those of its domains, in all 1, for a batch's Hessian.
        """
        found = np.zeros_like(x)
        self.add_product(x, found, shares, whole)
        return found

    def add_product(
        self, x: Array, out: Array, shares: Array | None = None, whole: float = 1.0
    ) -> None:
        """Adds `product` to out (B, s)."""
        scaled = np.ascontiguousarray(x * self.column)
        squares = np.tile(self.row * self.row * np.float32(whole), (len(x), 1))
        if self.lean is not None and shares is not None:
            squares += (self.row * self.row) * (shares @ self.lean)
        if len(x) > FEW:
            out += self._dense_product(scaled, squares) * self.column
            return
        for at in range(0, len(scaled), 2):
            two = slice(at, at + 2)
            self._add_pair(scaled[two], squares[two], out[two])

    def lengths(self, x: Array) -> tuple[Array, Array]:
        """(B,) xᵀ H x of the mean Hessian, and (B, D) what each domain's has beyond it."""
        rows = self._squares(np.ascontiguousarray(x * self.column))
        beyond = np.zeros((len(x), 0), rows.dtype) if self.lean is None else rows @ self.lean.T
        return rows.sum(1), beyond

    def _squares(self, scaled: Array) -> Array:
        """(B, R') the rows' squared products with displacements whose columns are scaled."""
        square = self.row * self.row
        if len(scaled) > FEW:
            parts = (slice(at, at + DENSE_ROWS) for at in range(0, len(self.codes), DENSE_ROWS))
            found = [np.square(scaled @ self._real(part).T) for part in parts]
            return np.concatenate(found, axis=1) * square if found else scaled[:, :0]
        rows = np.empty(
            (len(scaled) + 1, len(self.codes)), scaled.dtype
        )  # one for a lone one's pair
        for at in range(0, len(scaled), 2):
            other = scaled[min(at + 1, len(scaled) - 1)]
            kernels.squares(self.codes, square, scaled[at], other, rows[at], rows[at + 1])
        return rows[:-1]

    def _unpacked(self, part: slice) -> Array:
        return self._real(part) * self.row[part, None]

    def _real(self, part: slice) -> Array:
        codes = self.codes[part]
        real = np.issubdtype(codes.dtype, np.floating)
        return cast(Array, codes) if real else codes.astype(np.float32)

    def _dense_product(self, scaled: Array, squares: Array) -> Array:
        found = np.zeros_like(scaled)
        for at in range(0, len(self.codes), DENSE_ROWS):
            part = slice(at, at + DENSE_ROWS)
            codes = self._real(part)
            found += ((scaled @ codes.T) * squares[:, part]) @ codes
        return found

    def _add_pair(self, scaled: Array, squares: Array, out: Array) -> None:
        """Adds the product of one or two displacements whose columns are scaled to out (B, s)."""
        second = scaled[-1]  # one alone goes as two that are the same
        parts = _scratch(scaled.shape[1], scaled.dtype)
        groups = len(self.codes) // kernels.ROWS
        edges = [groups * chunk // CHUNKS * kernels.ROWS for chunk in range(CHUNKS + 1)]

        def add(chunk: int) -> None:
            first, last = edges[chunk : chunk + 2]
            kernels.add_products(
                self.codes, squares[0], squares[-1], scaled[0], second, parts[chunk, 0],
                parts[chunk, 1], first, last,
            )  # fmt: skip

        pool = _pool() if self.codes.size > SMALL else None
        list(pool.map(add, range(CHUNKS)) if pool else map(add, range(CHUNKS)))
        kernels.add_parts(parts, self.column, out)


def _whole(values: Array) -> NDArray[np.int8]:
    return np.rint(values).astype(np.int8)


_kept = threading.local()


def _scratch(size: int, kind: np.dtype) -> Array:
    """(CHUNKS, 2, size) zeros, in memory that this thread used before: new pages cost a tenth."""
    parts = getattr(_kept, "parts", None)
    if parts is None or parts.shape[2] != size or parts.dtype != kind:
        _kept.parts = parts = np.empty((CHUNKS, 2, size), kind)
    parts.fill(0)
    return parts


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor | None:
    """Threads for the parts of a product, shared by all who ask: on half of the cores.

    The others are the browser's and other people's. On two cores a second thread takes a tenth
    off a query, and nothing off a drop whose browser runs beside it.
    """
    allowed = getattr(os, "sched_getaffinity", None)  # Linux only
    cores = min(CHUNKS, (len(allowed(0)) if allowed else os.cpu_count() or 1) // 2)
    return ThreadPoolExecutor(cores, "product") if cores > 1 else None


if hasattr(os, "register_at_fork"):  # a child has none of its parent's threads
    os.register_at_fork(after_in_child=_pool.cache_clear)
