"""Loaded before any test and before NumPy.

Sums that BLAS splits over threads differ in their last bits, and a process that a test
starts inherits what `import ui` sets: with one thread everywhere, builds have the same bits.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
